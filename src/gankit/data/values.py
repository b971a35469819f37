"""The values that become black and white in images that hold other numbers than 0 to 255."""

from __future__ import annotations

import math
from collections.abc import Iterable
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
    """Return the range of float images in an array: [0, 1], [-1, 1] or [0, 255].

    Args:
        low: the least number in all images.
        high: the largest number in all images.

    Raises DataError if they are in none of these, or use less than half of [0, 255].
    """
    for pair in FLOATS[:2]:
        if _holds(pair, low) and _holds(pair, high):
            return pair
    if choose_range(low, high, integers=False) == (0, 255):
        return 0, 255
    raise DataError(
        f"images as floats must be in [0, 1] or [-1, 1], or in [0, 255] and use most of it; these "
        f"are in [{low:.4g}, {high:.4g}]: scale them, or give uint8"
    )


def to_bytes(numbers: NDArray[Any], values: Range) -> NDArray[np.uint8]:
    """Scale numbers of any type to uint8: `values[0]` becomes 0 and `values[1]` becomes 255.

    Numbers outside the range are clipped, and numbers that are not finite become 0.
    """
    low, high = values
    scaled = (numbers.astype(np.float64) - low) * (255 / (high - low))
    finite = np.isfinite(scaled)
    found: NDArray[np.uint8] = np.rint(np.where(finite, scaled, 0).clip(0, 255)).astype(np.uint8)
    return found


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
