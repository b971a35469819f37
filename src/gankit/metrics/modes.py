"""How many modes of a known mixture were found, and how evenly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ModeCount:
    """Modes with at least one good sample; the share of good samples; KL in nats."""

    found: int
    good: float
    kl: float


def count_modes(
    points: NDArray[np.floating], centres: NDArray[np.floating], sigma: float
) -> ModeCount:
    """Points [N, D] against modes [M, D]: a point within 3 sigma of a mode is its good sample."""
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    good = distance.min(1) < 3 * sigma
    counts = np.bincount(distance.argmin(1)[good], minlength=len(centres))
    return ModeCount(int((counts > 0).sum()), float(good.mean()), kl_to_uniform(counts))


def kl_to_uniform(counts: NDArray[np.integer]) -> float:
    """KL of the shares of modes from equal shares, in nats: 0 where even, log M for one of M."""
    if not counts.sum():
        return float("inf")
    share = counts / counts.sum()
    share = share[share > 0]
    return float((share * np.log(share * len(counts))).sum())
