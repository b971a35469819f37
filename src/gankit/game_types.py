"""What a game is given and gives: the task, latents, batches, answers, terms, a step's moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from gankit.data import Dataset
from gankit.data.dataset import Kind, kind_of
from gankit.settings.config import LatentConfig


@dataclass(frozen=True)
class Task:
    """What is to be learned: one example's shape, and the classes if there are labels.

    `shape` and `symbols` are those of a `Dataset`; `condition` is the size of the vector that comes
    with each example, 0 if there is none.
    """

    shape: tuple[int, ...]
    class_names: tuple[str, ...] = ()
    condition: int = 0
    symbols: tuple[str, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset) -> Task:
        """What a data set asks to be learned."""
        return cls(dataset.shape, dataset.class_names, dataset.condition, dataset.symbols)

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> Task:
        """What a file says of it: a run's `data`, or the header of an artifact."""
        names, symbols = tuple(data["class_names"]), tuple(data.get("symbols", ()))
        return cls(tuple(data["shape"]), names, data.get("condition", 0), symbols)

    def to_store(self) -> dict[str, Any]:
        """The inverse of `stored`: nothing of what it has not."""
        said = {
            "shape": list(self.shape),
            "class_names": list(self.class_names),
            "condition": self.condition,
        }
        return {**said, "symbols": list(self.symbols)} if self.symbols else said

    @property
    def classes(self) -> int:
        """How many classes; 0 where there are no labels."""
        return len(self.class_names)

    @property
    def kind(self) -> Kind:
        """`images`, `points`, `tokens` or `trajectories`."""
        return kind_of(self.shape, self.symbols)

    @property
    def is_images(self) -> bool:
        return self.kind == "images"

    @property
    def is_drawn(self) -> bool:
        """Whether samples have a picture: a grid of images, a cloud of points."""
        return self.kind in ("images", "points")

    def blank(self, count: int) -> Tensor:
        """Examples [count, *shape] that show nothing, as a network takes them."""
        dtype = torch.int64 if self.kind == "tokens" else torch.float32
        return torch.zeros(count, *self.shape, dtype=dtype)

    def describe(self) -> str:
        """`1x28x28 images of 10 classes`."""
        what = f"{'x'.join(map(str, self.shape))} {self.kind}"
        if self.symbols:
            what += f" of {len(self.symbols)} symbols"
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


@dataclass(frozen=True, eq=False)
class Moves(Mapping[str, float]):
    """What each player minimised in a step, and what was watched: floats by name.

    A number is read from its device when it is asked for. `gradients` holds the norm of each
    player's gradient by `grad_d` and `grad_g`: the same in every process, before it is clipped.
    """

    discriminator: Terms
    generator: Terms
    gradients: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        if name in self.gradients:
            return self.gradients[name]
        return float(self.tensors()[name].detach())

    def __iter__(self) -> Iterator[str]:
        return iter((*self.tensors(), *self.gradients))

    def __len__(self) -> int:
        return len(self.tensors()) + len(self.gradients)

    def __repr__(self) -> str:
        return repr({name: round(number, 4) for name, number in self.items()})

    def tensors(self) -> dict[str, Tensor]:
        """`d/adversarial`, `g/adversarial`, `d_real`, ...: what the log shows."""
        named = {f"d/{name}": value for name, value in self.discriminator.minimised.items()}
        named |= {f"g/{name}": value for name, value in self.generator.minimised.items()}
        return {**named, **self.discriminator.watched, **self.generator.watched}


class Part:
    """What a game and each of its stabilisers can do around the steps: hooks that do nothing
    unless overridden.

    Attributes:
        meets: it wants to `meet` real examples before the first step.
        only_logits: it leaves what both players minimise functions of D's logits [N] and nothing
            more, so that one pass back through D can serve both. If not, each has its own.
        alternating_only: why both players cannot move from one pass forward through D; None if
            they can.
        reads_numbers: `after_step` reads its numbers, so that all processes must share them.
    """

    meets: bool = False
    only_logits: bool = True
    alternating_only: str | None = None
    reads_numbers: bool = False

    def meet(self, examples: Tensor, labels: Tensor | None) -> None:
        """See real examples [N, *shape] in the value range, on the CPU, if it `meets`."""

    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        """Update state that no gradient learns, given the step's terms and watched numbers, means
        over all processes."""

    def numbers(self) -> dict[str, Tensor]:
        """Own scalars, for the log."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """What is remembered besides the networks, for the checkpoint, by names of its own:
        `replay/fake`."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`, given the tensors of all parts."""


class Turn(Protocol):
    """A step under way, for a family that brings its own update (`Game.own_update`)."""

    @property
    def step(self) -> int:
        """Steps taken so far."""

    @property
    def draw(self) -> Callable[[int], Batch]:
        """The batch of a sub-step: 0, 1, ... The same one each time that it is asked for."""

    def frozen(self, player: str) -> AbstractContextManager[None]:
        """Within it no gradient is collected for `player`, and its buffers do not move."""

    def besides(self, batch: Batch, fake: Tensor) -> Terms:
        """What D minimises besides its objective: penalties, and what its weights cost."""

    def descend(self, player: str, terms: Terms) -> float:
        """Move `player` down the gradient of `terms`: the norm of that gradient.

        Raises NotFiniteError, before a weight moves, if a term or a gradient is not finite.
        """


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


RANGES = {"uniform": (-1.0, 1.0), "uniform01": (0.0, 1.0), "uniform_unit": (-(3**0.5), 3**0.5)}
"""The lowest and the highest number of each prior that has such."""


def draw_noise(config: LatentConfig, count: int, rng: np.random.Generator) -> Tensor:
    """float32 [count, size] from the prior: N(0, 1), U(-1, 1), U(0, 1) or U(-sqrt 3, sqrt 3)."""
    if config.prior == "normal":
        return torch.from_numpy(rng.standard_normal((count, config.size), np.float32))
    noise = rng.random((count, config.size), np.float32)
    if config.prior != "uniform01":
        noise = (noise * 2 - 1) * np.float32(3**0.5 if config.prior == "uniform_unit" else 1)
    return torch.from_numpy(noise)
