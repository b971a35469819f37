"""Frechet distance between two sets of features, each taken for a Gaussian (arXiv 1706.08500)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError


@dataclass(frozen=True)
class Moments:
    """Mean [D] and covariance [D, D] of `count` features, float64."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    count: int


def moments(blocks: Iterable[NDArray[np.floating]]) -> Moments:
    """Of features given in blocks [n, D]: memory does not grow with their number.

    Blocks are combined by Chan, Golub and LeVeque's update, so the result does not depend on
    their size but for rounding. Raises ConfigError for fewer than 2 features.
    """
    count, mean, scatter = 0, np.zeros(()), np.zeros(())
    for block in blocks:
        x = block.astype(np.float64)
        own = x.mean(0)
        centred = x - own
        if count == 0:
            count, mean, scatter = len(x), own, centred.T @ centred
            continue
        total = count + len(x)
        step = own - mean
        scatter = scatter + centred.T @ centred + np.outer(step, step) * (count * len(x) / total)
        mean = mean + step * (len(x) / total)
        count = total
    if count < 2:
        raise ConfigError(f"a covariance needs at least 2 examples, got {count}")
    return Moments(mean, scatter / (count - 1), count)


def frechet_distance(a: Moments, b: Moments) -> float:
    """|mu_a - mu_b|^2 + tr(A + B - 2 (A B)^(1/2)), at least 0.

    tr (A B)^(1/2) is the sum of the square roots of the eigenvalues of S B S, S = A^(1/2): both
    matrices are symmetric, so singular covariances (fewer features than dimensions) are no
    special case and nothing complex appears.
    """
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    middle = root @ b.covariance @ root
    shared = np.sqrt(np.linalg.eigvalsh((middle + middle.T) / 2).clip(0)).sum()
    apart = float(np.square(a.mean - b.mean).sum())
    return max(0.0, apart + float(np.trace(a.covariance) + np.trace(b.covariance) - 2 * shared))
