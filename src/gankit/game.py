"""The contract of a game: two players, what each minimises, what the generator eats.

Logits are high for real. It is said here, once: `logits_real` and `logits_fake` are the
discriminator's answers, and D(x) = sigmoid(logit) is its belief that x is real.

A game holds no optimiser, no device, no file and no loop. A family (families/) is one
subclass. One whose players minimise functions of D's logits alone states its two networks
and its `logits`, and inherits both objectives; any other overrides the two `*_terms` methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from gankit.config import Config, LatentConfig
from gankit.errors import ConfigError
from gankit.parts.losses import Loss, build_loss
from gankit.parts.penalties import build_penalties
from gankit.registry import Registry


@dataclass(frozen=True)
class Task:
    """What is to be learned: one example's shape, and the classes where there are labels.

    `shape` is (channels, height, width) for images and (dimensions,) for points.
    """

    shape: tuple[int, ...]
    class_names: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        """How many classes; 0 where there are no labels."""
        return len(self.class_names)

    @property
    def is_images(self) -> bool:
        return len(self.shape) == 3


@dataclass(frozen=True)
class Latent:
    """What the generator eats: `noise` float [N, z] and, if conditional, `labels` int64 [N]."""

    noise: Tensor
    labels: Tensor | None = None

    def __getitem__(self, part: slice) -> Latent:
        return Latent(self.noise[part], None if self.labels is None else self.labels[part])

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Latent:
        """The same draw elsewhere: noise in `dtype`, labels as they are."""
        labels = None if self.labels is None else self.labels.to(device)
        return Latent(self.noise.to(device, dtype), labels)


@dataclass(frozen=True)
class Batch:
    """One step's draw: `real` [N, *shape] in the value range, and the latent of as many fakes.

    Fakes are asked for the labels of the real examples, so `labels` belongs to both.
    `mix` [N] in [0, 1] is for penalties that look between a real and a fake.
    """

    real: Tensor
    labels: Tensor | None
    latent: Latent
    mix: Tensor


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


def draw_noise(config: LatentConfig, count: int, rng: np.random.Generator) -> Tensor:
    """float32 [count, size] from the prior: N(0, 1), U(-1, 1) or U(0, 1)."""
    if config.prior == "normal":
        return torch.from_numpy(rng.standard_normal((count, config.size), np.float32))
    noise = rng.random((count, config.size), np.float32)
    return torch.from_numpy(noise if config.prior == "uniform01" else noise * 2 - 1)


class Game(ABC):
    """A family's two networks and what they play for.

    Attributes:
        options: the dataclass of the family's own settings, `config.network`.
        conditional: whether the generator is asked for a class.
        generator, discriminator: the players. A runtime may wrap them; call them, nothing else.
    """

    options: ClassVar[type]
    conditional: ClassVar[bool] = False

    generator: nn.Module
    discriminator: nn.Module

    def __init__(self, config: Config, task: Task) -> None:
        """Build both players. Raises ConfigError where settings and task do not fit."""
        if self.conditional and task.classes < 2:
            raise ConfigError(
                f"family '{config.family}' needs labels of at least 2 classes, the data has "
                f"{task.classes or 'none'}: put each class in a sub-folder, or train 'dcgan'"
            )
        self.config = config
        self.task = task
        self.network: Any = config.network
        self.loss: Loss = build_loss(config.objective)
        self.penalties = build_penalties(config.objective)
        self.generator = self.build_generator()
        self.discriminator = self.build_discriminator()
        for penalty in self.penalties:
            penalty.prepare(self.discriminator)

    @property
    def value_range(self) -> tuple[float, float] | None:
        """What black and white are to the networks; None for points, taken as they are."""
        return (-1.0, 1.0) if self.task.is_images else None

    @abstractmethod
    def build_generator(self) -> nn.Module: ...

    @abstractmethod
    def build_discriminator(self) -> nn.Module: ...

    def latent(self, count: int, labels: Tensor | None, rng: np.random.Generator) -> Latent:
        """What the generator eats for `count` samples; `labels` int64 [count] if conditional."""
        noise = draw_noise(self.config.latent, count, rng)
        return Latent(noise, labels if self.conditional else None)

    def generate(self, latent: Latent) -> Tensor:
        """Samples [N, *shape] in the value range."""
        fake: Tensor = self.generator(latent.noise, latent.labels)
        return fake

    def logits(self, examples: Tensor, labels: Tensor | None) -> Tensor:
        """D's answers [N], high for real."""
        logits: Tensor = self.discriminator(examples, labels)
        return logits

    def logits_pair(self, batch: Batch, fake: Tensor) -> tuple[Tensor, Tensor]:
        """(logits_real, logits_fake); in one pass where D treats each sample on its own."""
        if self.couples_samples:
            return self.logits(batch.real, batch.labels), self.logits(fake, batch.labels)
        labels = None if batch.labels is None else torch.cat([batch.labels, batch.labels])
        both = self.logits(torch.cat([batch.real, fake]), labels)
        return both[: len(fake)], both[len(fake) :]

    def discriminator_terms(self, batch: Batch, fake: Tensor) -> Terms:
        """What D minimises; `fake` carries no gradient to G."""
        return self.shared_terms(batch, fake)[0]

    def generator_terms(self, batch: Batch, fake: Tensor) -> Terms:
        """What G minimises, given a frozen D; `fake` carries the gradient."""
        logits_fake = self.logits(fake, batch.labels)
        logits_real = self.logits(batch.real, batch.labels) if self.loss.paired else logits_fake
        return Terms({"adversarial": self.loss.generator(logits_real, logits_fake)})

    def shared_terms(self, batch: Batch, fake: Tensor) -> tuple[Terms, Terms]:
        """What D and G minimise, from one pass through D, for the simultaneous update."""
        return self.adversarial_terms(*self.logits_pair(batch, fake))

    def adversarial_terms(self, logits_real: Tensor, logits_fake: Tensor) -> tuple[Terms, Terms]:
        """What the loss makes of D's answers: D's terms, G's terms."""
        d_terms = {"adversarial": self.loss.discriminator(logits_real, logits_fake)}
        g_terms = {"adversarial": self.loss.generator(logits_real, logits_fake)}
        return Terms(d_terms, beliefs(logits_real, logits_fake)), Terms(g_terms)

    def after_step(self, discriminator: Terms, generator: Terms) -> None:  # noqa: B027
        """Update state that no gradient learns (BEGAN's k). Most games have none."""

    def state(self) -> dict[str, Tensor]:
        """State besides the networks, for the checkpoint."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027
        """The inverse of `state`."""

    @property
    def only_adversarial(self) -> bool:
        """Whether both players minimise functions of D's logits, and nothing more."""
        own = type(self)
        return (
            own.discriminator_terms is Game.discriminator_terms
            and own.generator_terms is Game.generator_terms
            and own.shared_terms is Game.shared_terms
        )

    @property
    def couples_samples(self) -> bool:
        """Whether D's answer for one sample depends on the others of its batch."""
        return any(
            isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.discriminator.modules()
        )

    def why_not_simultaneous(self) -> str | None:
        """Why one pass through D cannot serve both players; None where it can."""
        if self.config.objective.k > 1:
            return (
                f"k = {self.config.objective.k} discriminator steps come before each generator step"
            )
        if not self.only_adversarial and type(self).shared_terms is Game.shared_terms:
            return f"the players of '{self.config.family}' do not share a pass through D"
        if self.couples_samples:
            return "batch normalisation couples the samples in the discriminator"
        return None


def beliefs(logits_real: Tensor, logits_fake: Tensor) -> dict[str, Tensor]:
    """Mean D(real) and D(fake), for the log."""
    return {
        "d_real": logits_real.detach().sigmoid().mean(),
        "d_fake": logits_fake.detach().sigmoid().mean(),
    }


FAMILIES: Registry[type[Game]] = Registry("family")
register_family = FAMILIES.register
