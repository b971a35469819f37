"""Freezing: the player that is ahead stands still."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor

from gankit.bibliography import PFAU_2016
from gankit.settings.config import Config
from gankit.stabilisers.base import Stabiliser


class Freezing(Stabiliser):
    """Freezing: D stands still while it judges too well, and G while D judges too badly.

    The share of real and fake that D judged rightly in the last step decides. The shares of steps
    that each player has skipped so far are logged.
    """

    papers = (PFAU_2016,)
    reads_numbers = True
    reads_signs = True
    replays = True

    def __init__(self, freeze_d: float, freeze_g: float) -> None:
        self.limits = {"discriminator": freeze_d, "generator": freeze_g}
        # Number of steps; those skipped by D; those skipped by G; the share judged rightly in the
        # last step.
        self.shares = torch.tensor([0.0, 0.0, 0.0, 0.5], dtype=torch.float64)

    @classmethod
    def of(cls, config: Config) -> Self | None:
        s = config.stabilise
        return cls(s.freeze_d, s.freeze_g) if s.freeze_d < 1 or s.freeze_g > 0 else None

    def moves(self, player: str) -> bool:
        judged = float(self.shares[3])
        if player == "discriminator":
            return judged <= self.limits[player]
        return judged >= self.limits[player]

    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        skipped = [1.0, *(float(not self.moves(player)) for player in self.limits)]
        self.shares[:3] += torch.tensor(skipped, dtype=torch.float64)
        self.shares[3] = float(numbers["judged"])

    def numbers(self) -> dict[str, Tensor]:
        """Return the share of steps in which each player stood still."""
        steps = self.shares[0].clamp_min(1)
        return {"skipped_d": self.shares[1] / steps, "skipped_g": self.shares[2] / steps}

    def state(self) -> dict[str, Tensor]:
        return {"freezing/numbers": self.shares}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.shares = state["freezing/numbers"].cpu().clone()
