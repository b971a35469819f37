"""How many modes of known data samples reach, and how evenly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features, as_labels, as_numbers
from gankit.text import shown


@dataclass(frozen=True)
class ModeCount:
    """How samples fall on modes that are known.

    >>> centres = np.array([[0.0, 0.0], [1.0, 0.0]])
    >>> count = count_modes(centres, centres, sigma=0.02)
    >>> count.found, count.good, count.kl
    (2, 1.0, 0.0)

    Attributes:
        found: modes that samples show.
        good: the share of good samples, in [0, 1].
        kl: divergence of the good samples' modes from an even choice, in nats (`kl_to_uniform`).
    """

    found: int
    good: float
    kl: float


@typed_arguments()
def count_modes(
    points: NDArray[np.floating], centres: NDArray[np.floating], sigma: float
) -> ModeCount:
    """Count the modes that points reach: a point within 3 sigma of a mode is its good sample.

    A mode is found if it has one good sample or more. That is the papers' rule, and it counts stray
    points too: read it beside the share of good samples.

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


LEAST = 2
"""The fewest samples of a stack that counts as found: a single one may be misread."""
STRAY = 1 / 100
"""A stack with at most this share of another's samples may be that one misread. Where the network
`digits` is sure, it reads at most 1 in 876 images of a digit as one certain other digit (MNIST's
test images); generated digits may be harder."""


def count_stacks(modes: NDArray[np.integer]) -> ModeCount:
    """Count the stacks of three digits, of 1,000, that samples show.

    A digit that is misread shows a stack that differs from the true one in one digit. So a stack
    counts as found only if two samples or more (LEAST) show it, and more than a hundredth (STRAY)
    of those that show any one stack which differs from it in one digit.

    Args:
        modes: whole numbers [N], the three digits of each sample as a number from 0 to 999; below
            0 if they cannot be read.

    Returns:
        The stacks found; as `good`, the share of samples that can be read; and the KL of the
        samples of the stacks found.

    >>> count_stacks(np.array([7, 7, 123, 123, 555, -1]))
    ModeCount(found=2, good=0.8333333333333334, kl=6.214608098422191)

    Raises ConfigError if there are no samples, or a mode is above 999.
    """
    modes = as_labels(modes, what="modes")
    if not len(modes) or modes.max() > 999:
        raise ConfigError(f"stacks of three digits are 0 to 999, got {modes.max(initial=-1)}")
    read = modes[modes >= 0]
    counts = np.bincount(read, minlength=1000).reshape(10, 10, 10)
    found = counts >= LEAST
    for digit in range(3):
        found &= counts > STRAY * counts.max(digit, keepdims=True)
    kl = kl_to_uniform(np.where(found, counts, 0).ravel())
    return ModeCount(int(found.sum()), len(read) / len(modes), kl)


def kl_to_uniform(counts: NDArray[np.integer]) -> float:
    """Return the KL divergence of the modes' shares from equal shares, in nats.

    It is 0 if all modes have equal counts, log M if one mode has all, and infinite if nothing was
    counted. `counts` are whole numbers [M].

    >>> kl_to_uniform(np.array([5, 5]))
    0.0

    Raises ConfigError if they are no counts.
    """
    counts = as_numbers(counts, "counts")
    if counts.ndim != 1 or not (counts >= 0).all() or not np.isfinite(counts).all():
        raise ConfigError(f"counts must be numbers [M] from 0, got {shown(counts)}")
    if not counts.sum():
        return float("inf")
    share = counts / counts.sum()
    share = share[share > 0]
    return max(0.0, float((share * np.log(share * len(counts))).sum()))  # but for rounding
