"""Perceptual matching: G's images are drawn to where a frozen network sees more of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, distributed

from gankit.bibliography import LI_2015, SANTOS_2019
from gankit.errors import ConfigError
from gankit.features.backbones import Backbone
from gankit.game_types import Answer, Terms
from gankit.settings.config import Config
from gankit.stabilisers.base import Stabiliser

if TYPE_CHECKING:
    from gankit.game import Game

REAL, FAKE = 1024, 128
"""How many examples and how many samples are remembered."""
FEWEST = 256
"""Before so many examples were seen, their spread is not known well enough."""
LEAST_SCALE = 1e-3
"""Added to a feature's deviation, so that one which is the same in all examples counts little."""
WIDTHS = (0.25, 1.0, 4.0)
"""Squared widths of the kernel, in squared standard deviations of a feature of the data."""


def witness(x: Tensor, real: Tensor, fake: Tensor, by_real: Tensor, by_fake: Tensor) -> Tensor:
    """Return how much nearer each of x [N, F] is to `fake` [M, F] than to `real` [K, F], [N].

    It is twice the witness function of the maximum mean discrepancy of real and fake, by a sum of
    rational quadratic kernels c / (c + d), where d is the mean squared difference of two features.
    `by_real` [N or 1, K] and `by_fake` [N or 1, M] are the weights in the two means.
    """
    return 2 * (_nearness(x, fake, by_fake) - _nearness(x, real, by_real))


def _nearness(x: Tensor, others: Tensor, weights: Tensor) -> Tensor:
    squares = x.square().sum(1)[:, None] + others.square().sum(1) - 2 * x @ others.T
    distance = squares.clamp(min=0) / x.shape[1]
    return (torch.stack([c / (c + distance) for c in WIDTHS]).sum(0) * weights).sum(1)


def weights(labels: Tensor, others: Tensor, by_class: float, shares: Tensor) -> Tensor:
    """Return the weight of each of `others` [K] for each of `labels` [N], [N, K].

    Those of the same class have the share `by_class` of it among them; everything has the rest, by
    `shares` [K], which are 0 for what is not to count.

    >>> weights(torch.tensor([0, 1]), torch.tensor([0, 1, 1, 1]), 0.5, torch.full((4,), 1 / 4))
    tensor([[0.6250, 0.1250, 0.1250, 0.1250],
            [0.1250, 0.2917, 0.2917, 0.2917]])
    """
    same = ((labels[:, None] == others) & (shares > 0)).to(shares)
    return by_class * same / same.sum(1, keepdim=True).clamp(min=1) + (1 - by_class) * shares


def deviations(x: Tensor, shares: Tensor) -> Tensor:
    """Return the standard deviations [F] of those rows of x [K, F] that have a share [K], all the
    same one. It is what torch's `std(0)` gives for those rows."""
    counted = (shares > 0).to(x)[:, None]
    mean = shares @ x
    squares = ((x - mean).square() * counted).sum(0)
    return (squares / (counted.sum() - 1).clamp(min=1)).sqrt()


def pooled(maps: Sequence[Tensor]) -> list[Tensor]:
    """Return the means and the standard deviations over the places of maps [N, C, h, w], [N, C]."""
    maps = [m if m.dtype == torch.float64 else m.float() for m in maps]
    means = [m.mean((2, 3)) for m in maps]
    # Torch's `var` takes ten times as long on a CPU.
    variances = [
        (m - mean[..., None, None]).square().mean((2, 3))
        for m, mean in zip(maps, means, strict=True)
    ]
    return means + [(variance + 1e-4).sqrt() for variance in variances]


class Memory:
    """The latest rows of features, the last ones at the end, in memory that stays where it is.

    Attributes:
        rows: [K, F], or [K, F + 1] with the class last; rows before the last `count` are 0.
        count: how many are held, a whole number on the rows' device.
    """

    def __init__(self, most: int) -> None:
        self.rows = torch.zeros(most, 0)
        self.count = torch.zeros((), dtype=torch.int64)

    def make_room_for(self, new: Tensor) -> None:
        """Move to where rows such as `new` [N, F] lie, if the memory is not there yet."""
        if self.rows.shape[1] != new.shape[1]:  # empty
            self.rows = new.new_zeros(len(self.rows), new.shape[1])
        if (self.rows.device, self.rows.dtype) != (new.device, new.dtype):
            self.rows = self.rows.to(new)
        self.count = self.count.to(new.device)

    def shares(self) -> Tensor:
        """Return the share of each row in the mean over those that are held, [K]."""
        after = torch.arange(len(self.rows), 0, -1, device=self.rows.device)
        return (after <= self.count).to(self.rows) / self.count.clamp(min=1)

    def add(self, new: Tensor) -> None:
        self.make_room_for(new)
        self.rows.copy_(torch.cat([self.rows, new])[-len(self.rows) :])
        self.count.add_(len(new)).clamp_(max=len(self.rows))

    def held(self) -> Tensor:
        return self.rows[len(self.rows) - int(self.count) :]

    def load(self, held: Tensor | None) -> None:
        """Hold these rows alone; None: none."""
        held = None if held is None else held.to(self.rows.device, copy=True)  # may be these rows
        self.rows.zero_()
        self.count.zero_()
        if held is not None:
            self.add(held)


class PerceptualMatching(Stabiliser):
    """The kernel distance of images from the data joins G's loss, as D's backbone sees both.

    The features are the means and the deviations of each of the backbone's maps, each over its
    deviation in the data. As the backbone never changes, the latest examples of the data that D was
    shown are remembered as they were seen, and so are the latest samples: a batch alone would tell
    little of either. A sample's term depends on them and on nothing else in its batch.

    With `by_class`, this share of the distance is between samples of a class and the examples of
    that class, so that G follows the label. Labels that are vectors have no classes.

    See arXiv 1904.02762; the distance is that of 1502.02761. The first steps have no such term.
    """

    papers = (SANTOS_2019, LI_2015)
    looks_at_real = True
    only_logits = False
    replays = True

    def __init__(self, weight: float, by_class: float = 0.0) -> None:
        self.weight, self.by_class = weight, by_class
        self.memory = {"real": Memory(REAL), "fake": Memory(FAKE)}
        self.passed: dict[str, list[Tensor]] = {"real": [], "fake": []}  # in this step
        self.collected = tuple(self.passed.values())
        self.seen: list[Tensor] = []

    @classmethod
    def of(cls, config: Config) -> Self | None:
        asked = config.stabilise
        return cls(asked.perceptual, asked.perceptual_by_class) if asked.perceptual else None

    def build(self, game: Game) -> None:
        asked = game.config.stabilise
        if asked.lagged or asked.matching != "none":
            raise ConfigError(
                "stabilise.perceptual looks through the backbone of the D that plays: set it to 0, "
                f"or leave {'lagged' if asked.lagged else 'matching'} out"
            )
        networks = game.discriminator.modules()
        backbone = next((m for m in networks if isinstance(m, Backbone)), None)
        if backbone is None:
            raise ConfigError(
                f"the discriminator of '{game.config.family}' has no backbone to look through: "
                "leave stabilise.perceptual out"
            )
        backbone.register_forward_hook(self._see)

    def _see(self, _backbone: object, _given: object, maps: Sequence[Tensor]) -> None:
        self.seen = pooled(maps)

    def answered(self, answer: Answer) -> Answer:
        self.widths = [m.shape[1] for m in self.seen]
        features = torch.cat(self.seen, 1)
        self.seen = []  # what computed them is not to outlive the step
        return replace(answer, features=features)

    def g_terms(self, terms: Terms, real: Answer, fake: Answer, examples: Tensor) -> Terms:
        assert fake.features is not None
        for kind, answer in (("real", real), ("fake", fake)):
            self.passed[kind].append(self._kept(answer))
            self.memory[kind].make_room_for(self.passed[kind][-1])
        memories = self.memory["real"], self.memory["fake"]
        known, past = (memory.rows for memory in memories)
        shares = [memory.shares() for memory in memories]
        by = [share[None] for share in shares]
        if self._tells_classes(fake):
            assert fake.labels is not None
            held = zip((known, past), shares, strict=True)
            by = [weights(fake.labels, m[:, -1], self.by_class, share) for m, share in held]
            known, past = known[:, :-1], past[:, :-1]
        scale = deviations(known, shares[0]) + LEAST_SCALE
        parts = (torch.split(x / scale, self.widths, 1) for x in (fake.features, known, past))
        distances = [witness(x, r, f, *by).mean() for x, r, f in zip(*parts, strict=True)]
        weight = self.weight * (memories[0].count >= FEWEST)
        return terms.with_terms(Terms({"perceptual": weight * torch.stack(distances).mean()}))

    def _tells_classes(self, answer: Answer) -> bool:
        return self.by_class > 0 and answer.labels is not None and answer.labels.dim() == 1

    def _kept(self, answer: Answer) -> Tensor:
        """Return what is remembered of an answer's examples."""
        assert answer.features is not None
        features = answer.features.detach()
        if not self._tells_classes(answer):
            return features
        assert answer.labels is not None
        return torch.cat([features, answer.labels[:, None].to(features)], 1)

    @torch.no_grad()
    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        for kind, parts in self.passed.items():
            if parts:
                self.memory[kind].add(of_all_processes(torch.cat(parts)))
                parts.clear()

    def state(self) -> dict[str, Tensor]:
        held = {f"perceptual/{kind}": memory.held() for kind, memory in self.memory.items()}
        return {name: rows for name, rows in held.items() if len(rows)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        for kind, memory in self.memory.items():
            memory.load(state.get(f"perceptual/{kind}"))
            self.passed[kind].clear()


def of_all_processes(x: Tensor) -> Tensor:
    """Return x [N, F] of every process, one below the other; the same in all of them."""
    if not distributed.is_initialized():
        return x
    parts = [torch.empty_like(x) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, x.contiguous())
    return torch.cat(parts)
