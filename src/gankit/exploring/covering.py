"""Samples that cover the real examples best: few to look at, and little of the data left out.

An example is covered if a sample lies in the ball about it that reaches to its fifth nearest other
example, as in the score `coverage` (arXiv 2002.09797).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError, DataError
from gankit.exploring.columns import draw_latents
from gankit.features.network import FeatureNetwork
from gankit.metrics.distances import kth_nearest, tiles
from gankit.randomness import Purpose, rng
from gankit.scores.embed import embed_real
from gankit.scores.reference import FEWEST, Reals, Say, choose_network, read_reals, shuffled
from gankit.trained.gan import GAN
from gankit.trained.labelling import Labels
from gankit.trained.latents import Latents

AMONG = 1000
"""Among how many samples the best are chosen by default, and the most real examples in each half:
those that they are chosen by, and those that show whether that helped."""
NEIGHBOUR = 5
"""Which neighbour the ball about a real example reaches to."""
CHOICES = 20
"""How many random choices of as many samples the chosen ones are compared with."""


@dataclass(frozen=True, eq=False)
class Covering:
    """Samples that cover real examples best.

    Attributes:
        latents: of the chosen samples, those that cover most first.
        among: among how many samples they were chosen.
        network: the features in which that was measured.
        examples: how many real examples they were chosen by, and how many others were held back.
        chosen_by: the share of the examples they were chosen by that they cover.
        held_back: the share of the other examples that they cover.
        at_random: the mean of that share over random choices of as many samples, and its standard
            deviation.
        split: the split that the examples are of.
    """

    latents: Latents
    among: int
    network: str
    examples: tuple[int, int]
    chosen_by: float
    held_back: float
    at_random: tuple[float, float]
    split: str

    def describe(self) -> str:
        """Return what was chosen, and how much it helped, in two lines."""
        count, (mean, deviation) = len(self.latents), self.at_random
        return (
            f"{count:,} of {self.among:,} samples cover {self.chosen_by:.1%} of the "
            f"{self.examples[0]:,} {self.split} examples that they were chosen by, in "
            f"{self.network}\nof {self.examples[1]:,} others they cover {self.held_back:.1%}, and "
            f"{count:,} samples chosen at random cover {mean:.1%} (standard deviation "
            f"{deviation:.1%}, {CHOICES} choices)"
        )


def choose_covering(held: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
    """Choose rows of which the union is large: each adds as much as any other would.

    When nothing is left that a row could add, everything counts as not yet covered again.

    >>> choose_covering(np.array([[1, 1, 0], [0, 0, 1], [1, 1, 0]], bool), 2).tolist()
    [0, 1]

    Args:
        held: [N, M], whether row n covers column m.
        count: how many rows, from 1 to N.

    Returns their numbers, int64 [count], in the order in which they were chosen.
    """
    rows = held.astype(np.float32)
    left = np.ones(held.shape[1], np.float32)
    free = np.ones(len(held), bool)
    chosen = []
    for _ in range(count):
        gains = np.where(free, rows @ left, -1)
        if gains.max() == 0:
            left[:] = 1
            gains = np.where(free, rows @ left, -1)
        best = int(gains.argmax())
        chosen.append(best)
        free[best] = False
        left[held[best]] = 0
    return np.array(chosen, np.int64)


def cover(
    gan: GAN,
    n: int,
    *,
    say: Say,
    among: int = AMONG,
    path: str | Path | None = None,
    labels: Labels = None,
    seed: int = 0,
    data: str | Path | None = None,
    features: FeatureNetwork | None = None,
) -> Covering:
    """Choose the samples that cover the real examples best, and say whether it helped.

    They are chosen by one half of the examples, one after another, each so that it covers as many
    that are not covered yet as any sample can. The other half shows what that is worth.

    Args:
        gan: the trained run.
        n: how many samples to choose.
        say: is called with a line if the data is not what the run was trained on.
        among: among how many samples of the seed.
        path: the run or its artifact, which tells whether the data is the run's own.
        labels: labels of the samples, as in `GAN.sample`. With one class, or several, only real
            examples of these count.
        seed: of the samples.
        data: real examples; None: the run's own, of its test split if there is one.
        features: the network that compares; None: the one that evaluation chooses.

    Raises ConfigError if a number is out of range, DataError if the data cannot be read or has too
    few examples.
    """
    if not 1 <= n <= among <= 100_000:
        raise ConfigError(
            f"choose n of 1 or more samples, at most 100,000: got {n:,} of {among:,}", "n", "among"
        )
    reals = read_reals(gan, data, None, say, path)
    network = choose_network(reals, features, "cpu", say)
    first, second = _halves(gan, reals, labels)
    asked = gan.labels_for(among, labels)
    drawn = draw_latents(gan, among, asked, seed)
    made = network.features(gan.as_stored(latents=drawn))
    held, other = (
        _covers(made, embed_real(reals.measured, half, network, keep=len(half)).features)
        for half in (first, second)
    )
    chosen = choose_covering(held, n)
    random = rng(seed, Purpose.EVALUATION, 0, 5)
    choices = [_share(other, random.permutation(among)[:n]) for _ in range(CHOICES)]
    return Covering(
        latents=drawn[chosen],
        among=among,
        network=network.name,
        examples=(len(first), len(second)),
        chosen_by=_share(held, chosen),
        held_back=_share(other, chosen),
        at_random=(float(np.mean(choices)), float(np.std(choices, ddof=1))),
        split=reals.split,
    )


def _halves(gan: GAN, reals: Reals, labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return two sets of examples that have no example in common, as indices of `measured`."""
    dataset = reals.measured
    usable = shuffled(len(dataset))
    if labels is not None and gan.class_names and dataset.class_names == gan.class_names:
        wanted = gan.labels_for(1 if np.ndim(labels) == 0 else np.shape(labels)[0], labels)
        assert dataset.labels is not None
        assert wanted is not None
        usable = usable[np.isin(dataset.labels[usable], wanted)]
    count = min(AMONG, len(usable) // 2)
    if count < FEWEST:
        raise DataError(f"{len(usable)} real examples are too few: {2 * FEWEST} are needed", "data")
    return usable[:count], usable[count : 2 * count]


def _covers(made: NDArray[np.float32], real: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whether each sample lies in the ball about each real example: [samples, examples]."""
    radii, held = kth_nearest(real, NEIGHBOUR), np.zeros((len(made), len(real)), bool)
    for rows, columns, distance in tiles(made, real):
        held[rows, columns] = distance < radii[columns]
    return held


def _share(held: NDArray[np.bool_], chosen: NDArray[np.int64]) -> float:
    return float(held[chosen].any(0).mean())
