"""Euclidean distances between features, computed in tiles so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
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


@typed_arguments()
def nearest(
    queries: NDArray[np.generic], examples: NDArray[np.generic], skip_own: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the index of each query's nearest example, and its distance.

    A matrix product in float32 leaves a few examples that may be the nearest, by the bound of its
    rounding; the difference in float64 decides between these. So a copy is exactly 0 away, and the
    result is that of float64. Memory does not grow with the number of examples.

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
    least = np.full(len(queries), np.inf)  # squared
    for columns in blocks(len(examples), COLUMNS):
        y = examples[columns].astype(np.float64)
        for rows in blocks(len(queries), ROWS):
            x = queries[rows].astype(np.float64)
            found, squared = _nearest_of(x, y, rows.start - columns.start if skip_own else None)
            better = squared < least[rows]
            index[rows] = np.where(better, columns.start + found, index[rows])
            least[rows] = np.where(better, squared, least[rows])
    return index, np.sqrt(least)


MOST_NEAR = 8
"""Examples per query that may be its nearest; if there are more, float64 finds it among all."""


def _nearest_of(
    x: NDArray[np.float64], y: NDArray[np.float64], skip: int | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest y [M, D] of each x [N, D], and its squared distance: [N] and [N].

    If `skip` is given, x[i] is y[i + skip], which is left out; the distance is infinite if no
    other is there.
    """
    i, j = _may_be_nearest(x, y, skip)
    squared = np.concatenate(
        [np.square(x[i[part]] - y[j[part]]).sum(1) for part in blocks(len(i), ROWS)]
    )
    if skip is not None:
        squared[j == i + skip] = np.inf
    order = np.lexsort((j, squared, i))
    first = order[np.searchsorted(i[order], np.arange(len(x)))]
    return j[first], squared[first]


def _may_be_nearest(
    x: NDArray[np.float64], y: NDArray[np.float64], skip: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs (i, j) such that each x[i] has its nearest y among its y[j]."""
    own = np.arange(0 if skip is None else max(0, -skip), 0 if skip is None else len(x))
    own = own[own + (skip or 0) < len(y)]
    centre = y.mean(0)  # vectors from here are short, and rounded less
    to_x, to_y = x - centre, y - centre
    squares = np.square(to_y).sum(1)
    lengths, longest = np.sqrt(np.square(to_x).sum(1)), float(np.sqrt(squares.max()))
    if longest > TINY and max(longest, lengths.max()) < HUGE:
        # |x|^2 is the same for every y, so it does not change which one is nearest.
        apart = (-2 * to_x).astype(np.float32) @ to_y.astype(np.float32).T
        apart += squares.astype(np.float32)
        apart[own, own + (skip or 0)] = np.inf
        error = ROUNDING * (x.shape[1] + 8) * longest * (2 * lengths + longest)
        near = apart <= (apart.min(1) + 2 * error).astype(np.float32)[:, None]
        if near.sum() <= MOST_NEAR * len(x):
            i, j = np.nonzero(near)
            return i, j
    exact = distances(x, y)
    exact[own, own + (skip or 0)] = np.inf
    return np.arange(len(x)), exact.argmin(1)


ROUNDING = float(np.finfo(np.float32).eps)
TINY, HUGE = 1e-15, 1e15
"""Vectors of a length in this range have squares that float32 holds."""


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
