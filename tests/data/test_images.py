"""Every kind of picture is written with Pillow (or by hand) and read back through a folder."""

import os
import struct
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageOps, features

from gankit.data import load_dataset, memory
from gankit.data.images import decode, resized
from gankit.data.opening import UnreadableError
from gankit.data.read_options import ReadOptions
from gankit.errors import DataError

AVIF = pytest.mark.skipif(not features.check("avif"), reason="Pillow is built without AVIF")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters(mode="RGB", size=32):
    """Red, green over blue, white: no two turns or reflections of it are alike."""
    picture = Image.new("RGB", (size, size), WHITE)
    half = size // 2
    for box, colour in (((0, 0), RED), ((half, 0), GREEN), ((0, half), BLUE)):
        picture.paste(colour, (*box, box[0] + half, box[1] + half))
    return picture.convert(mode)


def read(path, **options):
    """The one picture in the folder of `path`: [C, H, W]."""
    dataset = load_dataset(str(path.parent), **options)
    assert len(dataset) == 1
    return dataset.read(np.array([0]))[0]


def as_planes(picture):
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("suffix", "options", "tolerance"),
    [
        (".png", {}, 0),
        (".PNG", {}, 0),
        (".bmp", {}, 0),
        (".tif", {}, 0),
        (".tiff", {"compression": "tiff_lzw"}, 0),
        (".gif", {}, 0),
        (".ppm", {}, 0),
        (".pnm", {}, 0),
        (".tga", {}, 0),
        (".TGA", {}, 0),
        (".jp2", {"irreversible": False}, 0),
        pytest.param(".avif", {"quality": 100}, 4, marks=AVIF),
        (".webp", {"lossless": True}, 0),
        (".webp", {"quality": 95}, 4),
        (".jpg", {"quality": 95, "subsampling": 0}, 4),
        (".jpeg", {"quality": 95, "subsampling": 0, "progressive": True}, 4),
    ],
)
def test_every_format(tmp_path, suffix, options, tolerance):
    path = tmp_path / f"picture{suffix}"
    quarters().save(path, **options)
    found = read(path)
    assert found.dtype == np.uint8
    assert found.shape == (3, 32, 32)
    wrong = np.abs(found.astype(int) - as_planes(quarters())).reshape(3, 2, 16, 2, 16)
    margin = 4 if tolerance else 0  # lossy formats smear colours across edges
    inside = slice(margin, 16 - margin)
    assert wrong[:, :, inside, :, inside].max() <= tolerance


def test_of_a_film_the_first_frame(tmp_path):
    path = tmp_path / "film.gif"
    black = Image.new("RGB", (32, 32))
    quarters().save(path, save_all=True, append_images=[black, black])
    assert np.array_equal(read(path), as_planes(quarters()))


def test_of_a_stereo_picture_the_first_view(tmp_path):
    path = tmp_path / "stereo.jpg"
    views = [quarters(size=256), Image.new("RGB", (256, 256))]
    views[0].save(path, "MPO", save_all=True, append_images=views[1:], quality=95)
    found = read(path, size=16)
    assert np.abs(found.astype(int) - as_planes(quarters(size=16)))[:, :6, :6].max() <= 4


def transparent(mode):
    """Quarters of which the left half is fully transparent."""
    picture = quarters("RGBA")
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, (0, 0, 16, 32))
    picture.putalpha(alpha)
    return picture.convert(mode)


def on_white(picture):
    picture.paste("white", (0, 0, 16, 32))
    return picture


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_every_mode(tmp_path, mode):
    path = tmp_path / "picture.png"
    source = quarters(mode)
    source.save(path)
    expected = quarters("L" if mode == "LA" else mode).convert("RGB")
    assert np.array_equal(read(path, channels="rgb"), as_planes(expected))


@pytest.mark.parametrize(("mode", "plain"), [("RGBA", "RGB"), ("LA", "L")])
def test_transparency_is_white(tmp_path, mode, plain):
    path = tmp_path / "picture.png"
    transparent(mode).save(path)
    assert np.array_equal(read(path), as_planes(on_white(quarters(plain))))


def test_half_transparent_is_half_white(tmp_path):
    path = tmp_path / "picture.png"
    Image.new("RGBA", (16, 16), (255, 0, 0, 128)).save(path)
    assert read(path)[:, 0, 0].tolist() == pytest.approx([255, 127, 127], abs=1)


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_palette_with_transparency_is_white(tmp_path, suffix):
    picture = Image.new("P", (32, 32), 0)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.paste(1, (16, 0, 32, 32))
    picture.save(tmp_path / f"picture{suffix}", transparency=0)
    found = read(tmp_path / f"picture{suffix}")
    assert found[:, 0, 0].tolist() == [255, 255, 255]
    assert found[:, 0, 31].tolist() == [255, 0, 0]


def test_a_colour_key_is_white(tmp_path):
    path = tmp_path / "picture.png"
    quarters().save(path, transparency=BLUE)
    found = read(path)
    assert found[:, 31, 0].tolist() == [255, 255, 255]
    assert found[:, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_cmyk(tmp_path, suffix):
    path = tmp_path / f"picture{suffix}"
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(path)
    assert read(path)[:, 8, 8].tolist() == pytest.approx(list(RED), abs=3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
@pytest.mark.parametrize(("channels", "count"), [("grey", 1), ("rgb", 3)])
def test_pictures_of_any_mode_are_read_in_colour_and_in_grey(tmp_path, mode, channels, count):
    for number in range(2):
        picture = Image.new("RGB", (16, 16), "white")
        lab = Image.new("LAB", (16, 16), (255, 128, 128))
        picture = lab if mode == "LAB" else picture.convert(mode)
        picture.save(tmp_path / f"{number}.tif", compression="raw")
    found = load_dataset(tmp_path, channels=channels).read(np.arange(2))
    assert found.shape == (2, count, 16, 16)
    assert found.min() >= 250


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_scaled_not_cut(tmp_path, suffix):
    path = tmp_path / f"picture{suffix}"
    values = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    Image.fromarray(values).save(path)
    found = read(path)
    assert found.shape == (1, 16, 16)
    assert found.ravel().tolist() == list(range(256))


def test_long_integers_are_sixteen_bits(tmp_path):
    path = tmp_path / "picture.tif"
    Image.fromarray(np.full((16, 16), 32896, np.int32)).save(path)
    assert np.unique(read(path)).tolist() == [128]


@pytest.mark.parametrize(("top", "value"), [(1.0, 0.5), (255.0, 127.5), (65535.0, 32767.5)])
def test_floats_in_each_usual_range(tmp_path, top, value):
    path = tmp_path / "picture.tif"
    values = np.full((16, 16), value, np.float32)
    values[0, 0], values[0, 1] = top, np.nan
    Image.fromarray(values).save(path)
    found = read(path)[0]
    assert found[0, 0] == 255
    assert found[0, 1] == 0
    assert found[8, 8] in (127, 128)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    path = tmp_path / f"picture{suffix}"
    stored = quarters().resize((32, 24))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(path, exif=exif, quality=100)
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    found = read(path)
    assert found.shape[1:] == ((24, 32) if orientation < 5 else (32, 24))
    assert np.abs(found.astype(int) - as_planes(upright)).max() <= 2


def test_damaged_exif_does_no_harm(tmp_path):
    path = tmp_path / "picture.jpg"
    quarters().save(path, exif=b"Exif\x00\x00garbage", quality=100)
    assert read(path).shape == (3, 32, 32)


def stripes(width, height):
    """Wide picture in three equal upright bands: black, grey, white."""
    picture = Image.new("L", (width, height), 0)
    picture.paste(128, (width // 3, 0, 2 * width // 3, height))
    picture.paste(255, (2 * width // 3, 0, width, height))
    return picture


def test_crop_keeps_the_middle_and_stretch_keeps_all(tmp_path):
    path = tmp_path / "picture.png"
    stripes(96, 32).save(path)
    assert np.unique(read(path, size=16, fit="crop")[0, :, 2:-2]).tolist() == [128]
    squeezed = read(path, size=16, fit="stretch")[0]
    assert squeezed[8, [1, 8, 14]].tolist() == pytest.approx([0, 128, 255], abs=3)


@pytest.mark.parametrize("size", [(16, 24), (40, 9), (8, 1024)])
def test_any_size_that_need_not_be_square(tmp_path, size):
    path = tmp_path / "picture.png"
    quarters().save(path)
    assert read(path, size=size).shape == (3, *size)


@pytest.mark.parametrize("side", [187, 273, 1023])
def test_cropping_survives_rounding(side):
    picture = Image.new("L", (3, 5), 200)  # 3 / 187 * 187 is a little more than 3
    assert np.unique(resized(picture, (side, side), "crop")).tolist() == [200]


def test_shrinking_averages(tmp_path):
    path = tmp_path / "picture.png"
    checks = np.indices((256, 256)).sum(0) % 2 * 255
    Image.fromarray(checks.astype(np.uint8)).save(path)
    assert np.abs(read(path, size=16).astype(int) - 128).max() <= 3


def test_a_large_jpeg_shrinks_like_a_png(tmp_path):
    picture = quarters(size=1024)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    picture.save(tmp_path / "a" / "p.jpg", quality=95)
    picture.save(tmp_path / "b" / "p.png")
    jpeg, png = read(tmp_path / "a" / "p.jpg", size=32), read(tmp_path / "b" / "p.png", size=32)
    assert np.abs(jpeg.astype(int) - png).max() <= 30
    assert np.abs(jpeg.astype(int) - png).mean() < 2


def write_png_header(path, width, height, kind=2, bits=8):
    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


@pytest.mark.parametrize("side", [10_100, 50_000])  # Pillow warns of the one, refuses the other
def test_a_bomb_is_left_out_unopened(tmp_path, side, recwarn):
    quarters().save(tmp_path / "good.png")
    write_png_header(tmp_path / "bomb.png", side, side)
    dataset = load_dataset(str(tmp_path))
    assert dataset.shape == (3, 32, 32)
    said = f"1 file: bomb.png (too large: {side * side / 1e6:,.0f} megapixels, at most 100 are"
    assert any(said in note for note in dataset.notes)
    assert not recwarn.list


def test_our_own_limit_holds_where_pillow_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    write_png_header(tmp_path / "bomb.png", 10_100, 10_100)
    with pytest.raises(DataError, match="at most 100 are decoded: save it smaller"):
        load_dataset(str(tmp_path))


def test_the_limit_is_ours_where_pillows_is_lower(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    quarters().save(tmp_path / "picture.png")
    assert np.array_equal(read(tmp_path / "picture.png"), as_planes(quarters()))


@pytest.mark.parametrize(
    ("mode", "size", "said"),
    [
        ("RGBA", (1, 89_400_000), "1 x 89400000 in mode RGBA take 5.4 GB to decode, at most 2"),
        ("RGB", (1, 89_400_000), "GB to decode, at most 2 GB are taken: save it smaller"),
        ("I;16", (9_000, 9_000), "9000 x 9000 in mode I;16 take"),
    ],
)
def test_bytes_count_and_not_pixels_alone(tmp_path, mode, size, said):
    """Pixels below the limit may still be gigabytes: each row costs too, and each conversion."""
    write_png_header(tmp_path / "bomb.png", *size, kind={"RGB": 2, "RGBA": 6, "I;16": 0}[mode],
                     bits=16 if mode == "I;16" else 8)  # fmt: skip
    with pytest.raises(DataError, match=said):
        load_dataset(str(tmp_path))


def test_a_picture_of_every_kind_is_within_the_estimate(tmp_path, monkeypatch):
    """The estimate is at least what Pillow holds at once for one copy."""
    for mode in ("L", "RGB", "RGBA", "LA", "P", "I;16"):
        quarters("L" if mode == "I;16" else mode).convert(mode).save(tmp_path / "picture.png")
        with Image.open(tmp_path / "picture.png") as image:
            assert memory.bytes_needed(image, 32 * 32) > 2 * len(image.tobytes())


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_is_judged_by_what_is_decoded_of_it(tmp_path, options):
    """108 megapixels, as telephones take them, of which an eighth of each side is decoded."""
    Image.new("L", (12_000, 9_000), 77).save(tmp_path / "large.jpg", **options)
    found = read(tmp_path / "large.jpg", size=16)
    assert np.unique(found).tolist() == [77]


def test_a_jpeg_of_a_gigapixel_is_too_large_and_its_limit_is_said(tmp_path):
    path = tmp_path / "giant.jpg"
    quarters().save(path)
    whole = path.read_bytes()
    frame = whole.index(b"\xff\xc0") + 5  # the height and the width follow
    path.write_bytes(whole[:frame] + struct.pack(">HH", 40_000, 60_000) + whole[frame + 4 :])
    with pytest.raises(DataError, match="2,400 megapixels, at most 1,000 are decoded"):
        load_dataset(str(tmp_path))


def test_threads_share_a_budget_and_large_pictures_are_decoded_alone():
    budget, held, most = memory.Budget(10), [], []
    lock = threading.Lock()

    def decode(amount):
        with budget.taking(amount):
            with lock:
                held.append(amount)
                most.append(sum(held))
            time.sleep(0.002)
            with lock:
                held.remove(amount)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [1, 10, 3, 4, 10, 2, 9, 1] * 5))
    assert len(most) == 40
    assert max(most) <= 10


def test_a_failure_gives_its_share_back():
    budget = memory.Budget(10)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), budget.taking(10):
            raise ValueError("broken")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "git lfs pull"),
        (b"/annex/objects/SHA256E-s300--4d7a.png\n", "git annex get"),
        (b"", "not an image"),
    ],
)
def test_what_only_stands_for_a_picture_is_called_so(tmp_path, content, said):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=said):
        load_dataset(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_that_took_a_pictures_place_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(UnreadableError, match="no regular file"):
        decode(tmp_path / "a.png", (3, 16, 16), "crop")


@pytest.mark.parametrize("size", [7, 0, -1, 1025, (7, 32), (32, 2000)])
def test_sizes_out_of_range_are_refused(size):
    with pytest.raises(DataError, match="is out of range: a side is 8 to 1024 pixels"):
        load_dataset("digits", size=size)


@pytest.mark.parametrize("size", ["32", 32.5, (32,), (32, 32, 3), (32, "32"), (32, None)])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(
        DataError, match=r"^size (.* is no size: give a number|must be a whole number or )"
    ):
        load_dataset("digits", size=size)


def test_a_size_may_be_a_number_of_numpy():
    assert load_dataset("digits", size=np.int64(16)).shape == (1, 16, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fit": "squash"}, "fit 'squash' is unknown: give one of crop, stretch"),
        ({"channels": "cmyk"}, "channels 'cmyk' is unknown: give one of auto, grey, rgb"),
        ({"split": "valid"}, "split 'valid' is unknown: give one of train, test"),
        ({"memory_gb": -1.0}, "memory_gb -1.0 is out of range: give 0 or more"),
        ({"memory_gb": float("nan")}, "memory_gb nan is out of range"),
    ],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        ReadOptions(**options)


def test_grey_and_black_and_white_of_the_netpbm_family(tmp_path):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "a.pgm")
    assert np.array_equal(read(tmp_path / "a.pgm")[0], grey)
    (tmp_path / "a.pgm").unlink()
    Image.fromarray(grey > 99).save(tmp_path / "a.pbm")
    assert np.array_equal(read(tmp_path / "a.pbm")[0], (grey > 99) * 255)


HEIC = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(99)


def test_heic_without_its_reader_is_said_and_leaves_the_classes_in_order(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
    for name in ("a", "c"):
        (tmp_path / name).mkdir()
        quarters().save(tmp_path / name / "1.png")
    (tmp_path / "b").mkdir()
    for name in ("1.heic", "2.HEIC"):
        (tmp_path / "b" / name).write_bytes(HEIC)
    for memory_gb in (2, 0):
        dataset = load_dataset(tmp_path, memory_gb=memory_gb)
        assert dataset.class_names == ("a", "b", "c")
        assert dataset.labels.tolist() == [0, 2]
        told = "\n".join(dataset.notes)
        assert "2 files: b/1.heic (HEIC, which needs more than is installed: pip install" in told
        assert "classes without a readable image: b" in told


def test_heic_with_its_reader(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    quarters(size=64).save(tmp_path / "a.heic", quality=100)
    assert read(tmp_path / "a.heic")[:, 48, 48].tolist() == pytest.approx(list(WHITE), abs=4)


def test_a_text_by_the_name_of_a_format_without_a_mark_is_no_picture(tmp_path):
    (tmp_path / "a.tga").write_text("no picture at all, and long enough to be one by its length")
    with pytest.raises(DataError, match="not an image"):
        load_dataset(tmp_path)


def half_clear(mode):
    """Red on the left; on the right green that cannot be seen; a rim of half opacity between."""
    pixels = np.zeros((32, 32, 4), np.uint8)
    pixels[:, :14] = (*RED, 255)
    pixels[:, 14:18] = (*RED, 128)
    pixels[:, 18:] = (*GREEN, 0)
    image = Image.fromarray(pixels)
    if mode == "P":
        image = image.quantize(16)
    return image if mode in ("RGBA", "P") else image.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA"])
def test_opacity_is_kept_if_asked_and_what_is_not_seen_is_black(tmp_path, mode):
    half_clear(mode).save(tmp_path / "x.png")
    found = read(tmp_path / "x.png", channels="rgba")
    assert found.shape == (4, 32, 32)
    assert found[:, 0, 31].tolist() == [0, 0, 0, 0]
    assert found[3, 0, 0] == 255
    assert abs(int(found[3, 0, 16]) - 128) <= 1
    assert abs(found[0, 0, 16] - found[0, 0, 0] / 255 * 128) <= 1
    small = read(tmp_path / "x.png", channels="rgba", size=8)
    assert (small[:3] <= small[3:]).all()
    if mode != "LA":
        assert small[1].max() <= 1  # no green came over


def test_without_opacity_it_is_said_once_that_white_is_seen(tmp_path):
    Image.new("RGBA", (16, 16), (*RED, 255)).save(tmp_path / "opaque.png")
    assert not load_dataset(tmp_path).notes
    half_clear("RGBA").save(tmp_path / "x.png")
    (told,) = [n for n in load_dataset(tmp_path, size=16).notes if "transparent" in n]
    assert told == "transparent parts are seen over white (data.channels = rgba keeps them)"
    kept = load_dataset(tmp_path, size=16, channels="rgba")
    assert any("opacity" in note for note in kept.notes)
    assert kept.fingerprint != load_dataset(tmp_path, size=16).fingerprint


@pytest.mark.parametrize("deep", [False, True])
def test_every_page_of_a_tiff_is_a_band(tmp_path, deep):
    kind, scale = (np.uint16, 16) if deep else (np.uint8, 1)
    bands = np.random.default_rng(0).integers(0, 256, (5, 16, 20))
    bands[:, 0, :2] = 0, 255
    first, *rest = (Image.fromarray((band * scale).astype(kind)) for band in bands)
    first.save(tmp_path / "x.tif", save_all=True, append_images=rest)
    dataset = load_dataset(tmp_path, channels="bands")
    assert np.array_equal(dataset.read(np.array([0]))[0], bands)
    assert dataset.values == ((0, 4080) if deep else None)
    plain = load_dataset(tmp_path)
    assert plain.shape == (1, 16, 20)
    assert any("of several pages the first is read" in note for note in plain.notes)


def test_bands_are_those_of_most_and_others_are_left_out(tmp_path):
    for i in range(3):
        Image.new("CMYK", (16, 16), (10, 20, 30, 40 + i)).save(tmp_path / f"{i}.tif")
    Image.new("RGB", (16, 16)).save(tmp_path / "other.png")
    first, larger = Image.new("L", (16, 16)), Image.new("L", (24, 16))
    first.save(tmp_path / "pages.tif", save_all=True, append_images=[larger] * 3)
    dataset = load_dataset(tmp_path, channels="bands")
    assert dataset.shape == (4, 16, 16)
    assert dataset.read(np.arange(3))[:, :, 0, 0].tolist() == [
        [10, 20, 30, 40], [10, 20, 30, 41], [10, 20, 30, 42]
    ]  # fmt: skip
    assert dataset.left_out["other.png"] == "it has 3 bands, and the others 4"
    assert "another size" in dataset.left_out["pages.tif"]


def test_bands_that_pillow_passes_over_are_not_lost_silently(tmp_path):
    Image.new("RGBX", (16, 16)).save(tmp_path / "x.tif")
    with pytest.raises(DataError, match="a TIFF with more bands than Pillow reads: save each"):
        load_dataset(tmp_path, channels="bands")


def test_too_many_pages_are_refused(tmp_path):
    page = Image.new("L", (16, 16))
    page.save(tmp_path / "x.tif", save_all=True, append_images=[page] * 16)
    with pytest.raises(DataError, match="pictures of 17 bands, and 16 is the most"):
        load_dataset(tmp_path, channels="bands")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_middle_is_kept_before_any_resizing(tmp_path, suffix):
    """As for CelebA, 108 of 178 x 218; a JPEG is not decoded at a fraction of its size for it."""
    picture = np.zeros((218, 178, 3), np.uint8)
    picture[55:163, 35:143] = 200
    Image.fromarray(picture).save(tmp_path / f"face.{suffix}", quality=95)
    for side in (108, 16):
        middle = decode(tmp_path / f"face.{suffix}", (3, side, side), "crop", crop=108)
        assert middle[:, 2:-2, 2:-2].min() > 190
    whole = decode(tmp_path / f"face.{suffix}", (3, 218, 178), "crop", crop=1000)
    assert np.array_equal(whole, decode(tmp_path / f"face.{suffix}", (3, 218, 178), "crop"))


def test_a_set_has_the_size_of_its_middles(tmp_path):
    for number in range(3):
        Image.new("L", (300, 280), number).save(tmp_path / f"{number}.png")
    assert load_dataset(str(tmp_path), crop=108).shape == (1, 108, 108)
    assert load_dataset("digits", crop=20).shape == (1, 20, 20)
    with pytest.raises(DataError, match="leave size, crop and channels out"):
        load_dataset("toy:ring8", crop=20)
