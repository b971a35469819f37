"""Find examples that occur twice, exactly or nearly, without comparing each with each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from gankit.randomness import Purpose, rng

SIDE = 16
"""Pixels on each side of the small copies by which pictures are compared."""
ALIKE = 0.995
"""The least correlation of two small copies whose pictures are near duplicates.

A picture and its copy saved as JPEG, or made lighter or darker, are above it. So are a few pairs of
drawings that two people made alike, such as two upright strokes.
"""
FLAT = 4.0
"""Small copies that vary by fewer grey levels than this (their deviation) are not compared."""
TURNS, PLANES = 10, 16
"""In each turn the copies are sorted by the sides of so many random planes on which they lie."""
THROUGH_MIDDLE = 8
"""In so many turns the planes go through the mean copy, which tells the copies of most sets apart;
in the others through 0, so that a set of near duplicates alone stays together."""
NEXT = 4
"""How many copies after it, on the same sides of all planes, each copy is compared with."""
ROWS = 8192
"""How many copies are worked on at a time."""


def small_copies(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return copies [N, C, SIDE, SIDE] of images [N, C, H, W]: means over areas."""
    pooled = adaptive_avg_pool2d(torch.from_numpy(images).float(), SIDE)
    copies: NDArray[np.uint8] = pooled.round().to(torch.uint8).numpy()
    return copies


def exact_groups(digests: Sequence[bytes]) -> list[list[int]]:
    """Return the positions of equal digests, in one ascending list for each that occurs twice."""
    places: defaultdict[bytes, list[int]] = defaultdict(list)
    for position, digest in enumerate(digests):
        places[digest].append(position)
    return [group for group in places.values() if len(group) > 1]


def near_pairs(copies: NDArray[np.uint8], seed: int = 0) -> list[tuple[int, int, float]]:
    """Return pairs of positions whose small copies correlate by `ALIKE` or more, the closest first.

    Copies that are nearly equal lie on the same sides of most planes. In each of `TURNS` turns they
    are sorted by the sides of `PLANES` random planes, and each is compared with the `NEXT` ones
    after it. So the work grows as N log N; a pair can be missed, and in large groups of near
    duplicates each one is paired with some of the others.

    Args:
        copies: what `small_copies` returns. Flat ones, of which nothing can be said, are left out.
        seed: the seed of the planes.

    Returns:
        (first, second, correlation), with first < second.
    """
    places = np.flatnonzero(_deviations(copies) >= FLAT)
    if len(places) < 2:
        return []
    middle = sum(_units(copies[part]).sum(0) for part in _parts(places)) / len(places)
    random = rng(seed, Purpose.INSPECTION)
    planes = random.standard_normal((middle.size, TURNS * PLANES)).astype(np.float32)
    sides = np.concatenate([_units(copies[part]) @ planes for part in _parts(places)])
    sides[:, : THROUGH_MIDDLE * PLANES] -= (middle @ planes)[: THROUGH_MIDDLE * PLANES]
    found: dict[tuple[int, int], float] = {}
    for turn in range(TURNS):
        for a, b in _neighbours(sides[:, turn * PLANES : (turn + 1) * PLANES]):
            found.update(_close(copies, places[np.minimum(a, b)], places[np.maximum(a, b)]))
    return sorted(((a, b, r) for (a, b), r in found.items()), key=lambda pair: (-pair[2], pair))


def _parts(places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (places[start : start + ROWS] for start in range(0, len(places), ROWS))


def _deviations(copies: NDArray[np.uint8]) -> NDArray[np.float64]:
    parts = _parts(np.arange(len(copies)))
    return np.concatenate([np.empty(0), *(_flat(copies[part]).std(1) for part in parts)])


def _flat(copies: NDArray[np.uint8]) -> NDArray[np.float32]:
    return copies.reshape(len(copies), -1).astype(np.float32)


def _units(copies: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the copies as vectors of mean 0 and length 1: their products are correlations."""
    vectors = _flat(copies)
    vectors -= vectors.mean(1, keepdims=True)
    units: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


def _neighbours(
    sides: NDArray[np.float32],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield pairs on the same sides of all planes, near each other along the first."""
    key = (sides > 0) @ (1 << np.arange(PLANES))
    order = np.lexsort((sides[:, 0], key))
    for step in range(1, NEXT + 1):
        a, b = order[:-step], order[step:]
        same = key[a] == key[b]
        yield a[same], b[same]


def _close(
    copies: NDArray[np.uint8], first: NDArray[np.int64], second: NDArray[np.int64]
) -> Iterator[tuple[tuple[int, int], float]]:
    """Yield those of the pairs that are near duplicates, with their correlation."""
    for a, b in zip(_parts(first), _parts(second), strict=True):
        likeness = np.einsum("ij,ij->i", _units(copies[a]), _units(copies[b]))
        for i in np.flatnonzero(likeness >= ALIKE):
            yield (int(a[i]), int(b[i])), float(likeness[i])
