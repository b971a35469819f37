"""Mixtures of labels: a generator asked for 0.3 of one class and 0.7 of another."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gankit.data.pixels import to_pixels
from gankit.errors import ConfigError
from gankit.game import Game
from gankit.game_types import Latent
from gankit.nn.layers import OneHot
from gankit.trained.gan import GAN, Labels


class Mixture(nn.Module):
    """An embedding of shares of classes [N, K] in place of a class: the mean of their codes."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.weight = embedding.weight

    def forward(self, shares: Tensor) -> Tensor:
        return shares @ self.weight


def mixing(gan: GAN) -> Game | None:
    """Return the run's game with a generator whose labels are shares of its classes, float [N, K].

    None if the run knows no classes, or if its generator (a user's own) asks for whole numbers.
    """
    if not gan.class_names:
        return None
    game = copy(gan.game)
    game.generator = deepcopy(gan.generator)
    for module in list(game.generator.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Embedding):
                setattr(module, name, Mixture(child))
            elif isinstance(child, OneHot):
                setattr(module, name, nn.Identity())
    return game if _agrees(game, gan) else None


def _agrees(game: Game, gan: GAN) -> bool:
    """Return whether whole shares make what classes make."""
    classes = torch.arange(len(gan.class_names))
    noise = torch.zeros(len(classes), gan.game.latent_size)
    try:
        with torch.inference_mode():
            made = game.generator(noise, torch.eye(len(classes)))
            return torch.allclose(made, gan.generator(noise, classes), atol=1e-5)
    except (RuntimeError, TypeError, ValueError, IndexError):
        return False


def sample_at(
    gan: GAN,
    latent: NDArray[np.floating],
    labels: Labels = None,
    *,
    shares: Sequence[float] | None = None,
) -> NDArray[np.uint8]:
    """Return the picture of one latent, uint8 [H, W] or [H, W, C], as an exported page shows it.

    Args:
        gan: the trained run.
        latent: float [latent_size].
        labels: the label, as in `GAN.sample`.
        shares: in place of a label, the share of each class, [K].

    Raises ConfigError if the latent, the label or the shares do not suit the run.
    """
    noise = np.array(latent, np.float32)[None]
    if noise.shape != (1, gan.game.latent_size):
        raise ConfigError(f"a latent is [{gan.game.latent_size}], got {list(noise.shape[1:])}")
    if shares is None:
        made = gan(noise, labels)
    else:
        game = mixing(gan)
        if game is None or len(shares) != len(gan.class_names):
            raise ConfigError(f"this run takes no {len(shares)} shares: give a label", "shares")
        with torch.inference_mode():
            given = torch.tensor([[*shares]], dtype=torch.float32)
            made = game.generate(Latent(torch.from_numpy(noise), given))
    pixels: NDArray[np.uint8] = to_pixels(made, gan.game.value_range)[0]
    return pixels
