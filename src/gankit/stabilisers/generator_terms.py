"""Stabilisers of G's loss: a bonus on entropy, and learning from the most real fakes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from gankit.bibliography import PFAU_2016, SINHA_2020
from gankit.errors import ConfigError
from gankit.game_types import Answer, Terms
from gankit.settings.config import Config
from gankit.stabilisers.base import Stabiliser

if TYPE_CHECKING:
    from gankit.game import Game


def entropy(samples: Tensor) -> Tensor:
    """Estimate the differential entropy of the distribution of `samples` [N, ...], a scalar.

    The estimate is in nats for each of the D numbers of a sample, up to a constant of N and D. It
    is the mean log distance to the nearest neighbour (Kozachenko & Leonenko 1987); times D it would
    be the whole entropy, but without that factor the weight of this term does not depend on D.
    """
    flat = samples.flatten(1)
    # Inner products would be inexact for small distances, which count most.
    distance = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")
    distance = distance + torch.diag(torch.full_like(distance[0], float("inf")))
    # A floor on the distance: two equal samples would make the entropy minus infinity.
    return distance.amin(1).clamp_min(1e-8).log().mean()


def most_real(logits_real: Tensor, logits_fake: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Return the logits of those pairs whose fakes D takes for the most real.

    `share`, in (0, 1], of the N pairs are returned, at least one (Sinha 2020, arXiv 2002.06224).
    """
    count = max(1, round(share * len(logits_fake)))
    chosen = logits_fake.detach().topk(count).indices
    return logits_real[chosen], logits_fake[chosen]


class TopK(Stabiliser):
    """Top-k training: G learns only from the fakes that D takes for the most real.

    Their share falls linearly over the run, from 1 to `share`.
    """

    papers = (SINHA_2020,)
    one_process = "stabilise.top_k ranks the whole batch"

    def __init__(self, share: float) -> None:
        """Set the share of fakes at the end of the run, in (0, 1]."""
        self.share = share

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return cls(config.stabilise.top_k) if config.stabilise.top_k < 1 else None

    def g_pairs(self, real: Tensor, fake: Tensor, progress: float) -> tuple[Tensor, Tensor]:
        share = 1 - (1 - self.share) * progress
        return most_real(real, fake, share) if share < 1 else (real, fake)


class Entropy(Stabiliser):
    """A bonus for G on the entropy of its samples."""

    papers = (PFAU_2016,)
    only_logits = False
    replays = True
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
