"""The values that become black and white in images that hold other numbers than 0 to 255."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.errors import DataError

Range = tuple[float, float]
"""The value that becomes 0 (black), and the value that becomes 255 (white)."""

INTEGERS: tuple[Range, ...] = ((0, 255), (0, 65535))
FLOATS: tuple[Range, ...] = ((0, 1), (-1, 1), (0, 255), (0, 65535))
"""The usual ranges of whole numbers and of floats, the narrowest first."""
FILLED = {"integers": 0.9, "floats": 0.5}
"""The share of a usual range that a set must use to be read by that range, not by its own."""

DARK = 64
"""Images whose pixels all stay below this, out of 255, are nearly black."""


def choose_range(low: float, high: float, integers: bool) -> Range:
    """Choose the range for a whole set: the narrowest usual one that it fills, else its own.

    Args:
        low: the least number in all its images.
        high: the largest number in all its images.
        integers: whether they are whole numbers, which fill a usual range if they use nine tenths
            of it; floats fill it if they use half.
    """
    share = FILLED["integers" if integers else "floats"]
    for bottom, top in INTEGERS if integers else FLOATS:
        if bottom <= low and high <= top and high - low >= share * (top - bottom):
            return bottom, top
    if low == high:  # the set says nothing about its range
        usual = (pair for pair in (INTEGERS[1:] if integers else FLOATS) if _holds(pair, low))
        return next(usual, (low, max(low + 1, math.nextafter(low, math.inf))))
    return low, high


def _holds(pair: Range, number: float) -> bool:
    return pair[0] <= number <= pair[1]


def floats_range(low: float, high: float) -> Range:
    """Return the range of float images in an array: [0, 1] or [-1, 1] if they lie in it.

    Others have the range that `choose_range` chooses.

    Args:
        low: the least number in all images.
        high: the largest number in all images.
    """
    for pair in FLOATS[:2]:
        if _holds(pair, low) and _holds(pair, high):
            return pair
    return choose_range(low, high, integers=False)


def to_bytes(numbers: NDArray[Any], values: Range) -> NDArray[np.uint8]:
    """Scale numbers of any type to uint8: `values[0]` becomes 0 and `values[1]` becomes 255.

    Numbers outside the range are clipped, and numbers that are not finite become 0.
    """
    low, high = values
    scaled = (numbers.astype(np.float64) - low) * (255 / (high - low))
    finite = np.isfinite(scaled)
    found: NDArray[np.uint8] = np.rint(np.where(finite, scaled, 0).clip(0, 255)).astype(np.uint8)
    return found


NUMBERS = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "float16", "float32", "float64",
)  # fmt: skip
"""The types of the numbers that images can hold."""


@dataclass(frozen=True)
class PixelFormat:
    """What the 8 bits of images as they are stored stand for, so that samples can be given alike.

    Attributes:
        alpha: whether the last channel is opacity. The colours before it are then multiplied by it,
            so that what nobody sees is 0.
        values: the numbers that 0 and 255 stand for; None: themselves.
        dtype: the type of these numbers, one of `NUMBERS`.
    """

    alpha: bool = False
    values: Range | None = None
    dtype: str = "uint8"

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> PixelFormat:
        """Read a format from what a file holds. Raises TypeError or ValueError if it is none."""
        alpha, values, dtype = data["alpha"], data["values"], data["dtype"]
        if values is not None:
            low, high = (float(value) for value in values)
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise ValueError(f"the values of images cannot be {low} to {high}")
            values = low, high
        if not isinstance(alpha, bool) or dtype not in NUMBERS:
            raise ValueError(f"images cannot be of {str(dtype)[:20]} with alpha {str(alpha)[:20]}")
        return cls(alpha, values, dtype)

    def to_store(self) -> dict[str, Any]:
        """Return what `stored` reads."""
        values = None if self.values is None else [float(value) for value in self.values]
        return {"alpha": self.alpha, "values": values, "dtype": self.dtype}

    @property
    def mark(self) -> NDArray[np.uint8] | None:
        """What fingerprints say besides the stored images: nothing, unless they have alpha."""
        return np.frombuffer(b"alpha", np.uint8) if self.alpha else None

    def encode(self, numbers: NDArray[Any]) -> NDArray[np.uint8]:
        """Turn images [N, C, H, W] of a user's numbers into uint8 as they are stored, a copy."""
        found = np.empty(numbers.shape, np.uint8)
        rows = max(1, AT_A_TIME // max(1, math.prod(numbers.shape[1:])))
        for start in range(0, len(numbers), rows):  # a float64 of everything may not fit
            block = numbers[start : start + rows]
            bytes_ = block if self.values is None else to_bytes(block, self.values)
            found[start : start + rows] = premultiplied(bytes_) if self.alpha else bytes_
        return found

    def to_stored(self, numbers: NDArray[Any]) -> NDArray[np.uint8]:
        """Return `encode` of the numbers; uint8 is taken for 8 bits already, in any range."""
        plain = PixelFormat(self.alpha) if numbers.dtype == np.uint8 else self
        return plain.encode(numbers)

    def decode(self, share: NDArray[np.floating]) -> NDArray[Any]:
        """Turn images [N, C, H, W] in [0, 1], as the networks mean them, into a user's numbers.

        Colours are divided by their opacity; what is not seen at all is 0.
        """
        if self.alpha:
            share = divided(share)
        kind = np.dtype(self.dtype)
        low, high = (0.0, 255.0) if self.values is None else self.values
        numbers = low + share.astype(np.float64) * (high - low)
        if kind.kind == "f":
            return numbers.astype(kind)
        info = np.iinfo(kind)
        most = np.nextafter(float(info.max) + 1, 0)  # the largest float64 that the type can hold
        return np.rint(numbers).clip(float(info.min), most).astype(kind)


PLAIN = PixelFormat()
"""Images of 8 bits without opacity."""
AT_A_TIME = 2**22
"""About how many numbers are scaled at a time."""


def premultiplied(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Multiply the colours of images uint8 [N, C, H, W] by their last channel, the opacity."""
    alpha = pictures[:, -1:].astype(np.uint16)
    colours = ((pictures[:, :-1] * alpha + 127) // 255).astype(np.uint8)
    return np.concatenate([colours, pictures[:, -1:]], 1)


def divided(share: NDArray[np.floating]) -> NDArray[np.floating]:
    """Divide the colours of images [N, C, H, W] in [0, 1] by their opacity, in 8 bits of it.

    Colours stay in [0, 1], and are 0 where the opacity rounds to 0.
    """
    alpha = share[:, -1:]
    seen = np.rint(alpha * 255) > 0
    colours = np.where(seen, share[:, :-1] / np.where(seen, alpha, 1), 0).clip(0, 1)
    return np.concatenate([colours, alpha], 1)


def format_of(
    what: str, images: NDArray[Any], values: object = None, alpha: bool = False
) -> PixelFormat:
    """Return how images of any type in an array are stored.

    Args:
        what: names the images at the beginning of an error's message.
        images: numbers [N, ...].
        values: the values that become black and white, if that is a pair of numbers; else the
            images' own range decides. Images of uint8 stay as they are.
        alpha: whether their last channel is opacity.

    Raises DataError if a number is not finite, or beyond `MOST`.
    """
    if images.dtype == np.uint8:
        return PixelFormat(alpha)
    check_finite(what, images)
    floats = images.dtype.kind == "f"
    if isinstance(values, tuple):
        chosen: Range = values
    else:
        low, high = float(images.min()), float(images.max())
        check_size(what, low, high)
        chosen = floats_range(low, high) if floats else choose_range(low, high, integers=True)
    name = images.dtype.name
    return PixelFormat(alpha, chosen, name if name in NUMBERS else "float64")


def check_alpha(what: str, channels: int) -> None:
    """Raise DataError if images of so many channels cannot be colours with opacity."""
    if channels != 4:
        raise DataError(
            f"{what} have {channels} channel{'s' * (channels != 1)}, and rgba needs 4: red, green, "
            "blue and opacity"
        )


MOST = 10**15
"""The largest number that an image can hold, up or down from 0."""


def check_size(what: str, low: float, high: float) -> None:
    """Raise DataError if numbers from `low` to `high` go beyond `MOST`."""
    if max(abs(low), abs(high)) > MOST:
        raise DataError(
            f"{what} hold numbers from {low:.4g} to {high:.4g}, and {MOST:.0e} is the most: scale "
            "them"
        )


def check_finite(what: str, images: NDArray[Any]) -> None:
    """Raise DataError if images hold numbers that are not finite, naming the first such image."""
    each = np.array([not np.isfinite(image).all() for image in images])
    if each.any():
        raise DataError(
            f"{what} hold numbers that are not finite in {int(each.sum()):,} of {len(images):,}, "
            f"the first in image {int(each.argmax()):,}: leave those images out, or fill them"
        )


def span(arrays: Iterable[NDArray[Any]]) -> Range | None:
    """Return the least and the largest finite number in all arrays; None if there is none."""
    ends: list[float] = []
    for array in arrays:
        finite = array[np.isfinite(array)]
        if finite.size:
            ends += [float(finite.min()), float(finite.max())]
    return (min(ends), max(ends)) if ends else None


def as_float32(what: str, numbers: NDArray[Any]) -> NDArray[np.float32]:
    """Return numbers as float32, in a new array. Raises DataError if any is not finite there.

    `what` names the numbers at the beginning of the message, such as `points in 'set.npz'`.
    """
    with np.errstate(over="ignore"):
        found = np.array(numbers, np.float32, order="C")
    wrong = found.size - int(np.isfinite(found).sum())
    if wrong:
        raise DataError(
            f"{what} hold numbers that are not finite, or too large for float32 ({wrong:,} of "
            f"{found.size:,}): leave those examples out"
        )
    return found


def tell_dark(images: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return a note if images of 8 bits are nearly black, as masks and wrongly scaled ones are."""
    top = int(images.max(initial=0))
    if top >= DARK:
        return ()
    return (f"nearly black: no pixel is above {top} of 255; scale the images if that is not meant",)


def tell_range(values: Range) -> str:
    """Return a range in words: `0 becomes black and 4,080 white`."""
    low, high = values
    return f"{low:,.6g} becomes black and {high:,.6g} white"


def tell_format(what: str, pixels: PixelFormat) -> tuple[str, ...]:
    """Return notes on how images of other numbers than 8 bits, or with alpha, are read.

    `what` begins the note on their range, such as `the images are float32`.
    """
    notes: tuple[str, ...] = ()
    if pixels.values is not None:
        notes = (f"{what}: {tell_range(pixels.values)}, in 256 levels; samples have that range",)
    return (*notes, ALPHA_KEPT) if pixels.alpha else notes


ALPHA_KEPT = "the last channel is opacity: colours are multiplied by it, and samples have it too"
