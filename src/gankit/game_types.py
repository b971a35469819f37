"""What a game is given and gives: the task, a latent, a batch, answers, terms, codes, symptoms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from gankit.data import Dataset
from gankit.settings.config import LatentConfig


@dataclass(frozen=True)
class Task:
    """What is to be learned: one example's shape, and the classes where there are labels.

    `shape` is (channels, height, width) for images and (dimensions,) for points; `condition` is
    the size of the vector that comes with each example, 0 where there is none.
    """

    shape: tuple[int, ...]
    class_names: tuple[str, ...] = ()
    condition: int = 0

    @classmethod
    def of(cls, dataset: Dataset) -> Task:
        """What a data set asks to be learned."""
        return cls(dataset.shape, dataset.class_names, dataset.condition)

    @property
    def classes(self) -> int:
        """How many classes; 0 where there are no labels."""
        return len(self.class_names)

    @property
    def is_images(self) -> bool:
        return len(self.shape) == 3

    def describe(self) -> str:
        """`1x28x28 images of 10 classes`."""
        what = f"{'x'.join(map(str, self.shape))} {'images' if self.is_images else 'points'}"
        if self.condition:
            return f"{what} with a vector of {self.condition}"
        return f"{what} of {self.classes} classes" if self.classes else f"{what} without classes"


@dataclass(frozen=True)
class Latent:
    """What the generator eats: `noise` float [N, z] and, if conditional, `labels`: int64 [N], or
    a vector for each, float [N, C]."""

    noise: Tensor
    labels: Tensor | None = None

    def __getitem__(self, part: slice) -> Latent:
        return Latent(self.noise[part], None if self.labels is None else self.labels[part])

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Latent:
        """The same draw elsewhere: noise in `dtype`, labels as they are."""
        labels = self.labels
        if labels is not None:
            labels = labels.to(device, dtype if labels.is_floating_point() else labels.dtype)
        return Latent(self.noise.to(device, dtype), labels)


@dataclass(frozen=True)
class Code:
    """An input of G that means something by itself.

    Attributes:
        categories: how many it chooses from, as a one-hot vector; 0: it is a number.
        where: its place among the columns of `Latent.noise`.
    """

    categories: int
    where: slice

    def put(self, latent: Latent, value: float) -> Latent:
        """Set this code of every latent: to a category, from 0, or to a number."""
        noise = latent.noise.clone()
        noise[:, self.where] = 0 if self.categories else value
        if self.categories:
            noise[:, self.where.start + int(value)] = 1
        return replace(latent, noise=noise)


@dataclass(frozen=True)
class Batch:
    """One step's draw: `real` [N, *shape] in the value range, and the latent of as many fakes.

    Fakes are asked for the labels of the real examples, so `labels` belongs to both.
    `mix` [N] in [0, 1] is for penalties that look between a real and a fake. `labelled` is for
    families that learn from few labels: N other examples, and the label of each.
    """

    real: Tensor
    labels: Tensor | None
    latent: Latent
    mix: Tensor
    labelled: tuple[Tensor, Tensor] | None = None


@dataclass(frozen=True)
class Answer:
    """What D says of N examples: `output` [N] or [N, ...], as the network gives it, and the
    `features` [N, F] of its last hidden layer where an objective asks for them."""

    output: Tensor
    features: Tensor | None = None

    def __getitem__(self, part: slice) -> Answer:
        return Answer(self.output[part], None if self.features is None else self.features[part])


@dataclass(frozen=True)
class Terms:
    """What one player minimises, by name, each a scalar; the loss is the sum of `minimised`.

    `watched` holds detached scalars that are shown, not minimised.
    """

    minimised: Mapping[str, Tensor]
    watched: Mapping[str, Tensor] = field(default_factory=dict)

    def with_terms(self, more: Terms) -> Terms:
        """These terms and `more` of them."""
        return Terms({**self.minimised, **more.minimised}, {**self.watched, **more.watched})

    @property
    def loss(self) -> Tensor:
        return sum(self.minimised.values(), start=torch.zeros(()))


@dataclass(frozen=True)
class Symptom:
    """A logged number that shows that a run of a family is sick (`Game.symptoms`).

    Attributes:
        sign: what the doctor calls the sickness; several symptoms may be of one sign.
        number: the name of the logged number.
        means: what it means for the game.
        low, high: the run is sick while the number is at `low` or below, at `high` or above;
            None: there is no such limit.
        changes: settings that may mend it, by dotted key, the likeliest first. The doctor suggests
            the first that the run admits.
    """

    sign: str
    number: str
    means: str
    low: float | None = None
    high: float | None = None
    changes: Sequence[Mapping[str, object]] = ()


def draw_noise(config: LatentConfig, count: int, rng: np.random.Generator) -> Tensor:
    """float32 [count, size] from the prior: N(0, 1), U(-1, 1), U(0, 1) or U(-sqrt 3, sqrt 3)."""
    if config.prior == "normal":
        return torch.from_numpy(rng.standard_normal((count, config.size), np.float32))
    noise = rng.random((count, config.size), np.float32)
    if config.prior != "uniform01":
        noise = (noise * 2 - 1) * np.float32(3**0.5 if config.prior == "uniform_unit" else 1)
    return torch.from_numpy(noise)
