"""One picture of any kind -> one uint8 array: opened, checked, converted, resized."""

from __future__ import annotations

import os
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gankit.data.memory import DECODING, MOST_BYTES, MOST_JPEG_PIXELS, MOST_PIXELS, bytes_needed
from gankit.data.values import Range, span, to_bytes
from gankit.errors import DataError
from gankit.text import reason

Fit = Literal["crop", "stretch"]
Channels = Literal["auto", "grey", "rgb"]
Split = Literal["train", "test"]
Values = Range | Literal["own"] | None
Shape = tuple[int, int, int]
"""(channels, height, width)."""

SMALLEST, LARGEST = 8, 1024
"""Pixels per side that a picture can be read at."""
MOST_HELD = 0.5
"""The largest share that can be held out."""

SUFFIXES = frozenset(
    (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif",
     ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".jp2", ".j2k", ".jpx", ".avif", ".heic",
     ".heif", ".hif")
)  # fmt: skip
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
"""What is read by its first bytes; nothing that runs code."""
TGA = ".tga"
"""What has no first bytes of its own, and is known by its name alone."""
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""What stands behind `ftyp` in a picture that needs pillow-heif."""
JPEG = ("JPEG", "MPO")  # which can be decoded at a fraction of their size

# How a file starts that only stands for a picture -> what it is.
POINTERS = {
    b"version https://git-lfs": "a pointer of Git LFS: fetch the picture with git lfs pull",
    b"/annex/objects/": "a pointer of git-annex: fetch the picture with git annex get",
}

# EXIF orientation -> what undoes it.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG, _PHOTOMETRIC_TAG = 0x0112, 0x0106


class UnreadableError(Exception):
    """This one picture cannot be read; the message is the reason in a few words."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How pictures are read; checked on creation.

    Attributes:
        size: (height, width), 8 to 1024 pixels each; None keeps the size of a set whose
            pictures agree on one, and takes 64 x 64 otherwise.
        fit: `crop` scales the short side and cuts the middle out, `stretch` distorts.
        channels: `grey` (1), `rgb` (3) or `auto`: grey where every picture is grey.
        split: `train` or `test`, where the source has both.
        memory_gb: a set larger than this (10^9 bytes) is read from disk as training goes.
        tables: whether a file of labels beside the pictures is read.
        values: what becomes black and white of images of more than 8 bits; `own`: what the whole
            set holds; None: by the type of each file.
        holdout: the share that is kept from training and is the test split of a source that has
            none.

    Raises:
        DataError: a value is out of range.
    """

    size: tuple[int, int] | None = None
    fit: Fit = "crop"
    channels: Channels = "auto"
    split: Split = "train"
    memory_gb: float = 2.0
    tables: bool = True
    values: Values = "own"
    holdout: float = 0.0

    def __post_init__(self) -> None:
        for side in self.size or ():
            if not SMALLEST <= side <= LARGEST:
                raise DataError(
                    f"size {side} is out of range: a side is {SMALLEST} to {LARGEST} pixels"
                )
        for name, kind in (("fit", Fit), ("channels", Channels), ("split", Split)):
            given, known = getattr(self, name), get_args(kind)
            if given not in known:
                raise DataError(f"{name} {given!r} is unknown: give one of {', '.join(known)}")
        if not self.memory_gb >= 0:
            raise DataError(f"memory_gb {self.memory_gb} is out of range: give 0 or more")
        if isinstance(self.values, tuple) and not self.values[0] < self.values[1]:
            raise DataError(
                f"values {self.values} are what becomes black and what becomes white: the first "
                "must be the lower one"
            )
        if not 0 <= self.holdout <= MOST_HELD:
            raise DataError(f"holdout {self.holdout} is out of range: give 0 to {MOST_HELD}")

    def fits_in_memory(self, count: int, shape: tuple[int, ...]) -> bool:
        """Whether `count` examples of this shape, one byte a value, may lie in memory."""
        return count * int(np.prod(shape)) <= self.memory_gb * 1e9


@contextmanager
def quiet_decoding() -> Iterator[None]:
    """Decode inside this: Pillow's warnings are dropped.

    Wraps a whole batch and not one picture, because warning filters belong to the process
    and not to a thread.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def opened(path: str | Path) -> Iterator[Image.Image]:
    """The picture with only its header read; any failure inside becomes an `UnreadableError`."""
    try:
        with _regular_file(path) as file:
            image = _identified(file, os.path.splitext(path)[1].lower())  # noqa: PTH122
            try:
                yield image
            finally:
                image.close()
    except UnreadableError:
        raise
    except MemoryError:
        raise UnreadableError("too large for the memory") from None
    except OSError as error:
        raise UnreadableError(error.strerror or reason(error)) from None
    except Exception as error:  # a damaged file can fail anywhere inside a decoder
        raise UnreadableError(reason(error)) from None


def _regular_file(path: str | Path) -> BinaryIO:
    """Open a file, but no pipe: opening one may wait for ever."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise UnreadableError("no regular file")
    return file


def _identified(file: BinaryIO, suffix: str) -> Image.Image:
    """The picture in a file, by its first bytes; of a TGA, which has none, by its suffix.

    Not Image.open, which judges by pixels alone, a JPEG by those that are never decoded.
    """
    Image.init()
    start = file.read(64)
    for name in (*FORMATS, *_further(start, suffix)):
        if name not in Image.OPEN:  # Pillow was built without it
            continue
        factory, accepts = Image.OPEN[name]
        # What Pillow's own loop takes for "not of this format after all".
        with suppress(SyntaxError, IndexError, TypeError, struct.error):
            accepted = accepts is None or accepts(start[:16])
            if not accepted or isinstance(accepted, str):  # text: Pillow lacks the decoder
                continue
            file.seek(0)
            return factory(file, "")
    for pointer, what in POINTERS.items():
        if start.startswith(pointer):
            raise UnreadableError(what)
    raise UnreadableError("not an image")


def _further(start: bytes, suffix: str) -> tuple[str, ...]:
    """The formats beside `FORMATS` that a file may be of. Raises UnreadableError for HEIC if
    pillow-heif is not installed."""
    if start[4:8] == b"ftyp" and start[8:12] in HEIC and b"avif" not in start[8:32]:
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            raise UnreadableError(
                "HEIC, which needs more than is installed: pip install 'gankit[heic]'"
            ) from None
        register_heif_opener()
        return ("HEIF",)
    return ("TGA",) if suffix == TGA else ()


def _stored_pixels(image: Image.Image) -> int:
    """Pixels of the picture as it is stored. Raises UnreadableError for too many."""
    stored = image.width * image.height
    most = MOST_JPEG_PIXELS if image.format in JPEG else MOST_PIXELS
    if stored > most:
        raise UnreadableError(
            f"too large: {stored / 1e6:,.0f} megapixels, at most {most / 1e6:,.0f} are decoded: "
            "save it smaller"
        )
    return stored


def _affordable(image: Image.Image, stored_pixels: int) -> int:
    """Bytes that decoding takes. Raises UnreadableError for too many."""
    needed = bytes_needed(image, stored_pixels)
    if needed > MOST_BYTES:
        raise UnreadableError(
            f"too large: {image.width} x {image.height} in mode {image.mode} take "
            f"{needed / 1e9:.1f} GB to decode, at most {MOST_BYTES / 1e9:.0f} GB are taken: "
            "save it smaller"
        )
    return needed


class Header(NamedTuple):
    """What a picture's first bytes say.

    Attributes:
        size: (height, width) as a viewer shows it.
        grey: whether it is stored as grey.
        deep: whether it holds other numbers than 0 to 255, which a range must be chosen for.
        cut: whether it holds colours of 16 bits, of which the upper 8 are decoded.
    """

    size: tuple[int, int]
    grey: bool
    deep: bool
    cut: bool


def header(path: str | Path) -> Header:
    """What is known of a picture without decoding it.

    Raises:
        UnreadableError: not an image, or too large.
    """
    with opened(path) as image:
        stored = _stored_pixels(image)
        turned = _orientation(image) >= 5
        size = (image.width, image.height) if turned else (image.height, image.width)
        if image.format in JPEG:
            image.draft(image.mode, (SMALLEST, SMALLEST))
        needed = _affordable(image, stored)
        cut = not _is_deep(image) and any(
            ";16" in str(tile[3]) for tile in getattr(image, "tile", ())
        )
        if turned and image.format == "TIFF":
            with DECODING.taking(needed):
                image.load()  # Pillow has turned it by now: old versions here, new on opening
            size = (image.height, image.width)
        grey = image.mode in ("1", "L", "LA") or _is_deep(image)
        return Header(size, grey, _is_deep(image), cut)


def _is_deep(image: Image.Image) -> bool:
    return image.mode[0] in "IF"


def decode(
    path: str | Path, shape: Shape, fit: Fit, values: Range | None = None
) -> NDArray[np.uint8]:
    """The picture, upright, on white where it is transparent: uint8 of this shape.

    Of a film the first frame. Call it inside `quiet_decoding`. Threads that would take more than
    `MOST_BYTES` together wait for each other. `values`: what becomes black and white of a picture
    of more than 8 bits; None: by the type of its file.

    Raises:
        UnreadableError: damaged, cut off, not an image, or too large.
    """
    channels, *size = shape
    with _decoded(path, 2 * max(size)) as image:
        turn = _UPRIGHT.get(_orientation(image))
        upright = image.transpose(turn) if turn is not None else image
        if values is not None and _is_deep(image):
            numbers = to_bytes(np.asarray(upright), values)
            upright = Image.fromarray(255 - numbers if _white_is_zero(image) else numbers)
        return planes(resized(to_8_bit(upright, channels), (size[0], size[1]), fit))


class Numbers(NamedTuple):
    """What a picture of more than 8 bits holds: its finite numbers' ends, None if there are none;
    whether they are whole; how many are not finite."""

    ends: Range | None
    integers: bool
    not_finite: int


def numbers_of(path: str | Path) -> Numbers | None:
    """The numbers of a picture of more than 8 bits; None for any other. As `decode`."""
    with opened(path) as image:
        if not _is_deep(image):
            return None
    with _decoded(path, LARGEST) as image:
        pixels = np.asarray(image)
        return Numbers(span([pixels]), image.mode != "F", int((~np.isfinite(pixels)).sum()))


@contextmanager
def _decoded(path: str | Path, side: int) -> Iterator[Image.Image]:
    """The picture with its pixels; a JPEG at an eighth where that is still `side` wide."""
    with opened(path) as image:
        stored = _stored_pixels(image)
        if image.format in JPEG:
            image.draft(image.mode, (side, side))
        with DECODING.taking(_affordable(image, stored)):
            image.load()
            yield image


def _white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF counts from white to black, which Pillow undoes of 8 bits alone."""
    tags: Any = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_PHOTOMETRIC_TAG) == 0


def to_8_bit(image: Image.Image, channels: int) -> Image.Image:
    """Any mode -> `L` (1 channel) or `RGB` (3 channels), transparency over white.

    Integers of 16 bits are divided by 257, so that 65535 becomes 255; larger ones are white.
    Floats are taken as 0..1, 0..255 or 0..65535, whichever is the narrowest that holds them.
    """
    if _is_deep(image):
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=0.0, neginf=0.0)
        top = 65535.0
        if image.mode == "F":
            top = next((t for t in (1.0, 255.0) if values.max(initial=0) <= t), top)
        image = Image.fromarray(np.rint(values.clip(0, top) * (255 / top)).astype(np.uint8))
    elif image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def resized(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """The picture at (height, width), with an antialiasing filter (Lanczos)."""
    height, width = size
    if (image.height, image.width) == size:
        return image
    box = None
    if fit == "crop":  # the largest part in the middle that has the shape asked for
        scale = min(image.width / width, image.height / height)
        left = max(0.0, (image.width - scale * width) / 2)  # rounding may give less than nothing
        top = max(0.0, (image.height - scale * height) / 2)
        box = (left, top, image.width - left, image.height - top)
    return image.resize((width, height), Image.Resampling.LANCZOS, box, reducing_gap=3.0)


def planes(image: Image.Image) -> NDArray[np.uint8]:
    """`L` or `RGB` -> uint8 [channels, height, width]."""
    pixels = np.asarray(image, np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) to 8; 1 where there is none or it is damaged."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # asking Pillow would decode the whole picture first
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # whatever damage Pillow stumbles over: the picture itself may be whole
        return 1
