"""Precision, recall, density and coverage: how two sets of features lie among each other.

Precision and recall: Kynkaanniemi et al. 2019, arXiv 1904.06991. Density and coverage: Naeem et
al. 2020, arXiv 2002.09797.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features, check_count, check_seed
from gankit.metrics.distances import kth_nearest, tiles


@dataclass(frozen=True)
class Manifold:
    """How far fakes and real examples cover each other.

    Precision, recall and coverage are shares in [0, 1]; density is at least 0 and may exceed 1.
    `manifold` says what each is.

    >>> real = np.random.default_rng(0).normal(size=(100, 2))
    >>> manifold(real, real / 2).precision > manifold(real, real / 2).recall
    True
    """

    precision: float
    recall: float
    density: float
    coverage: float


@typed_arguments()
def manifold(
    real: NDArray[np.floating], fake: NDArray[np.floating], k: int = 5, *, seed: int = 0
) -> Manifold:
    """Return precision, recall, density and coverage of features fake [M, D] and real [N, D].

    The ball about a feature reaches to the k-th nearest other feature of its own set. As many
    fakes as reals are measured, as in both papers: more fakes find every ball in the end, however
    few of them lie there, and more reals shrink the balls. Of the larger set, a random choice of
    as many as the smaller one holds is taken; `seed` is the seed of that choice. Real data against
    real data then has a coverage of 1 - 1/2^k if there are many, .969 if k is 5.

    >>> real = np.random.default_rng(0).normal(size=(100, 2))
    >>> manifold(real, real)
    Manifold(precision=1.0, recall=1.0, density=1.0, coverage=1.0)
    >>> manifold(real, real + 100).coverage
    0.0

    - precision: the share of fakes inside some real ball
    - recall: the share of reals inside some fake ball
    - density: the mean number of real balls that hold a fake, divided by k
    - coverage: the share of real balls that hold a fake

    A ball of which k other features lie in the very centre holds nothing: where a set consists of
    such repeats, precision, density and coverage are 0 whatever the fakes are, and recall if it is
    the fakes (`share_repeated`).

    Raises ConfigError for other shapes, for k under 1, or if a set has no more than k features.
    """
    real, fake = as_features(real, fake)
    check_count("k", k)
    check_seed(seed)
    if min(len(real), len(fake)) <= k:
        raise ConfigError(f"k = {k} neighbours need more examples, got {len(real)} and {len(fake)}")
    count = min(len(real), len(fake))
    real, fake = _some(real, count, seed), _some(fake, count, seed)
    radii_real, radii_fake = kth_nearest(real, k), kth_nearest(fake, k)
    in_real = np.zeros(len(fake), np.int64)  # how many real balls hold each fake
    in_fake = np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    for rows, columns, distance in tiles(real, fake):
        held = distance < radii_real[rows, None]
        in_real[columns] += held.sum(0)
        covered[rows] |= held.any(1)
        in_fake[rows] |= (distance < radii_fake[columns]).any(1)
    return Manifold(
        precision=float((in_real > 0).mean()),
        recall=float(in_fake.mean()),
        density=float(in_real.mean() / k),
        coverage=float(covered.mean()),
    )


def share_repeated(features: NDArray[np.floating], k: int) -> float:
    """Return the share of features [N, D] that k others of them equal exactly.

    >>> share_repeated(np.array([[1.0], [1.0], [1.0], [2.0]]), k=2)
    0.75

    Raises ConfigError for other shapes.
    """
    (features,) = as_features(features)
    rows = np.ascontiguousarray(features + 0)  # -0 becomes 0: rows are compared by their bytes
    _, counts = np.unique(rows.view(f"V{rows.dtype.itemsize * rows.shape[1]}"), return_counts=True)
    return float(counts[counts > k].sum() / len(features))


def _some(features: NDArray[np.floating], count: int, seed: int) -> NDArray[np.floating]:
    """Return `count` of the features; if that is not all, which ones is random."""
    if len(features) == count:
        return features
    return features[np.random.default_rng(seed).permutation(len(features))[:count]]
