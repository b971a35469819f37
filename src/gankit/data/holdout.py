"""The examples that are kept from training where there is no test split."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.errors import DataError
from gankit.randomness import Purpose, rng

SHARE = 0.1
"""What is held out unless something else is asked for."""
FEWEST = 20
"""Held out are at least so many, which is what scores need, or none."""


def held_out(count: int, labels: NDArray[Any] | None, share: float) -> NDArray[np.int64]:
    """Which of `count` examples are held out: ascending int64, a function of the arguments alone.

    Each class gives its share; one that has a single example gives none. They are none at all if
    there would be fewer than `FEWEST`.
    """
    order = rng(0, Purpose.HOLDOUT).permutation(count)
    if labels is not None and labels.ndim == 1:
        order = order[np.argsort(labels[order], kind="stable")]
        order = order[np.bincount(labels)[labels[order]] > 1]
    wanted = round(share * len(order))
    if wanted < FEWEST:
        return np.empty(0, np.int64)
    places = (np.arange(wanted) + 0.5) * (len(order) / wanted)
    return np.unique(order[places.astype(np.int64)])


def rest(count: int, held: NDArray[np.int64]) -> NDArray[np.int64]:
    """The other ones of `count`, ascending."""
    return np.delete(np.arange(count), held)


def no_test_split(name: str, count: int, share: float) -> DataError:
    """What to raise where a test split is asked for and there is none."""
    why = ""
    if share:
        why = f", and {share:.0%} of its {count:,} examples are too few to be held out"
    return DataError(
        f"data {name!r} has no test split{why}: put the pictures into sub-folders 'train' and "
        "'test', or hold more out (--holdout)"
    )


def tell_held(held: int, count: int) -> str:
    """What a person is told of it."""
    return f"held out for scores: {held:,} of {count:,} examples (--holdout 0: none)"
