"""Read one picture of any kind as one uint8 array: decode, convert and resize it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gankit.data.memory import MOST_JPEG_PIXELS
from gankit.data.opening import (
    UnreadableError,
    decoded,
    holds_all_bands,
    is_deep,
    is_unsigned,
    opened,
    orientation,
    page_count,
    white_is_zero,
)
from gankit.data.read_options import LARGEST, Fit
from gankit.data.stores import Place
from gankit.data.values import Range, span, to_bytes

Parts = Literal["colours", "rgba", "bands"]
"""What is read of a picture: colours, or grey; colours with opacity; every band as it is stored."""
Shape = tuple[int, int, int]
"""(channels, height, width), in pixels."""

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
    with decoded(path, least, COPIES[parts]) as image:
        if parts == "bands":
            return _every_band(image, shape, fit, values, crop)
        upright = cropped(_upright(image, values), crop)
        if parts == "rgba":
            return _with_opacity(upright, size, fit)
        return planes(resized(to_8_bit(upright, channels), size, fit))


def _upright(image: Image.Image, values: Range | None) -> Image.Image:
    """Turn a decoded picture as its EXIF asks, and scale more than 8 bits by `values`."""
    turn = _UPRIGHT.get(orientation(image))
    upright = image.transpose(turn) if turn is not None else image
    if values is None or not is_deep(image):
        return upright
    numbers = to_bytes(_numbers(upright, is_unsigned(image)), values)
    return Image.fromarray(255 - numbers if white_is_zero(image) else numbers)


def _with_opacity(image: Image.Image, size: tuple[int, int], fit: Fit) -> NDArray[np.uint8]:
    """Return colours multiplied by their opacity, and the opacity: uint8 [4, *size].

    They are resized so, which keeps colours that nobody sees out of their neighbours.
    """
    opaque = to_8_bit(image, 3) if is_deep(image) else image
    found = planes(resized(opaque.convert("RGBA").convert("RGBa"), size, fit))
    return np.minimum(found, found[3:])  # the filter may overshoot


def _every_band(
    image: Image.Image, shape: Shape, fit: Fit, values: Range | None, crop: int | None
) -> NDArray[np.uint8]:
    """Return every band of every page, uint8 of `shape`. Raises UnreadableError."""
    channels, *size = shape
    found: list[NDArray[np.uint8]] = []
    for page in _pages(image):
        if not holds_all_bands(page):
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
    for number in range(1, page_count(image)):
        image.seek(number)
        if image.width * image.height == own[0] * own[1]:  # a larger one may not fit
            image.load()
        if image.size != own:
            raise UnreadableError(f"its page {number + 1} has another size than its first")
        yield image


def _bands(page: Image.Image) -> Sequence[Image.Image]:
    """Return the bands of a page, each as grey of 8 bits."""
    if is_deep(page) or page.mode == "1":
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
        if not is_deep(image):
            return None
    with decoded(path, LARGEST) as image:
        some = _pages(image) if pages else [image]
        every = [_numbers_on(page) for page in some if is_deep(page)]
    ends = [pair for found in every if (pair := found.ends) is not None]
    return Numbers(
        (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None,
        all(found.integers for found in every),
        sum(found.not_finite for found in every),
    )


def _numbers_on(page: Image.Image) -> Numbers:
    pixels = _numbers(page, is_unsigned(page))
    return Numbers(span([pixels]), page.mode != "F", int((~np.isfinite(pixels)).sum()))


def _numbers(image: Image.Image, unsigned: bool) -> NDArray[Any]:
    """Return the numbers in a picture of more than 8 bits. Pillow takes 32 bits for signed."""
    pixels = np.asarray(image)
    return pixels.view(np.uint32) if unsigned and pixels.dtype == np.int32 else pixels


COPIES: dict[Parts, int] = {"colours": 0, "rgba": 3, "bands": 2}
"""How many more copies of a picture are made than for its colours, at most."""


def to_8_bit(image: Image.Image, channels: int) -> Image.Image:
    """Convert a picture of any mode to `L` (1 channel) or `RGB` (3), with transparency over white.

    Integers of more than 8 bits are divided by 257, so that 65535 becomes 255; larger ones are
    white. Floats are taken as 0..1, 0..255 or 0..65535, the narrowest range that holds them.
    """
    if is_deep(image):
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=0.0, neginf=0.0)
        top = 65535.0
        if image.mode == "F":
            top = next((t for t in (1.0, 255.0) if values.max(initial=0) <= t), top)
        image = Image.fromarray(np.rint(values.clip(0, top) * (255 / top)).astype(np.uint8))
    elif image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    elif image.mode == "LAB":  # which Pillow converts to RGB alone
        image = image.convert("RGB")
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
