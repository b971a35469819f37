"""Kernel distance: the squared maximum mean discrepancy of a cubic kernel (KID, 1801.01401)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features, check_count, random


def squared_mmd(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Return the squared maximum mean discrepancy of features a [M, D] and b [N, D].

    The kernel is k(x, y) = (x y / D + 1)^3. The estimate is unbiased, so it may be below 0. Memory
    grows with M and N squared: use `kernel_distance` for large sets.

    >>> a = np.array([[0.0], [1.0]])
    >>> squared_mmd(a, a + 1)
    9.5

    Raises ConfigError for other shapes, or fewer than 2 features in a set.
    """
    a, b = as_features(a, b)
    if min(len(a), len(b)) < 2:
        raise ConfigError(f"a kernel distance needs 2 examples, got {len(a)} and {len(b)}")
    x, y = a.astype(np.float64), b.astype(np.float64)
    within = [_kernel(z, z) for z in (x, y)]
    pairs = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in within]
    return float(pairs[0] + pairs[1] - 2 * _kernel(x, y).mean())


@typed_arguments()
def kernel_distance(
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    *,
    subsets: int = 100,
    size: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the mean and standard deviation of `squared_mmd` over random subsets of both sets.

    As in Binkowski et al. 2018, arXiv 1801.01401; it is KID if the features are the Inception
    network's. The mean is near 0 for sets that are alike, and may be below.

    >>> a = np.random.default_rng(0).normal(size=(200, 4))
    >>> mean, deviation = kernel_distance(a, a + 1, subsets=10, size=100)
    >>> mean > 1
    True

    Args:
        a, b: features [M, D] and [N, D].
        subsets: number of pairs of subsets, at least 1.
        size: examples in a subset, at least 2.
        seed: of the subsets.

    Raises ConfigError for other shapes, numbers out of range, or if a set is smaller than a
    subset.
    """
    a, b = as_features(a, b)
    check_count("subsets", subsets)
    check_count("size", size, least=2)
    if min(len(a), len(b)) < size:
        raise ConfigError(
            f"subsets of {size} need as many features, got {len(a)} and {len(b)}: lower the size"
        )
    rng = random(seed)
    values = [
        squared_mmd(
            a[rng.choice(len(a), size, replace=False)], b[rng.choice(len(b), size, replace=False)]
        )
        for _ in range(subsets)
    ]
    return float(np.mean(values)), float(np.std(values))


def _kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    base = x @ y.T / x.shape[1] + 1
    kernel: NDArray[np.float64] = base * base  # numpy's `** 3` takes several times as long
    kernel *= base
    return kernel
