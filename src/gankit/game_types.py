"""The data that a game takes and returns: task, latents, batches, answers, terms, moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.bibliography import Paper
from gankit.data import Dataset
from gankit.data.dataset import Kind, kind_of
from gankit.data.tokens import END, Tokens, put_together
from gankit.data.values import PLAIN, PixelFormat
from gankit.settings.config import LatentConfig
from gankit.text import shown
from gankit.worlds.world import World


@dataclass(frozen=True)
class Task:
    """What is to be learned: the shape of an example, and the classes if there are labels.

    `shape`, `symbols`, `tokens`, `pixels` and `world` are those of a `Dataset`; `condition` is the
    size of the vector that comes with each example, 0 if there is none.
    """

    shape: tuple[int, ...]
    class_names: tuple[str, ...] = ()
    condition: int = 0
    symbols: tuple[str, ...] = ()
    pixels: PixelFormat = PLAIN
    tokens: Tokens | None = None
    world: World | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> Task:
        """Return the task that a data set sets."""
        return cls(
            dataset.shape,
            dataset.class_names,
            dataset.condition,
            dataset.symbols,
            dataset.pixels,
            dataset.tokens,
            dataset.world,
        )

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> Task:
        """Read a task from what a file holds: a run's `data`, or the header of an artifact.

        Both were checked by `gankit.stored.check_data`. Raises KeyError, TypeError or ValueError
        if what they say of pixels is damaged.
        """
        names, symbols = tuple(data["class_names"]), tuple(data.get("symbols", ()))
        shape, told = tuple(data["shape"]), data.get("pixels")
        pixels = PLAIN if told is None else PixelFormat.stored(told)
        if pixels.alpha and (len(shape), shape[0]) != (3, 4):
            raise ValueError(f"examples of {list(shape)} cannot have opacity")
        tokens = data.get("tokens")
        if tokens not in (None, *get_args(Tokens)):
            raise ValueError(f"texts cannot be taken apart into {shown(tokens)}")
        place = data.get("world")
        world = None if place is None else World.stored(place)
        if world is not None and shape not in ((1, world.numbers), (1, world.transition)):
            raise ValueError(f"examples of {list(shape)} are no moments of {world.name}")
        return cls(shape, names, data.get("condition", 0), symbols, pixels, tokens, world)

    def to_store(self) -> dict[str, Any]:
        """Return what `stored` reads, without what a task does not have, or has by default."""
        said = {
            "shape": list(self.shape),
            "class_names": list(self.class_names),
            "condition": self.condition,
        }
        if self.pixels != PLAIN:
            said["pixels"] = self.pixels.to_store()
        if self.tokens is not None:
            said["tokens"] = self.tokens
        if self.world is not None:
            said["world"] = self.world.to_store()
        return {**said, "symbols": list(self.symbols)} if self.symbols else said

    @property
    def classes(self) -> int:
        """Number of classes; 0 if there are no labels."""
        return len(self.class_names)

    @property
    def kind(self) -> Kind:
        """What the examples are: `images`, `points`, `tokens` or `trajectories`."""
        return kind_of(self.shape, self.symbols)

    @property
    def is_images(self) -> bool:
        return self.kind == "images"

    @property
    def is_drawn(self) -> bool:
        """Whether samples have a picture: a grid of images, a cloud of points."""
        return self.kind in ("images", "points")

    @property
    def end(self) -> int | None:
        """The number of the symbol that ends a sequence; None if there is none."""
        return self.symbols.index(END) if END in self.symbols else None

    def text(self, row: Iterable[int]) -> str:
        """Return a sequence of tokens, by their numbers, as the text that it stands for."""
        return put_together((self.symbols[number] for number in row), self.tokens)

    def lengths(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many tokens each sequence, [N, T], has with its end, int64 [N]."""
        if self.end is None:
            return np.full(len(rows), self.shape[0])
        ended = rows == self.end
        counts: NDArray[np.int64] = np.where(ended.any(1), ended.argmax(1) + 1, rows.shape[1])
        return counts

    def blank(self, count: int) -> Tensor:
        """Return examples [count, *shape] of zeros, in the dtype that a network takes."""
        dtype = torch.int64 if self.kind == "tokens" else torch.float32
        return torch.zeros(count, *self.shape, dtype=dtype)

    def describe(self) -> str:
        """Return the task in words: `1x28x28 images of 10 classes`."""
        if self.world is not None:
            return f"moments of {self.world.name}"
        what = f"{'x'.join(map(str, self.shape))} {self.kind}"
        if self.symbols:
            what += f" of {len(self.symbols)} symbols"
        if self.condition:
            return f"{what} with a vector of {self.condition}"
        return f"{what} of {self.classes} classes" if self.classes else f"{what} without classes"


@dataclass(frozen=True)
class Latent:
    """The generator's input: `noise`, float [N, z], and `labels` if the family is conditional.

    Labels are classes, int64 [N], or vectors, float [N, C].
    """

    noise: Tensor
    labels: Tensor | None = None

    def __getitem__(self, part: slice | Tensor) -> Latent:
        return Latent(self.noise[part], None if self.labels is None else self.labels[part])

    def __len__(self) -> int:
        return len(self.noise)

    def padded(self, count: int) -> Latent:
        """Return at least one latent, followed by copies of the last one, `count` in all."""
        if len(self) == count:
            return self
        return self[torch.arange(count, device=self.noise.device).clamp(max=len(self) - 1)]

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Latent:
        """Return the same draw on another device, with noise and vectors in `dtype`."""
        labels = self.labels
        if labels is not None:
            labels = labels.to(device, dtype if labels.is_floating_point() else labels.dtype)
        return Latent(self.noise.to(device, dtype), labels)


@dataclass(frozen=True)
class Code:
    """An input of G that means something by itself.

    Attributes:
        categories: how many categories it chooses from, as a one-hot vector; 0: it is a number.
        where: its columns in `Latent.noise`.
    """

    categories: int
    where: slice

    def put(self, latent: Latent, value: float) -> Latent:
        """Return the latents with this code set in each: to a category, from 0, or to a number."""
        noise = latent.noise.clone()
        noise[:, self.where] = 0 if self.categories else value
        if self.categories:
            noise[:, self.where.start + int(value)] = 1
        return replace(latent, noise=noise)


@dataclass(frozen=True)
class Batch:
    """One step's draw: `real` [N, *shape] in the value range, and the latents of as many fakes.

    Fakes are asked for the labels of the real examples, so `labels` belongs to both.
    `mix` [N] in [0, 1] is for penalties at points between a real example and a fake. `labelled` is
    for families that learn from few labels: N other examples, and the label of each.
    """

    real: Tensor
    labels: Tensor | None
    latent: Latent
    mix: Tensor
    labelled: tuple[Tensor, Tensor] | None = None

    def __getitem__(self, part: slice) -> Batch:
        return self.mapped(lambda x: x[part])

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Return the batch with each of its tensors changed."""
        labels, asked, known = self.labels, self.latent.labels, self.labelled
        return Batch(
            change(self.real),
            None if labels is None else change(labels),
            Latent(change(self.latent.noise), None if asked is None else change(asked)),
            change(self.mix),
            None if known is None else (change(known[0]), change(known[1])),
        )

    def take(self, other: Batch) -> None:
        """Copy another batch of the same shapes into the memory of this one."""
        for mine, theirs in zip(self._held(), other._held(), strict=True):
            mine.copy_(theirs)

    def _held(self) -> list[Tensor]:
        every = (self.real, self.labels, self.latent.noise, self.latent.labels, self.mix)
        return [x for x in (*every, *(self.labelled or ())) if x is not None]

    def parts(self, count: int) -> list[Batch]:
        """Return the batch cut into `count` parts of one size; `count` divides its length."""
        if count == 1:
            return [self]
        size = len(self.real) // count
        return [self[start : start + size] for start in range(0, count * size, size)]


@dataclass(frozen=True)
class Answer:
    """D's answer to N examples: `output` [N] or [N, ...], as the network returns it.

    `features` [N, F] are those of D's last hidden layer; None unless an objective asks for them.
    `labels` are those that D was given with the examples: int64 [N], or vectors; None if none.
    """

    output: Tensor
    features: Tensor | None = None
    labels: Tensor | None = None

    def __getitem__(self, part: slice) -> Answer:
        features, labels = (None if x is None else x[part] for x in (self.features, self.labels))
        return Answer(self.output[part], features, labels)


@dataclass(frozen=True)
class Terms:
    """The terms that one player minimises, scalars by name; the loss is the sum of `minimised`.

    `watched` holds detached scalars that are shown and not minimised.
    """

    minimised: Mapping[str, Tensor]
    watched: Mapping[str, Tensor] = field(default_factory=dict)

    def with_terms(self, more: Terms) -> Terms:
        """Return these terms together with `more`."""
        return Terms({**self.minimised, **more.minimised}, {**self.watched, **more.watched})

    @property
    def loss(self) -> Tensor:
        return sum(self.minimised.values(), start=torch.zeros(()))


@dataclass(frozen=True, eq=False)
class Moves(Mapping[str, float]):
    """The numbers of one step: what each player minimised, and what was watched, floats by name.

    A number is read from its device only when it is asked for. `gradients` holds the norm of each
    player's gradient before clipping, by `grad_d` and `grad_g`; it is the same in every process.
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

    def detached(self) -> Moves:
        """Return the same numbers in memory of their own, without what computed them."""
        players = (self.discriminator, self.generator)
        named = [values for terms in players for values in (terms.minimised, terms.watched)]
        numbers = [value.detach() for values in named for value in values.values()]
        own = iter(torch.stack(numbers).unbind() if numbers else ())
        groups = [{name: next(own) for name in values} for values in named]
        return Moves(Terms(*groups[:2]), Terms(*groups[2:]), self.gradients)

    def tensors(self) -> dict[str, Tensor]:
        """Return what the log shows, by name: `d/adversarial`, `g/adversarial`, `d_real`, ..."""
        named = {f"d/{name}": value for name, value in self.discriminator.minimised.items()}
        named |= {f"g/{name}": value for name, value in self.generator.minimised.items()}
        return {**named, **self.discriminator.watched, **self.generator.watched}


class Part:
    """Hooks of a game and of each of its stabilisers around the steps.

    A hook does nothing unless it is overridden.

    Attributes:
        meets: whether it wants to `meet` real examples before the first step.
        only_logits: whether both players' objectives depend on D's logits [N] alone, as far as
            this part is concerned. One backward pass through D can then serve both players;
            otherwise each needs its own.
        alternating_only: why both players cannot move from one forward pass through D; None if
            they can.
        one_process: why several processes would not play the same game as one; None if they would.
        reads_numbers: whether `after_step` reads its numbers, so that all processes must share
            them.
        replays: whether its hooks within the passes of a step do the same to the same tensors at
            every step, but for random numbers, so that a CUDA graph of one step stands for the
            others. Numbers of Python's that change forbid it, and tensors that are replaced, not
            changed in place, or kept after the step with what computed them. A class states it
            itself: what it inherits does not count.
        collected: lists that hooks within a step add tensors to, and that `after_step` empties.
        papers: the papers that introduced it, for `gankit cite`.
    """

    meets: bool = False
    only_logits: bool = True
    alternating_only: str | None = None
    one_process: str | None = None
    reads_numbers: bool = False
    replays: bool = False
    collected: Sequence[list[Tensor]] = ()
    papers: tuple[Paper, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.replays = vars(cls).get("replays", False)

    def meet(self, examples: Tensor, labels: Tensor | None) -> None:
        """Take note of real examples [N, *shape], in the value range and on the CPU.

        Called before the first step if `meets` is true.
        """

    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        """Update state that is not learned by gradients.

        `numbers` are the step's terms and watched numbers, as means over all processes.
        """

    def numbers(self) -> dict[str, Tensor]:
        """Return scalars of this part, by name, for the log."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """Return what the checkpoint must hold besides the networks.

        The names must be those of this part alone, such as `replay/fake`.
        """
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned; the tensors given are those of all parts."""


class Turn(Protocol):
    """A step under way, for a family that brings its own update (`Game.own_update`)."""

    @property
    def step(self) -> int:
        """Number of steps taken so far."""

    @property
    def draw(self) -> Callable[[int], Batch]:
        """Function that returns the batch of a sub-step 0, 1, ...: always the same one for each."""

    def frozen(self, player: str) -> AbstractContextManager[None]:
        """Keep `player` unchanged inside the block: no gradient is collected, no buffer moves."""

    def besides(self, batch: Batch, fake: Tensor) -> Terms:
        """Return what D minimises besides its objective: penalties, and terms of its weights."""

    def descend(self, player: str, terms: Terms) -> float:
        """Move `player` down the gradient of `terms`, and return the norm of that gradient.

        Raises NotFiniteError, before a weight moves, if a term or a gradient is not finite.
        """


@dataclass(frozen=True)
class Symptom:
    """A logged number that shows that a run of a family is sick (`Game.symptoms`).

    Attributes:
        sign: the doctor's name for the sickness; several symptoms may belong to one sign.
        number: the name of the logged number.
        means: what the sickness means for the game.
        low, high: the run is sick while the number is `low` or less, or `high` or more; None: no
            such limit.
        changes: settings that may cure it, by dotted key, the likeliest first. The doctor suggests
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
    """Draw noise, float32 [count, config.size], from the prior.

    That is N(0, 1), U(-1, 1), U(0, 1) or U(-sqrt 3, sqrt 3).
    """
    if config.prior == "normal":
        return torch.from_numpy(rng.standard_normal((count, config.size), np.float32))
    noise = rng.random((count, config.size), np.float32)
    if config.prior != "uniform01":
        noise = (noise * 2 - 1) * np.float32(3**0.5 if config.prior == "uniform_unit" else 1)
    return torch.from_numpy(noise)
