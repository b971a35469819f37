"""Frechet distance between two sets of features, each taken for a Gaussian (arXiv 1706.08500)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError

ROWS = 1000
"""Features at a time, whatever the size of the blocks."""


@dataclass(frozen=True)
class Moments:
    """Mean [D] and covariance [D, D] of `count` features, float64."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    count: int


def moments(blocks: Iterable[NDArray[np.floating]]) -> Moments:
    """Of features given in blocks [n, D]: memory does not grow with their number.

    Blocks are combined by Chan, Golub and LeVeque's update, so the result does not depend on
    their size but for rounding. Raises ConfigError for fewer than 2 features, or where one is
    not finite.
    """
    count, mean, scatter = 0, np.zeros(()), np.zeros(())
    for block in blocks:
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


def frechet_distance(a: Moments, b: Moments) -> float:
    """|mu_a - mu_b|^2 + tr(A + B - 2 (A B)^(1/2)), at least 0.

    With A = R R' and B = S S', tr (A B)^(1/2) is the sum of the singular values of R' S. Nothing
    complex appears, and singular covariances (fewer features than dimensions) are no special
    case: their roots have fewer columns. Raises ConfigError where the dimensions differ.
    """
    if a.mean.shape != b.mean.shape:
        raise ConfigError(
            f"features of {a.mean.size} and of {b.mean.size} dimensions are not of one network"
        )
    shared = np.linalg.svd(_root(a.covariance).T @ _root(b.covariance), compute_uv=False).sum()
    apart = float(np.square(a.mean - b.mean).sum())
    return max(0.0, apart + float(np.trace(a.covariance) + np.trace(b.covariance) - 2 * shared))


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """R [D, rank] with R R' = covariance."""
    values, vectors = np.linalg.eigh(covariance)
    # Rounding leaves eigenvalues of this size where they are 0; their roots would add up.
    kept = values > max(values[-1], 0) * len(values) * np.finfo(np.float64).eps
    root: NDArray[np.float64] = vectors[:, kept] * np.sqrt(values[kept])
    return root
