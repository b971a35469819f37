"""How far a trained run is from held-out examples, by a measure that is the same for all trials.

The examples that are kept from training fall into two parts. Trials are measured against the first;
the second is for the final runs alone, so that a recipe which won by chance is found out.

The measure is the kernel distance, which has no bias, however few examples are held out. The
Frechet distance of few examples has one, and it favours samples that vary too little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.data import Dataset, decided, load_configured
from gankit.data.dataset import Subset
from gankit.data.holdout import SHARE, held_out, rest
from gankit.errors import ConfigError, DataError
from gankit.features.named import load_network
from gankit.metrics.intervals import interval_of_draws
from gankit.metrics.kernel import squared_mmd
from gankit.scores.embed import read_blocks
from gankit.scores.pairs import asked_labels
from gankit.scores.reference import FEWEST, Reals, choose_network, shuffled
from gankit.settings.config import Config
from gankit.trained.artifact import load

SAMPLES, DRAWS = 1000, 5
"""The number of samples in a draw, and of draws for a final run."""
MOST = 2000
"""The most held-out examples in either part."""


@dataclass(frozen=True)
class Parts:
    """The examples of a race: those that are trained on, and the two parts that are not."""

    train: Dataset
    seen: Dataset
    unseen: Dataset


@dataclass(frozen=True)
class Distance:
    """The mean kernel distance of several draws, and the 95 % interval of another draw."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def read_parts(config: Config, dataset: Dataset | None) -> tuple[Config, Parts]:
    """Read the data of a race, and return it with the configuration that says how it was read.

    Args:
        config: the configuration of the default recipe.
        dataset: data that a program gives, of which a share is held out here; None: what
            `config.data` names, with its test split or the share that it holds out.

    Raises:
        ConfigError: there is no distance of such examples.
        DataError: the data cannot be read, or too little of it is held out.
    """
    if dataset is None:
        train = load_configured(config.data)
        config = replace(config, data=decided(config.data, train))
        held = load_configured(config.data, "test")
        held.number_as_trained(train.class_names)
    else:
        share = SHARE if config.data.holdout is None else config.data.holdout
        chosen = held_out(len(dataset), dataset.labels, share)
        train, held = Subset(dataset, rest(len(dataset), chosen)), Subset(dataset, chosen)
    if train.kind not in ("images", "points"):
        raise ConfigError(f"there are no measures of {train.kind}: they cannot be raced on")
    if len(held) < 2 * FEWEST:
        raise DataError(
            f"{len(held)} examples of '{train.name}' are held out, a race needs {2 * FEWEST}: "
            "raise data.holdout",
            "data.holdout",
        )
    order = shuffled(len(held))
    middle = len(held) // 2
    halves = (np.sort(part[:MOST]) for part in (order[:middle], order[middle:]))
    return config, Parts(train, *(Subset(held, half) for half in halves))


class Judge:
    """Measures runs against both held-out parts.

    Attributes:
        name: the feature network that it measures in.
        given: the network, if it was asked for by name.
        floor: the distance between the two parts: that of real examples.
    """

    def __init__(
        self, parts: Parts, features: str | Path | None, device: str, say: Callable[[str], None]
    ) -> None:
        """Embed the held-out examples.

        Args:
            features: a feature network's name or file; None: chosen by the data.
            device: where it computes.
            say: is called with a line about the network that was chosen.

        Raises GankitError if the network cannot be loaded, or does not suit.
        """
        reals = Reals(parts.seen, "test", parts.train, own=True)
        given = None if features is None else load_network(features, device)
        self.given = given
        self._network = choose_network(reals, given, device, say)
        self._reals = reals
        self._seen, self._unseen = (self._embedded(part) for part in (parts.seen, parts.unseen))
        self.name = self._network.name
        self.floor = squared_mmd(self._seen, self._unseen)
        slow = self._network.usual < SAMPLES * 10
        self._samples = SAMPLES // 2 if slow else SAMPLES

    def distance(self, folder: Path) -> float:
        """Return the distance of a run to the first part; all runs draw from the same latents."""
        return squared_mmd(self._seen, self._drawn(folder, 0))

    def final_distance(self, folder: Path) -> Distance:
        """Return the distance of a run to the part that no trial was measured against."""
        draws = [squared_mmd(self._unseen, self._drawn(folder, 1 + i)) for i in range(DRAWS)]
        return Distance(float(np.mean(draws)), *interval_of_draws(draws))

    def _drawn(self, folder: Path, seed: int) -> NDArray[np.float32]:
        """Return the features of samples of a run."""
        gan, n = load(folder), self._samples
        asked = asked_labels(gan, self._reals, n, seed)
        if asked is not None and asked.ndim == 1:  # by name: its number may be another's name
            asked = np.array([gan.class_names[label] for label in asked])
        blocks = gan.blocks(n, asked, seed)
        return np.concatenate([self._network.features(block) for block in blocks])

    def _embedded(self, part: Dataset) -> NDArray[np.float32]:
        blocks = read_blocks(part, np.arange(len(part)))
        return np.concatenate([self._network.features(block) for block in blocks])
