"""The sheet: examples to look at, as the networks will see them, a row for each class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gankit.data import Dataset, as_pictures
from gankit.inspection.findings import Inspection, Row
from gankit.pictures import Pixels, grid, paths, scatter, visible, with_names
from gankit.randomness import Purpose, rng

COLUMNS, ROWS = 12, 40
"""How many examples a row has, and the most rows."""
WITHOUT_CLASSES = 8
"""How many rows there are without classes."""
LARGEST = 128
"""Larger images are shown at this many pixels on the longer side."""
POINTS, PATHS = 2000, 60
"""How many points and how many trajectories are drawn."""


def choose_rows(dataset: Dataset, seed: int) -> tuple[Row, ...]:
    """Draw the examples of the sheet by `seed`: a row for each of the first classes, or one."""
    random = rng(seed, Purpose.INSPECTION, 1)
    if not dataset.is_images or not dataset.class_names:
        most = COLUMNS * WITHOUT_CLASSES if dataset.is_images else POINTS
        return (Row("", dataset.read(_some(np.arange(len(dataset)), most, random))),)
    places = [
        (name, np.flatnonzero(dataset.labels == label))
        for label, name in enumerate(dataset.class_names[:ROWS])
    ]
    return tuple(
        Row(name, dataset.read(_some(among, COLUMNS, random)))
        for name, among in places
        if len(among)
    )


def _some(among: NDArray[np.int64], most: int, random: np.random.Generator) -> NDArray[np.int64]:
    return np.sort(random.choice(among, min(most, len(among)), replace=False))


def strips(found: Inspection) -> Iterator[tuple[str, Pixels]]:
    """Yield the name and the picture of each row; nothing for tokens, which have no picture."""
    for row in found.sheet:
        if found.kind == "images":
            pictures = visible(as_pictures(row.examples), found.alpha)
            yield row.name, grid(_small_enough(np.ascontiguousarray(pictures)), COLUMNS)
        elif found.kind == "points":
            yield row.name, scatter(None, row.examples)
        elif found.kind == "trajectories" and found.shape[0] == 1:  # a moment has no path
            yield row.name, scatter(None, row.examples[:, 0])
        elif found.kind == "trajectories":
            yield row.name, paths(row.examples[:PATHS])


def _small_enough(pictures: Pixels) -> Pixels:
    height, width = pictures.shape[1:3]
    share = LARGEST / max(height, width)
    if share >= 1:
        return pictures
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.stack([np.asarray(Image.fromarray(one).resize(size)) for one in pictures])


def sheet(found: Inspection) -> Pixels | None:
    """Return the whole sheet in one picture, with names; None for tokens."""
    rows = list(strips(found))
    if not rows:
        return None
    return with_names(rows) if any(name for name, _ in rows) else rows[0][1]
