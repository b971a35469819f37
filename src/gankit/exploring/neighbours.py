"""Samples beside the training examples that are nearest to them: is one of them a copy?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.data import as_pictures
from gankit.exploring.sheets import check_count
from gankit.features.named import Pixels
from gankit.features.network import FeatureNetwork
from gankit.metrics.distances import nearest
from gankit.scores.embed import embed_real
from gankit.scores.reference import (
    Reals,
    Say,
    choose_network,
    most_searched,
    read_reals,
    shuffled,
)
from gankit.trained.gan import GAN
from gankit.trained.latents import Latents

COMPARED = 1000
"""How many training examples show how far apart training examples are."""
NEAR = 0.01
"""A sample is worth a look if it is nearer than this share of training examples are."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest training example of each sample, by one measure.

    Attributes:
        measure: the name of the features.
        pictures: uint8 [N, H, W] or [N, H, W, C], the nearest examples.
        distances: float64 [N], how far they are.
        usual: float64 [M], how far training examples are from their nearest other one.
        searched: among how many examples it was looked for.
        count: how many examples there are.
    """

    measure: str
    pictures: NDArray[np.uint8]
    distances: NDArray[np.float64]
    usual: NDArray[np.float64]
    searched: int
    count: int

    @property
    def copies(self) -> NDArray[np.int64]:
        """The numbers of samples nearer to an example than nearly all examples are to others."""
        return np.flatnonzero(self.distances <= np.quantile(self.usual, NEAR))

    def describe(self) -> str:
        """Return the distances in one line."""
        among = f"{self.searched:,}" + (
            "" if self.searched == self.count else f" of {self.count:,}"
        )
        line = (
            f"in {self.measure}: samples are {np.median(self.distances):.3g} from the nearest of "
            f"{among} training examples, these {np.median(self.usual):.3g} from each other "
            "(medians)"
        )
        if not len(self.copies):
            return f"{line}; none is nearer than {NEAR:.0%} of those are"
        numbers = ", ".join(map(str, self.copies[:12])) + ", ..." * (len(self.copies) > 12)
        return f"{line}; look at {numbers}: nearer than {NEAR:.0%} of those are"


def find_neighbours(
    gan: GAN,
    latents: Latents,
    *,
    say: Say,
    data: str | Path | None = None,
    features: FeatureNetwork | None = None,
    path: str | Path | None = None,
    device: str = "cpu",
) -> list[Nearest]:
    """Find the training example that is nearest to each sample: in pixels, and in features.

    Args:
        gan: the trained run; it makes images.
        latents: of the samples.
        say: is called with a line if the data is not what the run was trained on.
        data: where the data is now, or other data; None: where the run found it.
        features: the network whose features are compared; None: the one that evaluation chooses.
        path: the run or its artifact, which tells whether the data is the run's own.
        device: where the network computes.

    Returns one entry for each measure; features that are pixels add none.

    Raises DataError if the data cannot be read, and ConfigError if the run makes no images, or if
    they are too many to look at.
    """
    check_count(gan, 3 * len(latents))
    reals = read_reals(gan, data, "train", say, path)
    network = choose_network(reals, features, device, lambda _: None)
    measures: list[FeatureNetwork] = [Pixels()]
    if network.name != "pixels":
        measures.append(network)
    samples = gan.as_stored(latents=latents)
    return [_nearest(samples, reals, measure) for measure in measures]


def _nearest(samples: NDArray[np.uint8], reals: Reals, network: FeatureNetwork) -> Nearest:
    dataset = reals.train
    chosen = shuffled(len(dataset))[: most_searched(reals, network, None)]
    known = embed_real(dataset, chosen, network, keep=len(chosen)).features
    found, distances = nearest(network.features(samples), known)
    _, usual = nearest(known[:COMPARED], known, skip_own=True)
    pictures = as_pictures(dataset.read(chosen[found]))
    return Nearest(network.name, pictures, distances, usual, len(chosen), len(dataset))
