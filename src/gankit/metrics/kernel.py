"""Kernel distance: the squared maximum mean discrepancy of a cubic kernel (KID, 1801.01401)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError


def squared_mmd(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Unbiased, so it may be below 0: features [M, D] and [N, D], k(x, y) = (x y / D + 1)^3.

    Memory grows with M and N squared: take `kernel_distance` for large sets.
    Raises ConfigError for fewer than 2 features.
    """
    if min(len(a), len(b)) < 2:
        raise ConfigError(f"a kernel distance needs 2 examples, got {len(a)} and {len(b)}")
    x, y = a.astype(np.float64), b.astype(np.float64)
    within = [_kernel(z, z) for z in (x, y)]
    pairs = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in within]
    return float(pairs[0] + pairs[1] - 2 * _kernel(x, y).mean())


def kernel_distance(
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    *,
    subsets: int = 100,
    size: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """(mean, standard deviation) of `squared_mmd` over random subsets of both, as the paper does.

    Raises ConfigError where a set is smaller than a subset.
    """
    if min(len(a), len(b)) < size:
        raise ConfigError(
            f"subsets of {size} need as many features, got {len(a)} and {len(b)}: lower the size"
        )
    rng = np.random.default_rng(seed)
    values = [
        squared_mmd(
            a[rng.choice(len(a), size, replace=False)], b[rng.choice(len(b), size, replace=False)]
        )
        for _ in range(subsets)
    ]
    return float(np.mean(values)), float(np.std(values))


def _kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    kernel: NDArray[np.float64] = (x @ y.T / x.shape[1] + 1) ** 3
    return kernel
