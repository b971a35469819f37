"""Memorisation: whether samples lie nearer to the training set than unseen real examples do.

The distance to the nearest training example is taken of samples and of held-out real examples,
which the generator has not seen, in the features given. No one number is proof: `Memorisation`
says what each shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features, as_numbers, random
from gankit.metrics.distances import nearest


@dataclass(frozen=True)
class Memorisation:
    """How near samples lie to the training set.

    >>> random = np.random.default_rng(0)
    >>> train, held_out = random.normal(size=(500, 2)), random.normal(size=(100, 2))
    >>> copied = memorisation(train[:50], train, held_out)
    >>> copied.nearer, copied.too_near, copied.z > 3
    (1.0, 1.0, True)

    Attributes:
        too_near: the share of samples, in [0, 1], nearer to the training set than the nearest
            `alpha` of the held-out examples; about `alpha` if nothing is memorised. It shows a few
            copies.
        nearer: the probability that a sample lies nearer to the training set than a held-out
            example does, ties counted half: .5 if samples and held-out examples are alike, 1 if
            every sample is a copy, 0 if samples are far from everything. It shows a general pull.
        z: how far `nearer` is from .5, in standard errors (Mann-Whitney, ties corrected); above 3
            it is not chance. Meehan et al. 2020 (arXiv 2004.05675) has the opposite sign, and sums
            over the cells of a partition; here there is one cell.
        train_side: the share of samples whose nearest neighbour among equally many training and
            held-out examples is a training one, ties counted half; .5 if nothing is memorised,
            however plain or poor the samples are. It sees copies of the training examples that it
            looks at, a share L / M of all, if L of M were held out.
        alpha: the quantile that was given.

    Samples that are plainer than real ones (near the middle of a class) raise `too_near` and
    `nearer` without being copies. `train_side` tells the two apart, but is weaker: it looks at
    only as many training examples as were held out, and samples that crowd together share a few
    neighbours, so it scatters more than as many coin tosses would.
    """

    too_near: float
    nearer: float
    z: float
    train_side: float
    alpha: float


@typed_arguments()
def memorisation(
    fake: NDArray[np.generic],
    train: NDArray[np.generic],
    held_out: NDArray[np.generic],
    *,
    alpha: float = 0.05,
    seed: int = 0,
    apart: NDArray[np.float64] | None = None,
) -> Memorisation:
    """Measure whether samples lie nearer to the training set than held-out examples do.

    >>> random = np.random.default_rng(0)
    >>> train, held_out = random.normal(size=(500, 2)), random.normal(size=(100, 2))
    >>> memorisation(train[:50], train, held_out).nearer  # copies
    1.0

    Args:
        fake: features of samples [N, D].
        train: features of the training set [M, D], all of it: copies of examples that are not
            here are not seen. Memory does not grow with M.
        held_out: features of real examples that were not trained on [L, D], L at most M.
        alpha: the quantile of the held-out distances, in (0, 1).
        seed: of the part of the training set that `train_side` looks at.
        apart: the distance of each held-out example to its nearest training example [L], if it is
            known from a call before.

    Raises ConfigError for other shapes, or if `held_out` is too small for the quantile (L times
    alpha under 1) or larger than `train`.
    """
    fake, train, held_out = as_features(fake, train, held_out)
    if not (0 < alpha < 1 and len(held_out) * alpha >= 1 and len(fake)):
        raise ConfigError(
            f"the nearest {alpha:g} of {len(held_out)} held-out examples is not one example: "
            "give more of them"
        )
    if len(train) < len(held_out):
        raise ConfigError(
            f"{len(train)} training examples are fewer than the {len(held_out)} held out"
        )
    _, fakes = nearest(fake, train)
    reals = nearest(held_out, train)[1] if apart is None else as_numbers(apart, "apart")
    if reals.shape != held_out.shape[:1]:
        raise ConfigError(f"apart must be [{len(held_out)}], got {list(reals.shape)}", "apart")
    part = random(seed).choice(len(train), len(held_out), replace=False)
    seen, unseen = nearest(fake, train[np.sort(part)])[1], nearest(fake, held_out)[1]
    nearer, z = _rank(fakes, reals)
    return Memorisation(
        too_near=float((fakes < np.quantile(reals, alpha)).mean()),
        nearer=nearer,
        z=z,
        train_side=float(((seen < unseen) + 0.5 * (seen == unseen)).mean()),
        alpha=alpha,
    )


def _rank(fakes: NDArray[np.float64], reals: NDArray[np.float64]) -> tuple[float, float]:
    """Return P(a fake's distance is below a real's), ties counted half, and its z."""
    n, m = len(fakes), len(reals)
    ordered = np.sort(reals)
    above = m - np.searchsorted(ordered, fakes, "right")
    ties = m - above - np.searchsorted(ordered, fakes, "left")
    share = float((above + ties / 2).sum() / (n * m))
    _, counts = np.unique(np.concatenate([fakes, reals]), return_counts=True)
    tied = float((counts.astype(float) ** 3 - counts).sum())
    variance = n * m / 12 * ((n + m + 1) - tied / ((n + m) * (n + m - 1)))
    return share, (share - 0.5) * n * m / math.sqrt(variance) if variance > 0 else 0.0
