"""Trained GANs that have learned nothing, for what serves them."""

from __future__ import annotations

import threading

import torch

from gankit.families import FAMILIES
from gankit.game_types import Task
from gankit.trained.gan import GAN

DIGITS = tuple("0123456789")


def made(config, shape, classes=(), **task) -> GAN:
    """A GAN of this configuration, with its first weights."""
    torch.manual_seed(0)
    game = FAMILIES[config.family](config, Task(shape, classes, **task))
    game.generator.eval().requires_grad_(False)
    return GAN(game, 3)


class Gate:
    """Holds back a GAN's generator until it is opened."""

    def __init__(self, gan: GAN) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        generate = gan.game.generate

        def held(latent):
            self.reached.set()
            assert self.opened.wait(30)
            return generate(latent)

        gan.game.generate = held
