"""LeCam regularisation: D's logits are held to where those of the other kind have been."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor

from gankit.bibliography import TSENG_2021
from gankit.game_types import Terms
from gankit.settings.config import Config
from gankit.stabilisers.base import Stabiliser

DECAY = 0.99
"""The decay of the means of D's logits over the steps."""


class LeCam(Stabiliser):
    """LeCam: E[(D(x) - a_F)^2] + E[(D(G(z)) - a_R)^2] joins D's loss (arXiv 2104.03310).

    a_R and a_F are averages over the steps of D's mean logit of real and of fake. So D's logits of
    real and fake stay near each other, which holds D back on little data. Both begin at those of
    the first step, which has no such term.
    """

    papers = (TSENG_2021,)
    pulls_logits = True
    reads_numbers = True

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.anchors: Tensor | None = None  # a_R, a_F

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return cls(config.stabilise.lecam) if config.stabilise.lecam else None

    def d_terms(self, logits_real: Tensor, logits_fake: Tensor) -> Terms:
        means = {
            "logit_real": logits_real.detach().mean(),
            "logit_fake": logits_fake.detach().mean(),
        }
        if self.anchors is None:
            return Terms({"lecam": 0 * logits_real.sum()}, means)
        anchor_real, anchor_fake = self.anchors.to(logits_real)
        distance = (logits_real - anchor_fake).square().mean()
        distance = distance + (logits_fake - anchor_real).square().mean()
        return Terms({"lecam": self.weight * distance}, means)

    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        means = torch.stack([numbers["logit_real"], numbers["logit_fake"]]).double().cpu()
        self.anchors = means if self.anchors is None else self.anchors.lerp(means, 1 - DECAY)

    def state(self) -> dict[str, Tensor]:
        return {} if self.anchors is None else {"lecam/anchors": self.anchors}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        anchors = state.get("lecam/anchors")
        self.anchors = None if anchors is None else anchors.cpu().clone()
