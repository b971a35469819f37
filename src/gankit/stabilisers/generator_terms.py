"""What G's loss may have besides: entropy, the most real fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from gankit.errors import ConfigError
from gankit.game_types import Answer, Terms
from gankit.settings.config import Config
from gankit.stabilisers.base import Stabiliser

if TYPE_CHECKING:
    from gankit.game import Game


def entropy(samples: Tensor) -> Tensor:
    """The differential entropy of the distribution that `samples` [N, ...] come from, in nats,
    up to a constant of N and D: D times the mean log distance to the nearest neighbour
    (Kozachenko & Leonenko 1987), divided by D so that its weight does not depend on the size.
    """
    flat = samples.flatten(1)
    # Not by way of inner products: small distances are what counts.
    distance = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    distance = distance + torch.diag(torch.full_like(distance[0], float("inf")))
    # A floor on the distance: two equal samples would have an entropy of minus infinity.
    return distance.amin(1).clamp_min(1e-8).log().mean()


def most_real(logits_real: Tensor, logits_fake: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """The `share` of pairs whose fakes D takes for the most real (Sinha 2020, arXiv 2002.06224)."""
    count = max(1, round(share * len(logits_fake)))
    chosen = logits_fake.detach().topk(count).indices
    return logits_real[chosen], logits_fake[chosen]


class TopK(Stabiliser):
    """G learns from the fakes that D takes for the most real; their share falls over the run."""

    def __init__(self, share: float) -> None:
        """`share` of them at the end, in (0, 1]."""
        self.share = share

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return cls(config.stabilise.top_k) if config.stabilise.top_k < 1 else None

    def g_pairs(self, real: Tensor, fake: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        share = 1 - (1 - self.share) * progress
        return most_real(real, fake, share) if share < 1 else (real, fake)


class Entropy(Stabiliser):
    """G is paid for the entropy of its samples."""

    only_logits = False
    one_process = "stabilise.entropy looks at the whole batch"

    def __init__(self, weight: float) -> None:
        self.weight = weight

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return cls(config.stabilise.entropy) if config.stabilise.entropy else None

    def build(self, game: Game) -> None:
        if game.task.kind == "tokens":
            raise ConfigError("stabilise.entropy is of numbers; these are tokens: leave it out")

    def g_terms(self, terms: Terms, real: Answer, fake: Answer, examples: Tensor) -> Terms:
        return terms.with_terms(Terms({"entropy": -self.weight * entropy(examples)}))
