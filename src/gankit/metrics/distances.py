"""Euclidean distances between features, computed in tiles so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gankit.metrics.arrays import as_features

ROWS = 1000
COLUMNS = 4000
"""Rows and columns of a tile: 32 MB of distances, and their features in float64 (80 MB if D is
2,048)."""


def blocks(count: int, size: int) -> Iterator[slice]:
    """Cut 0..count into slices of `size`; the last may be shorter."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def distances(a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the distances between a [n, D] and b [m, D], by one matrix product: float64 [n, m].

    They are exact to about 1e-8 of the features' own length, so two equal features may lie that
    far apart; `nearest` is exact for those too.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    squared = x @ y.T
    squared *= -2
    squared += np.square(x).sum(1)[:, None]
    squared += np.square(y).sum(1)
    return np.sqrt(squared.clip(0, out=squared), out=squared)


def tiles(
    a: NDArray[np.generic], b: NDArray[np.generic]
) -> Iterator[tuple[slice, slice, NDArray[np.float64]]]:
    """Yield (rows of a, rows of b, their distances) for every pair once.

    All tiles of one block of `a` follow each other.
    """
    for rows in blocks(len(a), ROWS):
        for columns in blocks(len(b), COLUMNS):
            yield rows, columns, distances(a[rows], b[columns])


def kth_nearest(features: NDArray[np.generic], k: int) -> NDArray[np.float64]:
    """Return how far each feature [N, D] is from its k-th nearest other one: [N]. Needs N > k."""
    nearest = np.full((len(features), k + 1), np.inf)  # the nearest of all is the feature itself
    for rows, _, distance in tiles(features, features):
        both = np.concatenate([nearest[rows], distance], 1)
        nearest[rows] = np.partition(both, k, axis=1)[:, : k + 1]
    radii: NDArray[np.float64] = nearest.max(1)
    return radii


def nearest(
    queries: NDArray[np.generic], examples: NDArray[np.generic], skip_own: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the index of each query's nearest example, and its distance.

    The distance is computed from the difference of the two, so a copy is exactly 0 away.

    Args:
        queries: [N, D].
        examples: [M, D].
        skip_own: query i is example i, so skip that example for that query.

    Returns:
        Indices int64 [N], and Euclidean distances float64 [N].

    >>> index, distance = nearest(np.array([[0.9]]), np.array([[0.0], [1.0]]))
    >>> index.item(), distance.round(6).item()
    (1, 0.1)

    Raises ConfigError for other shapes.
    """
    queries, examples = as_features(queries, examples)
    index = np.zeros(len(queries), np.int64)
    least = np.full(len(queries), np.inf)
    for rows, columns, distance in tiles(queries, examples):
        if skip_own:
            own = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
            distance[own - rows.start, own - columns.start] = np.inf
        found = distance.argmin(1)
        value = distance[np.arange(len(found)), found]
        better = value < least[rows]
        index[rows] = np.where(better, columns.start + found, index[rows])
        least[rows] = np.where(better, value, least[rows])
    for rows in blocks(len(queries), ROWS):
        apart = queries[rows].astype(np.float64) - examples[index[rows]].astype(np.float64)
        least[rows] = np.sqrt(np.square(apart).sum(1))
    return index, least


QUERIES = 500
"""Queries compared at a time with all examples."""


def nearest_labels(
    examples: NDArray[np.generic], labels: NDArray[np.int64], queries: NDArray[np.generic]
) -> NDArray[np.int64]:
    """Return the label of each query's nearest example: int64 [N].

    Distances are Euclidean, between the values as they are.

    Args:
        examples: [M, ...].
        labels: int64 [M], of the examples.
        queries: [N, ...], of the examples' shape.
    """
    centres = examples.reshape(len(examples), -1).astype(np.float32)
    squares = np.square(centres).sum(1)
    nearest = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), QUERIES):
        x = queries[start : start + QUERIES].reshape(-1, centres.shape[1]).astype(np.float32)
        # |x|^2 is the same for every centre, so it does not change which one is nearest.
        nearest[start : start + len(x)] = (squares - 2 * x @ centres.T).argmin(1)
    return labels[nearest]
