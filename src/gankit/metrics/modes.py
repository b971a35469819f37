"""How many modes of a known mixture samples reach, and how evenly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features


@dataclass(frozen=True)
class ModeCount:
    """How samples fall on the modes of a mixture.

    >>> centres = np.array([[0.0, 0.0], [1.0, 0.0]])
    >>> count = count_modes(centres, centres, sigma=0.02)
    >>> count.found, count.good, count.kl
    (2, 1.0, 0.0)

    Attributes:
        found: modes with at least one good sample.
        good: the share of good samples, in [0, 1].
        kl: divergence of the good samples' modes from an even choice, in nats (`kl_to_uniform`).
    """

    found: int
    good: float
    kl: float


def count_modes(
    points: NDArray[np.floating], centres: NDArray[np.floating], sigma: float
) -> ModeCount:
    """Count the modes that points reach: a point within 3 sigma of a mode is its good sample.

    Args:
        points: samples [N, D].
        centres: of the modes [M, D].
        sigma: the standard deviation of each mode, above 0, in the points' units.

    >>> centres = np.array([[0.0, 0.0], [1.0, 0.0]])
    >>> count_modes(np.array([[0.01, 0.0], [0.5, 0.0]]), centres, sigma=0.02)
    ModeCount(found=1, good=0.5, kl=0.6931471805599453)

    Raises ConfigError for other shapes, or a sigma that is not above 0.
    """
    points, centres = as_features(points, centres)
    if not sigma > 0:
        raise ConfigError(f"sigma must be above 0, got {sigma}")
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    good = distance.min(1) < 3 * sigma
    counts = np.bincount(distance.argmin(1)[good], minlength=len(centres))
    return ModeCount(int((counts > 0).sum()), float(good.mean()), kl_to_uniform(counts))


def kl_to_uniform(counts: NDArray[np.integer]) -> float:
    """Return the KL divergence of the modes' shares from equal shares, in nats.

    It is 0 if all modes have equal counts, log M if one mode has all, and infinite if nothing was
    counted. `counts` are whole numbers [M].

    >>> kl_to_uniform(np.array([5, 5]))
    0.0
    """
    if not counts.sum():
        return float("inf")
    share = counts / counts.sum()
    share = share[share > 0]
    return float((share * np.log(share * len(counts))).sum())
