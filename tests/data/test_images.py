"""Every kind of picture is written with Pillow (or by hand) and read back through a folder."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from gankit.data import load_dataset
from gankit.data.images import ReadOptions, resized
from gankit.errors import DataError

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


def write_png_header(path, width, height):
    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


@pytest.mark.parametrize("side", [9_700, 10_100, 50_000])  # Pillow warns, ours, Pillow refuses
def test_a_bomb_is_left_out_unopened(tmp_path, side, recwarn):
    quarters().save(tmp_path / "good.png")
    write_png_header(tmp_path / "bomb.png", side, side)
    dataset = load_dataset(str(tmp_path))
    assert len(dataset) == 1
    assert any("1 file: bomb.png (too large)" in note for note in dataset.notes)
    assert not recwarn.list


def test_our_own_limit_holds_where_pillow_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    write_png_header(tmp_path / "bomb.png", 10_100, 10_100)
    with pytest.raises(DataError, match="too large"):
        load_dataset(str(tmp_path))


@pytest.mark.parametrize("size", [7, 0, -1, 1025, (7, 32), (32, 2000)])
def test_sizes_out_of_range_are_refused(size):
    with pytest.raises(DataError, match="is out of range: a side is 8 to 1024 pixels"):
        load_dataset("digits", size=size)


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
