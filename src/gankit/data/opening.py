"""Open a picture of any kind: what it is, what its header says, what decoding it takes."""

from __future__ import annotations

import os
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

from PIL import Image

from gankit.data.memory import DECODING, MOST_BYTES, MOST_JPEG_PIXELS, MOST_PIXELS, bytes_needed
from gankit.data.read_options import SMALLEST
from gankit.data.stores import Entry, Place
from gankit.text import reason

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

_ORIENTATION_TAG, _PHOTOMETRIC_TAG, _BITS_TAG, _SAMPLE_FORMAT_TAG, _BANDS_TAG = (
    0x0112, 0x0106, 0x0102, 0x0153, 0x0115
)  # fmt: skip
_UNSIGNED, _SIGNED = 1, 2  # sample formats
TIFF = (b"II*\0", b"MM\0*")
"""The first bytes of a TIFF."""


class UnreadableError(Exception):
    """Raised if one picture cannot be read; the message is the reason in a few words."""


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
        turned = orientation(image) >= 5
        size = (image.width, image.height) if turned else (image.height, image.width)
        if image.format in JPEG:
            image.draft(image.mode, (SMALLEST, SMALLEST))
        needed = _affordable(image, stored)
        cut = not is_deep(image) and any(
            ";16" in str(tile[3]) for tile in getattr(image, "tile", ())
        )
        if turned and image.format == "TIFF":
            with DECODING.taking(needed):
                image.load()  # now it is turned: by new Pillow on opening, by old here
            size = (image.height, image.width)
        grey = image.mode in ("1", "L", "LA") or is_deep(image)
        bands = band_count(image) if holds_all_bands(image) else 0
        found = Header(size, grey, is_deep(image), cut, image.has_transparency_data)
        floats = image.mode == "F"
        try:
            pages = page_count(image)
        except Exception:  # a damaged page may raise anything; the first one may be whole
            pages = 1
        return found._replace(floats=floats, pages=pages, bands=pages * bands)


def is_deep(image: Image.Image) -> bool:
    return image.mode[0] in "IF"


def page_count(image: Image.Image) -> int:
    """Return how many pages a TIFF has; the frames of other pictures are no pages."""
    return int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1


def band_count(image: Image.Image) -> int:
    """Return how many bands `_bands` makes of a page."""
    if image.mode in ("P", "PA"):
        return 4 if image.has_transparency_data else 3
    return len(image.getbands())


def holds_all_bands(image: Image.Image) -> bool:
    """Return whether Pillow reads every band of a picture: of a TIFF it may pass some over."""
    tags: Any = getattr(image, "tag_v2", {})
    return int(tags.get(_BANDS_TAG, 1)) <= len(image.getbands())


def is_unsigned(image: Image.Image) -> bool:
    """Return whether a picture is a TIFF that says that its 32 bits have no sign."""
    tags: Any = getattr(image, "tag_v2", {})
    return tags.get(_BITS_TAG) in (32, (32,)) and (
        tags.get(_SAMPLE_FORMAT_TAG, _UNSIGNED) in (_UNSIGNED, (_UNSIGNED,))
    )


@contextmanager
def decoded(path: Place, side: int, copies: int = 0) -> Iterator[Image.Image]:
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


def white_is_zero(image: Image.Image) -> bool:
    """Return whether a TIFF counts from white to black, which Pillow undoes only for 8 bits."""
    tags: Any = getattr(image, "tag_v2", None)
    return tags is not None and tags.get(_PHOTOMETRIC_TAG) == 0


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) to 8; 1 if there is none, or it is damaged."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # asking Pillow would decode the whole picture first
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # damaged EXIF may raise anything; the picture itself may be whole
        return 1
