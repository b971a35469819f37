"""GANs that have learned nothing."""

from __future__ import annotations

import torch

from gankit.families import FAMILIES
from gankit.game_types import Task
from gankit.trained.gan import GAN


def made(config, shape, classes=()):
    """A GAN that has learned nothing."""
    torch.manual_seed(0)
    game = FAMILIES[config.family](config, Task(shape, classes))
    game.generator.eval().requires_grad_(False)
    return GAN(game, 0)
