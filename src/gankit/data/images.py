"""Read one picture of any kind as one uint8 array: open, check, convert and resize it."""

from __future__ import annotations

import os
import stat
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gankit.data.memory import DECODING, MOST_BYTES, MOST_JPEG_PIXELS, MOST_PIXELS, bytes_needed
from gankit.data.stores import Entry, Place
from gankit.data.tokens import TextOptions
from gankit.data.values import Range, span, to_bytes
from gankit.errors import DataError
from gankit.text import reason

Fit = Literal["crop", "stretch"]
Channels = Literal["auto", "grey", "rgb", "rgba", "bands"]
Split = Literal["train", "test"]
Values = Range | Literal["own"] | None
Parts = Literal["colours", "rgba", "bands"]
"""What is read of a picture: colours, or grey; colours with opacity; every band as it is stored."""
Shape = tuple[int, int, int]
"""(channels, height, width), in pixels."""

SMALLEST, LARGEST = 8, 1024
"""The fewest and the most pixels per side that a picture can be read at."""
MOST_HELD = 0.5
"""The largest share that can be held out."""

SUFFIXES = frozenset(
    (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif",
     ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".jp2", ".j2k", ".jpx", ".avif", ".heic",
     ".heif", ".hif")
)  # fmt: skip
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
"""The formats that are recognised by a file's first bytes. None of them can run code."""
TGA = ".tga"
"""The suffix of TGA, which has no first bytes of its own: the suffix alone identifies it."""
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""The codes after `ftyp` in pictures that need pillow-heif."""
JPEG = ("JPEG", "MPO")  # these can be decoded at a fraction of their size

# The first bytes of a file that only stands for a picture -> what the file is.
POINTERS = {
    b"version https://git-lfs": "a pointer of Git LFS: fetch the picture with git lfs pull",
    b"/annex/objects/": "a pointer of git-annex: fetch the picture with git annex get",
}

# EXIF orientation -> the transposition that undoes it.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG, _PHOTOMETRIC_TAG, _BITS_TAG, _SAMPLE_FORMAT_TAG, _BANDS_TAG = (
    0x0112, 0x0106, 0x0102, 0x0153, 0x0115
)  # fmt: skip
_UNSIGNED, _SIGNED = 1, 2  # sample formats
TIFF = (b"II*\0", b"MM\0*")
"""The first bytes of a TIFF."""


class UnreadableError(Exception):
    """Raised if one picture cannot be read; the message is the reason in a few words."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How pictures are read. The values are checked on creation.

    Attributes:
        size: (height, width), 8 to 1024 pixels each. None keeps the size of IDX images, and in a
            folder the size that nine tenths of the pictures share, if its sides are in 16..256;
            otherwise it is 64 x 64.
        fit: `crop` scales the short side and cuts the middle out, `stretch` distorts.
        crop: the pixels a side that are kept of each picture, from its middle, before it is
            resized; None: all of it.
        channels: `grey` (1), `rgb` (3), `rgba` (4, with opacity), `bands` (1 to 16: every band of
            a picture and every page of a TIFF, as they are stored), or `auto`: grey if every
            picture looked at is grey, else rgb.
        split: `train` or `test`.
        memory_gb: a folder that needs more than this (in 10^9 bytes) is read from disk while
            training.
        tables: whether to look for labels beyond the folder's own sub-folders (`load_dataset`).
        values: the values that become black and white in images of more than 8 bits; `own`: one
            range for the whole set, chosen by its values; None: by the type of each file.
        holdout: the share, 0 to 0.5, that is kept from training as the test split of a source
            that has none.
        text: how sequences of tokens are read.
        train_size: how many of the training examples are read, chosen at random; None: all.

    Raises:
        DataError: a value is out of range.
    """

    size: tuple[int, int] | None = None
    fit: Fit = "crop"
    crop: int | None = None
    channels: Channels = "auto"
    split: Split = "train"
    memory_gb: float = 2.0
    tables: bool = True
    values: Values = "own"
    holdout: float = 0.0
    text: TextOptions = field(default_factory=TextOptions)
    train_size: int | None = None

    def __post_init__(self) -> None:
        if self.crop is not None and self.crop < SMALLEST:
            raise DataError(f"crop {self.crop} is out of range: give {SMALLEST} pixels or more")
        if self.train_size is not None and self.train_size < 1:
            raise DataError(f"train_size {self.train_size} is out of range: give 1 or more")
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
        """Return whether `count` examples of this shape, at one byte a value, fit in memory."""
        return count * int(np.prod(shape)) <= self.memory_gb * 1e9


@contextmanager
def quiet_decoding() -> Iterator[None]:
    """Drop Pillow's warnings while pictures are decoded.

    Wrap it around a whole batch and not around one picture: warning filters belong to the
    process, not to a thread.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def opened(path: Place) -> Iterator[Image.Image]:
    """Open a picture and read only its header; any failure inside becomes an `UnreadableError`."""
    try:
        name = path.name if isinstance(path, Entry) else path
        with _file(path) as file:
            image = _identified(file, os.path.splitext(name)[1].lower())  # noqa: PTH122
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


def _file(path: Place) -> BinaryIO:
    """Open a regular file, or what a store holds of one.

    Raises UnreadableError for a pipe, which could block for ever.
    """
    if isinstance(path, Entry):
        return BytesIO(path.read())
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise UnreadableError("no regular file")
    return file


def _identified(file: BinaryIO, suffix: str) -> Image.Image:
    """Return the picture in a file, identified by its first bytes, or for a TGA by its suffix.

    Image.open is not used: its limit counts pixels alone, and for a JPEG it counts pixels that
    are never decoded. Raises UnreadableError if the file is not an image.
    """
    Image.init()
    start = file.read(64)
    for name in (*FORMATS, *_further(start, suffix)):
        if name not in Image.OPEN:  # Pillow was built without it
            continue
        factory, accepts = Image.OPEN[name]
        # Pillow's own loop takes these errors for "not of this format after all".
        with suppress(SyntaxError, IndexError, TypeError, struct.error):
            accepted = accepts is None or accepts(start[:16])
            if not accepted or isinstance(accepted, str):  # text if Pillow lacks the decoder
                continue
            file.seek(0)
            image = factory(file, "")
            _refuse_signed_bytes(image)
            return image
    if start.startswith(TIFF):
        raise UnreadableError("a TIFF that is damaged, or of a kind that is not read")
    for pointer, what in POINTERS.items():
        if start.startswith(pointer):
            raise UnreadableError(what)
    raise UnreadableError("not an image")


def _refuse_signed_bytes(image: Image.Image) -> None:
    """Raise UnreadableError for a TIFF of signed bytes, which Pillow reads as if 255 were -1."""
    tags: Any = getattr(image, "tag_v2", {})
    if image.mode == "L" and tags.get(_SAMPLE_FORMAT_TAG) in (_SIGNED, (_SIGNED,)):
        raise UnreadableError("a TIFF of signed 8 bits: save it with 16 bits, or from 0 to 255")


def _further(start: bytes, suffix: str) -> tuple[str, ...]:
    """Return the formats besides `FORMATS` that a file may have.

    Raises UnreadableError for HEIC if pillow-heif is not installed.
    """
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
    """Return how many pixels the picture has as stored. Raises UnreadableError if too many."""
    stored = image.width * image.height
    most = MOST_JPEG_PIXELS if image.format in JPEG else MOST_PIXELS
    if stored > most:
        raise UnreadableError(
            f"too large: {stored / 1e6:,.0f} megapixels, at most {most / 1e6:,.0f} are decoded: "
            "save it smaller"
        )
    return stored


def _affordable(image: Image.Image, stored_pixels: int, copies: int = 0) -> int:
    """Return how many bytes decoding takes. Raises UnreadableError if too many."""
    needed = bytes_needed(image, stored_pixels, copies)
    if needed > MOST_BYTES:
        raise UnreadableError(
            f"too large: {image.width} x {image.height} in mode {image.mode} take "
            f"{needed / 1e9:.1f} GB to decode, at most {MOST_BYTES / 1e9:.0f} GB are taken: "
            "save it smaller"
        )
    return needed


class Header(NamedTuple):
    """What a picture's header says.

    Attributes:
        size: (height, width) in pixels, as a viewer shows the picture.
        grey: whether it is stored as grey.
        deep: whether it holds more than 8 bits of grey, so that a range must be chosen.
        transparent: whether it may be transparent in parts.
        floats: whether its numbers are floats.
        pages: how many pages a TIFF has; 1 for every other picture.
        bands: how many bands its pages hold together, or 0 if Pillow does not read them all.
        cut: whether it holds colours of 16 bits, of which only the upper 8 are decoded.
    """

    size: tuple[int, int]
    grey: bool
    deep: bool
    cut: bool
    transparent: bool = False
    floats: bool = False
    pages: int = 1
    bands: int = 0


def header(path: Place) -> Header:
    """Read what can be known of a picture without decoding it.

    Raises:
        UnreadableError: it is not an image, cannot be opened, or is too large.
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
                image.load()  # now it is turned: by new Pillow on opening, by old here
            size = (image.height, image.width)
        grey = image.mode in ("1", "L", "LA") or _is_deep(image)
        bands = _band_count(image) if _holds_all_bands(image) else 0
        found = Header(size, grey, _is_deep(image), cut, image.has_transparency_data)
        floats = image.mode == "F"
        try:
            pages = _page_count(image)
        except Exception:  # a damaged page may raise anything; the first one may be whole
            pages = 1
        return found._replace(floats=floats, pages=pages, bands=pages * bands)


def _is_deep(image: Image.Image) -> bool:
    return image.mode[0] in "IF"


def _page_count(image: Image.Image) -> int:
    """Return how many pages a TIFF has; the frames of other pictures are no pages."""
    return int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1


def _band_count(image: Image.Image) -> int:
    """Return how many bands `_bands` makes of a page."""
    if image.mode in ("P", "PA"):
        return 4 if image.has_transparency_data else 3
    return len(image.getbands())


def _holds_all_bands(image: Image.Image) -> bool:
    """Return whether Pillow reads every band of a picture: of a TIFF it may pass some over."""
    tags: Any = getattr(image, "tag_v2", {})
    return int(tags.get(_BANDS_TAG, 1)) <= len(image.getbands())


def decode(
    path: Place,
    shape: Shape,
    fit: Fit,
    values: Range | None = None,
    parts: Parts = "colours",
    crop: int | None = None,
) -> NDArray[np.uint8]:
    """Read a picture, upright: uint8 of `shape`.

    Of an animation, the first frame is read. Transparent parts are seen over white, or kept as the
    last of four channels, by which the colours are then multiplied. Call this inside
    `quiet_decoding`. Threads that together would take more than `MOST_BYTES` wait for each other.

    Args:
        path: the file.
        shape: (channels, height, width); channels are 1 or 3 of colours, 4 of rgba.
        fit: `crop` or `stretch`.
        values: the values that become black and white in a picture of more than 8 bits; None: by
            the type of its file.
        parts: what is read of it.
        crop: the pixels a side that are kept of it, from its middle; None: all of it.

    Raises:
        UnreadableError: the picture is damaged, cut off, not an image, or too large; or it has
            other bands than `shape`.
    """
    channels, height, width = shape
    size = (height, width)
    least = 2 * max(size) if crop is None else MOST_JPEG_PIXELS  # to crop counts its own pixels
    with _decoded(path, least, COPIES[parts]) as image:
        if parts == "bands":
            return _every_band(image, shape, fit, values, crop)
        upright = cropped(_upright(image, values), crop)
        if parts == "rgba":
            return _with_opacity(upright, size, fit)
        return planes(resized(to_8_bit(upright, channels), size, fit))


def _upright(image: Image.Image, values: Range | None) -> Image.Image:
    """Turn a decoded picture as its EXIF asks, and scale more than 8 bits by `values`."""
    turn = _UPRIGHT.get(_orientation(image))
    upright = image.transpose(turn) if turn is not None else image
    if values is None or not _is_deep(image):
        return upright
    numbers = to_bytes(_numbers(upright, _is_unsigned(image)), values)
    return Image.fromarray(255 - numbers if _white_is_zero(image) else numbers)


def _with_opacity(image: Image.Image, size: tuple[int, int], fit: Fit) -> NDArray[np.uint8]:
    """Return colours multiplied by their opacity, and the opacity: uint8 [4, *size].

    They are resized so, which keeps colours that nobody sees out of their neighbours.
    """
    opaque = to_8_bit(image, 3) if _is_deep(image) else image
    found = planes(resized(opaque.convert("RGBA").convert("RGBa"), size, fit))
    return np.minimum(found, found[3:])  # the filter may overshoot


def _every_band(
    image: Image.Image, shape: Shape, fit: Fit, values: Range | None, crop: int | None
) -> NDArray[np.uint8]:
    """Return every band of every page, uint8 of `shape`. Raises UnreadableError."""
    channels, *size = shape
    found: list[NDArray[np.uint8]] = []
    for page in _pages(image):
        if not _holds_all_bands(page):
            raise UnreadableError(NOT_ALL_BANDS)
        for band in _bands(cropped(_upright(page, values), crop)):
            if len(found) == channels:
                raise UnreadableError(f"it has more than the {channels} bands of the others")
            found.append(planes(resized(band, (size[0], size[1]), fit)))
    if len(found) != channels:
        raise UnreadableError(f"it has {len(found)} bands, and the others {channels}")
    return np.concatenate(found)


def _pages(image: Image.Image) -> Iterator[Image.Image]:
    """Yield a decoded picture as each of its pages. Raises UnreadableError if sizes differ."""
    own = image.size
    yield image
    for number in range(1, _page_count(image)):
        image.seek(number)
        if image.width * image.height == own[0] * own[1]:  # a larger one may not fit
            image.load()
        if image.size != own:
            raise UnreadableError(f"its page {number + 1} has another size than its first")
        yield image


def _bands(page: Image.Image) -> Sequence[Image.Image]:
    """Return the bands of a page, each as grey of 8 bits."""
    if _is_deep(page) or page.mode == "1":
        return (to_8_bit(page, 1),)
    if page.mode in ("P", "PA"):  # the bands of its colours, not the numbers of a palette
        page = page.convert("RGBA" if page.has_transparency_data else "RGB")
    return page.split()


NOT_ALL_BANDS = (
    "a TIFF with more bands than Pillow reads: save each band as a page, or all pictures as one "
    ".npz"
)


def is_transparent(path: Place) -> bool:
    """Return whether any part of a picture can be seen through. Raises as `decode` does."""
    return bool(decode(path, (4, SHOWN_AT, SHOWN_AT), "stretch", parts="rgba")[3].min() < 255)


SHOWN_AT = 64
"""Pixels per side at which a picture is looked at for what it shows."""


class Numbers(NamedTuple):
    """The numbers in a picture of more than 8 bits.

    Attributes:
        ends: the least and the largest finite number; None if none is finite.
        integers: whether the numbers are whole.
        not_finite: how many are not finite.
    """

    ends: Range | None
    integers: bool
    not_finite: int


def numbers_of(path: Place, pages: bool = False) -> Numbers | None:
    """Return the numbers in a picture of more than 8 bits; None for any other picture.

    `pages`: look at every page of a TIFF, and not at the first alone.

    Call this inside `quiet_decoding`. Raises UnreadableError as `decode` does.
    """
    with opened(path) as image:
        if not _is_deep(image):
            return None
    with _decoded(path, LARGEST) as image:
        some = _pages(image) if pages else [image]
        every = [_numbers_on(page) for page in some if _is_deep(page)]
    ends = [pair for found in every if (pair := found.ends) is not None]
    return Numbers(
        (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None,
        all(found.integers for found in every),
        sum(found.not_finite for found in every),
    )


def _numbers_on(page: Image.Image) -> Numbers:
    pixels = _numbers(page, _is_unsigned(page))
    return Numbers(span([pixels]), page.mode != "F", int((~np.isfinite(pixels)).sum()))


def _numbers(image: Image.Image, unsigned: bool) -> NDArray[Any]:
    """Return the numbers in a picture of more than 8 bits. Pillow takes 32 bits for signed."""
    pixels = np.asarray(image)
    return pixels.view(np.uint32) if unsigned and pixels.dtype == np.int32 else pixels


def _is_unsigned(image: Image.Image) -> bool:
    """Return whether a picture is a TIFF that says that its 32 bits have no sign."""
    tags: Any = getattr(image, "tag_v2", {})
    return tags.get(_BITS_TAG) in (32, (32,)) and (
        tags.get(_SAMPLE_FORMAT_TAG, _UNSIGNED) in (_UNSIGNED, (_UNSIGNED,))
    )


COPIES: dict[Parts, int] = {"colours": 0, "rgba": 3, "bands": 2}
"""How many more copies of a picture are made than for its colours, at most."""


@contextmanager
def _decoded(path: Place, side: int, copies: int = 0) -> Iterator[Image.Image]:
    """Open a picture and decode it; `copies` of it are made besides.

    A JPEG is decoded at a half, a quarter or an eighth of its size if both sides then still have
    `side` pixels.
    """
    with opened(path) as image:
        stored = _stored_pixels(image)
        if image.format in JPEG:
            image.draft(image.mode, (side, side))
        with DECODING.taking(_affordable(image, stored, copies)):
            image.load()
            yield image


def _white_is_zero(image: Image.Image) -> bool:
    """Return whether a TIFF counts from white to black, which Pillow undoes only for 8 bits."""
    tags: Any = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_PHOTOMETRIC_TAG) == 0


def to_8_bit(image: Image.Image, channels: int) -> Image.Image:
    """Convert a picture of any mode to `L` (1 channel) or `RGB` (3), with transparency over white.

    Integers of more than 8 bits are divided by 257, so that 65535 becomes 255; larger ones are
    white. Floats are taken as 0..1, 0..255 or 0..65535, the narrowest range that holds them.
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


def cropped(image: Image.Image, crop: int | None) -> Image.Image:
    """Return the middle of a picture, `crop` pixels a side, or less where it has less."""
    if crop is None:
        return image
    height, width = cropped_size((image.height, image.width), crop)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def cropped_size(size: tuple[int, int], crop: int | None) -> tuple[int, int]:
    """Return the (height, width) of a picture of this size after `cropped`."""
    return size if crop is None else (min(size[0], crop), min(size[1], crop))


def resized(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """Resize a picture to (height, width) with an antialiasing filter (Lanczos)."""
    height, width = size
    if (image.height, image.width) == size:
        return image
    box = None
    if fit == "crop":  # take the largest part in the middle that has the aspect ratio asked for
        scale = min(image.width / width, image.height / height)
        left = max(0.0, (image.width - scale * width) / 2)  # rounding may give less than 0
        top = max(0.0, (image.height - scale * height) / 2)
        box = (left, top, image.width - left, image.height - top)
    return image.resize((width, height), Image.Resampling.LANCZOS, box, reducing_gap=3.0)


def planes(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels of a picture of 8 bits a band: uint8 [bands, height, width]."""
    pixels = np.asarray(image, np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) to 8; 1 if there is none, or it is damaged."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # asking Pillow would decode the whole picture first
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # damaged EXIF may raise anything; the picture itself may be whole
        return 1
