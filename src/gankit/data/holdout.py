"""The examples that are kept from training if the source has no test split."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.data.read_options import MOST_HELD
from gankit.errors import DataError
from gankit.randomness import Purpose, rng

SHARE = 0.1
"""The share that is held out unless another is asked for."""
FEWEST = 20
"""The fewest examples that are held out, because scores need so many; otherwise none are."""


def held_out(count: int, labels: NDArray[Any] | None, share: float) -> NDArray[np.int64]:
    """Choose which of `count` examples are held out, by the arguments alone.

    Each class gives its share, but a class with a single example gives none. If there would be
    fewer than `FEWEST` in all, none are held out.

    Args:
        count: the number of examples.
        labels: int64 [count] classes; vectors [count, C] and None are ignored.
        share: the share to hold out, in [0, 1].

    Returns:
        Ascending int64 indices.
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
    """Return the indices in 0..count-1 that are not in `held`, ascending."""
    return np.delete(np.arange(count), held)


def some_of(count: int, wanted: int) -> NDArray[np.int64]:
    """Choose `wanted` of `count` examples at random, by these two alone; ascending indices.

    A larger choice holds every smaller one; all are chosen if there are fewer.
    """
    return np.sort(rng(0, Purpose.TRAIN_SIZE).permutation(count)[:wanted])


def no_test_split(name: str, count: int, share: float) -> DataError:
    """Return the error to raise if a test split is asked for and there is none."""
    why = ""
    if share:
        why = f", and {share:.0%} of its {count:,} examples are too few to be held out"
    enough = round(MOST_HELD * count) >= FEWEST
    return DataError(
        f"data {name!r} has no test split{why}: put the pictures into sub-folders 'train' "
        "and 'test' (in an .npz: arrays test_images, test_labels; of text: files train.txt and "
        f"test.txt), or {'raise data.holdout' if enough else 'add more examples'}",
        *(["data.holdout"] if enough else []),
    )


def tell_held(held: int, count: int, share: float) -> tuple[str, ...]:
    """Return the note that says how many examples are held out, and how to hold out none.

    There is none if the usual share is too small to be held out.
    """
    if held:
        of = f"{held:,} of {count:,} examples"
        return (f"held out for scores: {of} (data.holdout = 0 holds out none)",)
    if share in (0, SHARE):
        return ()
    few = f"{share:.0%} of {count:,} examples are fewer than {FEWEST}"
    return (f"nothing is held out for scores: {few}",)
