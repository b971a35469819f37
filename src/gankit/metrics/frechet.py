"""Frechet distance between two sets of features, each taken for a Gaussian (arXiv 1706.08500)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features
from gankit.text import shown

ROWS = 1000
"""Features added at a time, whatever the size of the blocks."""


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of features: all that a Frechet distance needs.

    >>> known = moments([np.array([[0.0, 0.0], [2.0, 2.0]])])
    >>> known.count, known.mean.tolist(), known.covariance.tolist()
    (2, [1.0, 1.0], [[2.0, 2.0], [2.0, 2.0]])

    Attributes:
        mean: float64 [D].
        covariance: float64 [D, D], with count - 1 in the denominator.
        count: how many features they are of.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    count: int


def moments(blocks: Iterable[NDArray[np.floating]]) -> Moments:
    """Return the mean and covariance of features given in blocks [n, D], in bounded memory.

    >>> moments([[[1.0, 0.0]], [[3.0, 0.0]]]).mean.tolist()
    [2.0, 0.0]

    Blocks are combined by Chan, Golub and LeVeque's update, so the result does not depend on
    their size except for rounding. Raises ConfigError for fewer than 2 features, for blocks of
    another shape, or if a feature is not finite.
    """
    count, mean, scatter = 0, np.zeros(()), np.zeros(())
    if not isinstance(blocks, Iterable):
        raise ConfigError(f"blocks must be a list of features [n, D], got {shown(blocks)}")
    for given in blocks:
        (block,) = as_features(given)
        if count and block.shape[1] != mean.size:
            raise ConfigError(f"blocks of {mean.size} and of {block.shape[1]} dimensions given")
        for start in range(0, len(block), ROWS):
            x = block[start : start + ROWS].astype(np.float64)
            own = x.mean(0)
            x -= own
            total = count + len(x)
            step = own - mean
            scatter = scatter + x.T @ x
            scatter += np.outer(step, step) * (count * len(x) / total)
            mean = mean + step * (len(x) / total)
            count = total
    if count < 2:
        raise ConfigError(f"a covariance needs at least 2 examples, got {count}")
    if not np.isfinite(scatter).all():
        raise ConfigError("features that are not finite have no covariance")
    return Moments(mean, scatter / (count - 1), count)


def frechet_distance(a: NDArray[np.floating] | Moments, b: NDArray[np.floating] | Moments) -> float:
    """Return the Frechet distance |mu_a - mu_b|^2 + tr(A + B - 2 (A B)^(1/2)), at least 0.

    A and B are the covariances. The distance is 0 if means and covariances are equal. It is FID
    if the features are the Inception network's (Heusel et al. 2017, arXiv 1706.08500).

    >>> a = np.array([[0.0, 0.0], [2.0, 2.0]])
    >>> round(frechet_distance(a, a + 3), 6)
    18.0

    Args:
        a, b: features [M, D] and [N, D], at least 2 of each; or their `moments`, if a set is too
            large for memory.

    With A = R R' and B = S S', tr (A B)^(1/2) is the sum of the singular values of R' S. So no
    complex number appears, and singular covariances (fewer features than dimensions) are no
    special case: their roots have fewer columns.

    Raises ConfigError for other shapes, dimensions that differ, or features that are not finite.
    """
    if not isinstance(a, Moments):
        a = moments([a])
    if not isinstance(b, Moments):
        b = moments([b])
    if a.mean.shape != b.mean.shape:
        raise ConfigError(
            f"features of {a.mean.size} and of {b.mean.size} dimensions are not of one network"
        )
    shared = np.linalg.svd(_root(a.covariance).T @ _root(b.covariance), compute_uv=False).sum()
    apart = float(np.square(a.mean - b.mean).sum())
    return max(0.0, apart + float(np.trace(a.covariance) + np.trace(b.covariance) - 2 * shared))


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R [D, rank] with R R' = covariance."""
    values, vectors = np.linalg.eigh(covariance)
    # Rounding turns eigenvalues of 0 into ones of this size, and their roots would add up.
    kept = values > max(values[-1], 0) * len(values) * np.finfo(np.float64).eps
    root: NDArray[np.float64] = vectors[:, kept] * np.sqrt(values[kept])
    return root
