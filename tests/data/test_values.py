"""Images of more than 8 bits: the set's own range decides, and is kept."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gankit.choose_recipe import configure
from gankit.data import Dataset, decided, load_configured, load_dataset
from gankit.data.values import PixelFormat, choose_range
from gankit.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 16, 16)).astype(np.uint8)
PIXELS[0, 0, 0], PIXELS[1, 0, 0] = 0, 255


def folder(path, arrays, suffix=".png"):
    path.mkdir(exist_ok=True)
    for number, array in enumerate(arrays):
        Image.fromarray(array).save(path / f"{number}{suffix}")
    return path


def all_of(dataset):
    return dataset.read(np.arange(len(dataset)))[:, 0]


def notes(dataset):
    return "\n".join(dataset.notes)


@pytest.mark.parametrize("memory_gb", [2.0, 0.0])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_twelve_bits_in_sixteen_are_read_by_their_own_range(tmp_path, suffix, memory_gb):
    dataset = load_dataset(
        folder(tmp_path, PIXELS.astype(np.uint16) * 16, suffix), memory_gb=memory_gb
    )
    assert np.array_equal(all_of(dataset), PIXELS)
    assert dataset.values == (0, 4080)
    assert "hold numbers from 0 to 4,080: 0 becomes black and 4,080 white" in notes(dataset)


def test_the_range_is_the_sets_and_not_each_pictures(tmp_path):
    levels = [np.full((16, 16), level, np.uint16) for level in (100, 300, 610)]
    assert all_of(load_dataset(folder(tmp_path, levels)))[:, 0, 0].tolist() == [0, 100, 255]


@pytest.mark.parametrize(
    ("scale", "offset", "kind", "values"),
    [
        (257, 0, np.uint16, (0, 65535)),
        (250, 0, np.uint16, (0, 65535)),  # nearly all of them are used
        (1, 0, np.uint16, (0, 255)),
        (100, 0, np.int32, (0, 25500)),
        (1000, -127500, np.int32, (-127500, 127500)),
        (1, 0, np.float32, (0, 255)),
        (1 / 255, 0, np.float32, (0, 1)),
        (2 / 255, -1, np.float32, (-1, 1)),
        (0.01, 0, np.float32, (0, 2.55)),
        (10, -1000, np.float32, (-1000, 1550)),
        (1e-4, 0, np.float32, (0, 0.0255)),
    ],
)
def test_integers_and_floats_of_any_range(tmp_path, scale, offset, kind, values):
    numbers = (PIXELS * np.float64(scale) + offset).astype(kind)
    dataset = load_dataset(folder(tmp_path, numbers, ".tif"))
    assert dataset.values == pytest.approx(values)
    low, high = values
    wanted = (numbers.astype(np.float64) - low) * 255 / (high - low)
    assert np.abs(all_of(dataset) - wanted).max() <= 0.51


def test_eight_bits_stay_as_they_are(tmp_path):
    dataset = load_dataset(folder(tmp_path, PIXELS // 2))
    assert np.array_equal(all_of(dataset), PIXELS // 2)
    assert (dataset.values, dataset.notes) == (None, ())


def test_a_given_range_is_applied_and_is_part_of_the_fingerprint(tmp_path):
    folder(tmp_path, PIXELS.astype(np.uint16) * 16)
    own, other = load_dataset(tmp_path), load_dataset(tmp_path, values=(0.0, 2040.0))
    assert all_of(other)[1, 0, 0] == 255
    assert np.array_equal(all_of(other), np.rint(np.minimum(PIXELS * 2.0, 255)))
    assert "0 becomes black and 2,040 white, as was asked for" in notes(other)
    old = load_dataset(tmp_path, values=None)
    assert all_of(old).max() == 16
    assert len({own.fingerprint, other.fingerprint, old.fingerprint}) == 3
    with pytest.raises(DataError, match="the first must be the lower one"):
        load_dataset(tmp_path, values=(3.0, 1.0))


def test_pixels_that_are_no_numbers_are_named(tmp_path):
    numbers = PIXELS / np.float32(255)
    numbers[2, 0, :3] = np.nan
    numbers[3, 5, 5] = np.inf
    dataset = load_dataset(folder(tmp_path, numbers, ".tif"))
    assert "no numbers, read as black: 2.tif (3), 3.tif (1)" in notes(dataset)
    assert dataset.values == (0, 1)
    assert all_of(dataset)[2, 0, :3].tolist() == [0, 0, 0]


def tiff(path, pixels, sample_format):
    """A TIFF of numbers that Pillow cannot write: signed, unsigned (1, 2) or floats (3)."""
    entries = [
        (256, pixels.shape[1]), (257, pixels.shape[0]), (258, 8 * pixels.itemsize), (259, 1),
        (262, 1), (273, 8), (277, 1), (278, pixels.shape[0]), (279, pixels.nbytes),
        (339, sample_format),
    ]  # fmt: skip
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    start = b"II*\0" + struct.pack("<I", 8 + pixels.nbytes)
    path.write_bytes(start + pixels.tobytes() + struct.pack("<H", len(entries)) + table + bytes(4))


@pytest.mark.parametrize(
    ("kind", "sample_format", "scale", "offset"),
    [("<u4", 1, 16_000_000, 0), ("<i4", 2, 10_000, -1_200_000), ("<i2", 2, 100, -12_000)],
)
def test_tiffs_of_numbers_with_and_without_a_sign(tmp_path, kind, sample_format, scale, offset):
    numbers = PIXELS[0].astype(np.int64) * scale + offset
    tiff(tmp_path / "1.tif", numbers.astype(kind), sample_format)
    dataset = load_dataset(tmp_path)
    assert np.array_equal(dataset.read(np.array([0]))[0, 0], PIXELS[0])
    assert dataset.values == (offset, 255 * scale + offset)


@pytest.mark.parametrize(
    ("kind", "sample_format", "said"),
    [("i1", 2, "signed 8 bits: save it with 16"), ("<f8", 3, "of a kind that is not read")],
)
def test_tiffs_that_would_be_read_wrongly_are_left_out(tmp_path, kind, sample_format, said):
    tiff(tmp_path / "1.tif", PIXELS[0].astype(kind), sample_format)
    with pytest.raises(DataError, match=said):
        load_dataset(tmp_path)


def test_a_picture_without_any_number_is_named(tmp_path):
    tiff(tmp_path / "1.tif", np.full((16, 16), np.nan, "<f4"), 3)
    assert "read as black: 1.tif (256)" in notes(load_dataset(tmp_path))


def test_nearly_black_pictures_are_noted(tmp_path):
    Image.fromarray(PIXELS[0] // 255).save(tmp_path / "mask.png")
    assert "no pixel is above 1 of 255" in notes(load_dataset(tmp_path))


def test_a_tiff_that_counts_from_white(tmp_path):
    numbers = PIXELS.astype(np.uint16) * 16
    for number, array in enumerate(numbers):
        Image.fromarray(array).save(tmp_path / f"{number}.tif", tiffinfo={262: 0})
    assert np.array_equal(all_of(load_dataset(tmp_path)), 255 - PIXELS)


def colours_of_16_bits(path, pixels):
    """A PNG by hand, as Pillow writes none: uint16 [H, W, 3]."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def test_colours_of_sixteen_bits_are_not_read_as_black(tmp_path):
    pixels = np.stack([PIXELS[0], PIXELS[1], PIXELS[2]], -1).astype(np.uint16)
    colours_of_16_bits(tmp_path / "1.png", pixels * 257)
    dataset = load_dataset(tmp_path)
    assert np.array_equal(dataset.read(np.array([0]))[0], PIXELS[:3])
    assert "colours of 16 bits are read by their upper 8" in notes(dataset)
    colours_of_16_bits(tmp_path / "1.png", pixels * 16)
    with pytest.raises(DataError, match=r"use only the lower ones, such as 1\.png"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("low", "high", "integers", "values"),
    [
        (0, 4095, True, (0, 4095)), (0, 65535, True, (0, 65535)), (0, 60000, True, (0, 65535)),
        (5, 250, True, (0, 255)), (-5, 5, True, (-5, 5)), (7, 7, True, (0, 65535)),
        (0, 0.6, False, (0, 1)), (0, 0.2, False, (0, 0.2)), (-0.9, 0.9, False, (-1, 1)),
        (0, 200, False, (0, 255)), (0, 1.5, False, (0, 1.5)), (-3, 3, False, (-3, 3)),
        (0.5, 0.5, False, (0, 1)), (1e9, 1e9, False, (1e9, 1e9 + 1)),
        (2.0**60, 2.0**60, True, (2.0**60, 2.0**60 + 256)),
    ],
)  # fmt: skip
def test_the_usual_range_that_is_filled_else_the_own_one(low, high, integers, values):
    assert choose_range(low, high, integers) == values


@pytest.mark.parametrize(
    ("images", "values"),
    [
        (PIXELS / 255, (0, 1)),
        (PIXELS / 127.5 - 1, (-1, 1)),
        (PIXELS.astype(np.float32), (0, 255)),
        (PIXELS.astype(np.uint16) * 16, (0, 4080)),
        (PIXELS.astype(np.int64), (0, 255)),
    ],
)
def test_arrays_of_other_numbers(tmp_path, images, values):
    np.savez(tmp_path / "x.NPZ", images=images, test_images=images[:1])
    (tmp_path / "x.NPZ.npz").rename(tmp_path / "x.NPZ")
    dataset = load_dataset(tmp_path / "x.NPZ")
    assert np.array_equal(all_of(dataset), PIXELS)
    assert dataset.values == values
    assert f"the images are {images.dtype}:" in notes(dataset)
    assert np.array_equal(all_of(load_dataset(tmp_path / "x.NPZ", split="test")), PIXELS[:1])
    if images.dtype.kind == "f":
        assert np.array_equal(all_of(Dataset.of(images)), PIXELS)


def test_what_was_decided_is_applied_to_later_data(tmp_path):
    folder(tmp_path / "first", PIXELS.astype(np.uint16) * 16)
    config = configure("dcgan", str(tmp_path / "first")).data
    begun = decided(config, load_configured(config))
    assert begun.values == (0, 4080)
    folder(tmp_path / "first", PIXELS.astype(np.uint16))  # as other data, at the same place
    assert all_of(load_configured(begun, begun=True)).max() == 16


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("uint8", None), ("uint8", (0, 200)), ("uint16", (0, 65535)), ("int16", (-1000, 3095)),
        ("int32", (-(2**31), 2**31 - 1)), ("uint64", (0, 2.0**64)), ("float16", (0, 1)),
        ("float32", (-3.5, 2.25)), ("float64", (1e9, 1e9 + 1)),
    ],
)  # fmt: skip
def test_a_format_takes_and_gives_a_users_numbers(kind, values):
    pixels = PixelFormat(False, values, kind)
    assert PixelFormat.stored(pixels.to_store()) == pixels
    share = np.linspace(0, 1, 256, dtype=np.float32).reshape(1, 1, 16, 16)
    numbers = pixels.decode(share)
    assert numbers.dtype == np.dtype(kind)
    low, high = values or (0, 255)
    assert float(numbers.min()) == pytest.approx(low)
    assert float(numbers.max()) == pytest.approx(min(high, np.iinfo(kind).max) if kind[-1] != "8"
                                                 and "int" in kind else high)  # fmt: skip
    coarse = 1 if high - low >= 200 or "float" in kind else 2
    assert np.abs(pixels.encode(numbers).ravel() - np.arange(256.0)).max() <= coarse


def test_opacity_multiplies_colours_and_divides_them_again():
    pictures = np.random.default_rng(0).integers(0, 256, (40, 4, 8, 8)).astype(np.uint8)
    pixels = PixelFormat(alpha=True)
    stored = pixels.encode(pictures)
    colours, alpha = pictures[:, :3].astype(float), pictures[:, 3:]
    assert np.abs(stored[:, :3] - colours * alpha / 255).max() <= 0.5
    assert np.array_equal(stored[:, 3:], alpha)
    again = pixels.decode(stored / np.float32(255))
    assert np.array_equal(again[:, 3:], alpha)
    rounding = np.ceil(127.5 / np.maximum(alpha, 1)) + 1
    assert (np.abs(again[:, :3] - colours) <= rounding)[(alpha > 0).repeat(3, 1)].all()
    assert not again[:, :3][(alpha == 0).repeat(3, 1)].any()
