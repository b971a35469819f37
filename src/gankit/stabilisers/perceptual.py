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


def witness(x: Tensor, real: Tensor, fake: Tensor) -> Tensor:
    """Return how much nearer each of x [N, F] is to `fake` [M, F] than to `real` [K, F], [N].

    It is twice the witness function of the maximum mean discrepancy of real and fake, by a sum of
    rational quadratic kernels c / (c + d), where d is the mean squared difference of two features.
    """
    return 2 * (_nearness(x, fake) - _nearness(x, real))


def _nearness(x: Tensor, others: Tensor) -> Tensor:
    squares = x.square().sum(1)[:, None] + others.square().sum(1) - 2 * x @ others.T
    distance = squares.clamp(min=0) / x.shape[1]
    return torch.stack([c / (c + distance) for c in WIDTHS]).sum(0).mean(1)


def pooled(maps: Sequence[Tensor]) -> list[Tensor]:
    """Return the means and the standard deviations over the places of maps [N, C, h, w], [N, C]."""
    maps = [m if m.dtype == torch.float64 else m.float() for m in maps]
    means = [m.mean((2, 3)) for m in maps]
    return means + [(m.var((2, 3), correction=0) + 1e-4).sqrt() for m in maps]


class PerceptualMatching(Stabiliser):
    """The kernel distance of images from the data joins G's loss, as D's backbone sees both.

    The features are the means and the deviations of each of the backbone's maps, each over its
    deviation in the data. As the backbone never changes, the latest examples of the data that D was
    shown are remembered as they were seen, and so are the latest samples: a batch alone would tell
    little of either. A sample's term depends on them and on nothing else in its batch.

    See arXiv 1904.02762; the distance is that of 1502.02761. The first steps have no such term.
    """

    papers = (SANTOS_2019, LI_2015)
    looks_at_real = True
    only_logits = False

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.memory: dict[str, Tensor] = {}  # features [K, F] by kind, the latest last
        self.passed: dict[str, list[Tensor]] = {"real": [], "fake": []}  # in this step
        self.seen: list[Tensor] = []

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return cls(config.stabilise.perceptual) if config.stabilise.perceptual else None

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
        backbone.register_forward_hook(self._note)

    def _note(self, _backbone: object, _given: object, maps: Sequence[Tensor]) -> None:
        self.seen = pooled(maps)

    def answered(self, answer: Answer) -> Answer:
        self.widths = [m.shape[1] for m in self.seen]
        return replace(answer, features=torch.cat(self.seen, 1))

    def g_terms(self, terms: Terms, real: Answer, fake: Answer, examples: Tensor) -> Terms:
        assert real.features is not None
        assert fake.features is not None
        self.passed["real"].append(real.features.detach())
        self.passed["fake"].append(fake.features.detach())
        if len(self.memory.get("real", ())) < FEWEST:
            return terms.with_terms(Terms({"perceptual": 0 * fake.features.sum()}))
        known, past = (self.memory[kind].to(fake.features) for kind in ("real", "fake"))
        scale = known.std(0) + LEAST_SCALE
        parts = (torch.split(x / scale, self.widths, 1) for x in (fake.features, known, past))
        distances = [witness(x, r, f).mean() for x, r, f in zip(*parts, strict=True)]
        return terms.with_terms(Terms({"perceptual": self.weight * torch.stack(distances).mean()}))

    @torch.no_grad()
    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        for kind, most in (("real", REAL), ("fake", FAKE)):
            if parts := self.passed[kind]:
                new = of_all_processes(torch.cat(parts))
                old = self.memory.get(kind, new[:0]).to(new)
                self.memory[kind] = torch.cat([old, new])[-most:]
                parts.clear()

    def state(self) -> dict[str, Tensor]:
        return {f"perceptual/{kind}": features for kind, features in self.memory.items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        names = {kind: f"perceptual/{kind}" for kind in self.passed}
        self.memory = {kind: state[name] for kind, name in names.items() if name in state}
        for parts in self.passed.values():
            parts.clear()


def of_all_processes(x: Tensor) -> Tensor:
    """Return x [N, F] of every process, one below the other; the same in all of them."""
    if not distributed.is_initialized():
        return x
    parts = [torch.empty_like(x) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, x.contiguous())
    return torch.cat(parts)
