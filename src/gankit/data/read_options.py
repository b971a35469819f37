"""How a source is read: the options of pictures and of everything else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from gankit.data.tokens import TextOptions
from gankit.data.values import Range
from gankit.errors import DataError
from gankit.text import shown

Fit = Literal["crop", "stretch"]
Channels = Literal["auto", "grey", "rgb", "rgba", "bands"]
Split = Literal["train", "test"]
Values = Range | Literal["own"] | None
SMALLEST, LARGEST = 8, 1024
"""The fewest and the most pixels per side that a picture can be read at."""
MOST_HELD = 0.5
"""The largest share that can be held out."""


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
        splits: whether a table's column of splits is read.
        values: the values that become black and white in images of more than 8 bits; `own`: one
            range for the whole set, chosen by its values; None: by the type of each file.
        holdout: the share, 0 to 0.5, that is kept from training as the test split of a source
            that has none.
        text: how sequences of tokens are read.
        train_size: how many of the training examples are read, chosen at random; None: all.
        transitions: whether each move of an expert is read with what was seen next.

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
    splits: bool = True
    values: Values = "own"
    holdout: float = 0.0
    text: TextOptions = field(default_factory=TextOptions)
    train_size: int | None = None
    transitions: bool = False

    def __post_init__(self) -> None:
        if self.crop is not None and self.crop < SMALLEST:
            raise DataError(f"crop {self.crop} is out of range: give {SMALLEST} pixels or more")
        if self.train_size is not None and self.train_size < 1:
            raise DataError(f"train_size {self.train_size} is out of range: give 1 or more")
        if self.size is not None:
            _check_size(self.size)
        for name, kind in (("fit", Fit), ("channels", Channels), ("split", Split)):
            given, known = getattr(self, name), get_args(kind)
            if given not in known:
                raise DataError(f"{name} {given!r} is unknown: give one of {', '.join(known)}")
        if not self.memory_gb >= 0:
            raise DataError(f"memory_gb {self.memory_gb} is out of range: give 0 or more")
        pair = isinstance(self.values, tuple) and len(self.values) == 2
        if not pair and self.values not in ("own", None):
            raise DataError(
                f"values {shown(self.values)} are no range: give (black, white), 'own' or None"
            )
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


def _check_size(size: Any) -> None:
    """Raise DataError unless `size` is (height, width), each in the range of sides."""
    pair = isinstance(size, (tuple, list)) and len(size) == 2
    if not pair or not all(isinstance(side, (int, np.integer)) for side in size):
        raise DataError(
            f"size {shown(size)} is no size: give a number of pixels, or (height, width)"
        )
    for side in size:
        if not SMALLEST <= side <= LARGEST:
            raise DataError(
                f"size {side} is out of range: a side is {SMALLEST} to {LARGEST} pixels"
            )
