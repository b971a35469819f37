"""What becomes black and white of images that hold other numbers than 0 to 255."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.errors import DataError

Range = tuple[float, float]
"""What becomes 0 and what becomes 255."""

INTEGERS: tuple[Range, ...] = ((0, 255), (0, 65535))
FLOATS: tuple[Range, ...] = ((0, 1), (-1, 1), (0, 255), (0, 65535))
"""The usual ranges, the narrowest first."""
FILLED = {"integers": 0.9, "floats": 0.5}
"""The share of a usual range that a set must use to be read by it, and not by its own."""


def choose_range(low: float, high: float, integers: bool) -> Range:
    """The range to read a whole set by: the narrowest usual one that it fills, else its own.

    Args:
        low, high: the least and the largest number of all its images.
        integers: whether they are whole numbers, of which a usual range must be used to nine
            tenths; floats need one half.
    """
    share = FILLED["integers" if integers else "floats"]
    for bottom, top in INTEGERS if integers else FLOATS:
        if bottom <= low and high <= top and high - low >= share * (top - bottom):
            return bottom, top
    if low == high:  # nothing to go by
        usual = (pair for pair in (INTEGERS[1:] if integers else FLOATS) if _holds(pair, low))
        return next(usual, (low, low + 1))
    return low, high


def _holds(pair: Range, number: float) -> bool:
    return pair[0] <= number <= pair[1]


def floats_range(low: float, high: float) -> Range:
    """The range of float images in an array: [0, 1], [-1, 1] or [0, 255].

    Raises DataError if they are in none of these.
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
    """uint8 of numbers of any kind: `values[0]` becomes 0, `values[1]` 255, what lies outside is
    cut; what is no number becomes 0."""
    low, high = values
    scaled = (numbers.astype(np.float64) - low) * (255 / (high - low))
    finite = np.isfinite(scaled)
    found: NDArray[np.uint8] = np.rint(np.where(finite, scaled, 0).clip(0, 255)).astype(np.uint8)
    return found


def span(arrays: Iterable[NDArray[Any]]) -> Range | None:
    """The least and the largest finite number in all arrays, None if there are none."""
    ends: list[float] = []
    for array in arrays:
        finite = array[np.isfinite(array)]
        if finite.size:
            ends += [float(finite.min()), float(finite.max())]
    return (min(ends), max(ends)) if ends else None


def tell_range(values: Range) -> str:
    """`0 becomes black and 4,080 white`."""
    low, high = values
    return f"{low:,.6g} becomes black and {high:,.6g} white"
