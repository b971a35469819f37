"""Instance noise: D sees every example through noise that fades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from gankit.errors import ConfigError
from gankit.settings.config import Config
from gankit.stabilisers.base import Stabiliser

if TYPE_CHECKING:
    from gankit.game import Game


class Noise(Stabiliser):
    """Instance noise: N(0, std^2) is added to all that D sees, real and fake.

    The standard deviation falls linearly to 0 over the run.
    """

    def __init__(self, std: float) -> None:
        """Set the standard deviation at the start, in the units of the value range."""
        self.std = std

    @classmethod
    def of(cls, config: Config) -> Self | None:
        return cls(config.stabilise.noise) if config.stabilise.noise else None

    def build(self, game: Game) -> None:
        if game.task.kind == "tokens":
            raise ConfigError("stabilise.noise lies on numbers; these are tokens: leave it out")

    def shown(self, examples: Tensor, progress: float) -> Tensor:
        std = self.std * (1 - progress)
        return examples + std * torch.randn_like(examples) if std > 0 else examples
