"""Freezing: the player that is ahead stands still."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Freezing:
    """Who stands still: D while it judges too well, G while D judges too badly.

    The share of real and fake that D judged rightly in the last step decides; the shares of
    steps skipped so far are logged.
    """

    def __init__(self, freeze_d: float, freeze_g: float) -> None:
        self.limits = {"discriminator": freeze_d, "generator": freeze_g}
        # Steps; of them skipped by D, by G; the share judged rightly in the last one.
        self.numbers = torch.tensor([0.0, 0.0, 0.0, 0.5], dtype=torch.float64)

    def still(self, player: str) -> bool:
        """Whether `player` does not move in this step."""
        judged = float(self.numbers[3])
        if player == "discriminator":
            return judged > self.limits[player]
        return judged < self.limits[player]

    def note(self, judged: float) -> None:
        """The step is over; D judged this share rightly."""
        skipped = [1.0, float(self.still("discriminator")), float(self.still("generator"))]
        self.numbers[:3] += torch.tensor(skipped, dtype=torch.float64)
        self.numbers[3] = judged

    def rates(self) -> dict[str, Tensor]:
        """The shares of steps in which each stood still, for the log."""
        steps = self.numbers[0].clamp_min(1)
        return {"skipped_d": self.numbers[1] / steps, "skipped_g": self.numbers[2] / steps}

    def state(self) -> dict[str, Tensor]:
        """For the checkpoint."""
        return {"freezing/numbers": self.numbers}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.numbers = state["freezing/numbers"].cpu().clone()
