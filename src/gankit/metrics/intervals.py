"""Intervals of a score: over draws of samples, over runs, over halves of one set, of one share.

Prefer draws: samples from other seeds show what chance does. If the features are fixed (real
examples, a folder of pictures), `interval_of_halves` estimates the same spread. The bootstrap is
not offered: drawn with replacement, a set of n holds 0.632 n different examples, and the copies
move these measures instead of only spreading them. A copy is its own nearest neighbour, so radii
shrink and coverage falls; a Frechet distance rises, as it does with fewer examples. A bootstrap
interval can therefore lie wholly on one side of the score.

An interval never leaves the range of its score. Several shares are taken on the scale of their
angles, arcsin(share^(1/2)), on which shares scatter alike wherever they lie between 0 and 1; a
single share that counts independent examples has Wilson's interval (`interval_of_share`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features, as_numbers, check_count, random

Metric = Callable[[NDArray[np.floating], NDArray[np.floating]], float]
"""A function from features, real [N, D] and fake [M, D], to a score."""

T_95 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
"""The 97.5 % point of Student's t for 1 to 10 degrees of freedom."""


@typed_arguments()
def interval_of_draws(
    values: Sequence[float],
    *,
    within: tuple[float, float] = (-math.inf, math.inf),
    count: int | None = None,
) -> tuple[float, float]:
    """Return (low, high) between which the score of another draw falls 95 times in 100.

    `values` are the scores of n independent draws; the interval is mean +- t s (1 + 1/n)^(1/2),
    exact if the scores are normal. In a range with two ends, mean and s are those of angles (see
    the module). Of 1,500 simulated intervals of 5 shares of 200 or 2,000 examples, 93 to 97 of 100
    held the share of another draw, for shares of .01 to .98 that scatter as counts do or more.

    Args:
        values: 2 scores or more.
        within: the least and the most that a score can be, (0, 1) for a share. The interval is cut
            there, which loses nothing, since no score lies beyond.
        count: the number of examples that each share counts. If no draw differs from the others,
            as where every share is 0, shares are taken to scatter as counts of so many examples
            do. None: such an interval has no width.

    >>> low, high = interval_of_draws([1.0, 1.1, 0.9])
    >>> round(low, 3), round(high, 3)
    (0.503, 1.497)
    >>> low, high = interval_of_draws([0.001, 0.0, 0.0005], within=(0, 1))
    >>> low, round(high, 3)
    (0.0, 0.011)

    Raises ConfigError for fewer than 2 values, or for values out of range or not finite.
    """
    return _student(values, math.sqrt(1 + 1 / max(1, len(values))), within, count)


@typed_arguments()
def interval_of_mean(
    values: Sequence[float], *, within: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float]:
    """Return (low, high) between which the mean over all draws lies, with 95 % confidence.

    `values` are the scores of n independent draws; the interval is mean +- t s / n^(1/2). Compare
    two generators' means by it; single draws scatter wider (`interval_of_draws`, which says what
    `within` is).

    >>> low, high = interval_of_mean([1.0, 1.1, 0.9])
    >>> round(low, 3), round(high, 3)
    (0.752, 1.248)

    Raises ConfigError for fewer than 2 values, or for values out of range or not finite.
    """
    return _student(values, 1 / math.sqrt(max(1, len(values))), within, None)


@typed_arguments()
def over_runs(
    values: Sequence[float], *, within: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float, float]:
    """Return the mean of one score over several runs, and its 95 % interval: (mean, low, high).

    `values` holds one score for each training seed. The interval is of the mean over all seeds
    (`interval_of_mean`, which takes `within`), so it holds what another choice of seeds would
    change. Runs whose scores are all the same have an interval of no width: it says no more than
    that they did not differ.

    >>> mean, low, high = over_runs([1.0, 1.1, 0.9])
    >>> round(mean, 3), round(low, 3), round(high, 3)
    (1.0, 0.752, 1.248)
    >>> mean, low, high = over_runs([0.99, 1.0, 0.9], within=(0, 1))
    >>> 0 <= low < mean < high <= 1
    True

    Raises ConfigError for fewer than 2 values, or for values out of range or not finite.
    """
    low, high = interval_of_mean(values, within=within)
    return float(np.mean(values)), low, high


@typed_arguments()
def interval_of_share(share: float, count: int) -> tuple[float, float]:
    """Return (low, high) between which a share of independent examples lies, with 95 % confidence.

    Wilson's interval (1927): the shares that would not be surprised by this one. It stays in
    [0, 1], and is right near 0 and 1 too, where the usual +- 1.96 s is not. `count` is the number
    of examples, of which `share` were counted.

    >>> low, high = interval_of_share(0.0, 100)
    >>> low, round(high, 3)
    (0.0, 0.037)

    Raises ConfigError for a share outside [0, 1], or a count under 1.
    """
    if not (0 <= share <= 1 and count >= 1):
        raise ConfigError(f"a share lies in [0, 1] of 1 example or more, got {share} of {count}")
    z = NormalDist().inv_cdf(0.975)
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / (1 + z**2 / count)
    # At the ends, low and high are the share itself but for rounding.
    return min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half))


@typed_arguments()
def interval_of_halves(
    metric: Metric,
    real: NDArray[np.floating],
    fake: NDArray[np.floating],
    *,
    draws: int = 50,
    seed: int = 0,
    fixed_real: bool = False,
) -> tuple[float, float]:
    """Return a 95 % interval (low, high) about metric(real, fake) from random halves of both sets.

    Halves are drawn without replacement, so nothing is repeated. A half's score varies about the
    whole's as much as the whole's varies about the truth (the delete-d jackknife with d = n/2,
    Shao and Wu 1989), so the spread needs no scaling. Only the spread is taken: a half's score has
    another bias than the whole's (a Frechet distance falls with n), so deviations are from the
    halves' own mean. Of 100 such intervals of normal points, 91 to 98 held the mean over draws
    (Frechet, kernel distance, coverage; 300 or 400 points, 40 draws); for the Frechet distance in
    64 dimensions they were a third too wide.

    Args:
        metric: a function from features, real and fake, to a score.
        real: [N, D].
        fake: [M, D].
        draws: number of halves scored, at least 10; each costs one call of `metric`.
        seed: of the halves.
        fixed_real: leave the real set whole; the spread is then that of the samples alone.

    >>> real, fake = np.random.default_rng(0).normal(size=(2, 200, 3))
    >>> low, high = interval_of_halves(lambda a, b: float(b.mean() - a.mean()), real, fake)
    >>> low < 0 < high
    True

    Raises ConfigError for fewer than 4 examples on a side that is halved, or under 10 draws.
    """
    (real,), (fake,) = as_features(real), as_features(fake)
    check_count("draws", draws, least=10)
    if min(len(fake), len(fake if fixed_real else real)) < 4:
        raise ConfigError(
            f"an interval needs 4 examples, got {len(real)} real and {len(fake)} fake"
        )
    value = metric(real, fake)
    rng = random(seed)
    scores = np.array(
        [metric(real if fixed_real else _half(real, rng), _half(fake, rng)) for _ in range(draws)]
    )
    low, high = np.quantile(scores - scores.mean(), [0.025, 0.975])
    return value + float(low), value + float(high)


def _half(features: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.floating]:
    return features[np.sort(rng.permutation(len(features))[: len(features) // 2])]


def _student(
    values: Sequence[float], factor: float, within: tuple[float, float], count: int | None
) -> tuple[float, float]:
    """Return mean -+ factor t s of independent scores, not beyond the ends of their range."""
    if len(values) < 2:
        raise ConfigError(f"an interval needs scores by 2 or more draws, got {len(values)}")
    least, most = within
    if count is not None:
        check_count("count", count, most=10**12)
    given = as_numbers(values, "scores").astype(np.float64)
    if given.ndim != 1:
        raise ConfigError(f"scores must be a list of numbers, got {list(given.shape)}")
    if not (np.isfinite(given).all() and least <= given.min() <= given.max() <= most):
        raise ConfigError(
            f"scores must be finite numbers from {least:g} to {most:g}, got {given.min():g} to "
            f"{given.max():g}"
        )
    t = _t_95(len(given) - 1)
    if math.isinf(least) or math.isinf(most):
        half = factor * t * float(given.std(ddof=1))
        return max(least, float(given.mean()) - half), min(most, float(given.mean()) + half)
    shares = (given - least) / (most - least)
    mean = float(shares.mean())
    spread = float(np.arcsin(np.sqrt(shares)).std(ddof=1))
    if count and np.ptp(shares) == 0:
        spread = 0.5 / math.sqrt(count)  # the deviation of the angle of a share of so many
    angle, half = math.asin(math.sqrt(min(1.0, mean))), factor * t * spread
    low, high = max(0.0, angle - half), min(math.pi / 2, angle + half)
    # Rounding must not put the mean, or an end of the range, outside.
    ends = min(mean, math.sin(low) ** 2), max(mean, math.sin(high) ** 2)
    return least + ends[0] * (most - least), least + ends[1] * (most - least)


def _t_95(freedom: int) -> float:
    if freedom <= len(T_95):
        return T_95[freedom - 1]
    z, n = NormalDist().inv_cdf(0.975), freedom  # Fisher's expansion about the normal's point
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )
