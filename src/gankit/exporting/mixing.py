"""Mixtures of labels: a generator asked for 0.3 of one class and 0.7 of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from gankit.data.pixels import to_pixels
from gankit.errors import ConfigError
from gankit.game_types import Latent
from gankit.trained.gan import GAN
from gankit.trained.labelling import Labels


def takes_mixtures(gan: GAN) -> bool:
    """Return whether the generator takes shares of the run's classes, float [N, K], as labels.

    Not if the run knows no classes, or if its generator (a user's own) asks for whole numbers.
    """
    classes = torch.arange(len(gan.class_names))
    noise = torch.zeros(len(classes), gan.game.latent_size)
    if not len(classes):
        return False
    try:
        with torch.inference_mode():
            made = gan.generate(Latent(noise, torch.eye(len(classes))))
            return torch.allclose(made, gan.generate(Latent(noise, classes)), atol=1e-5)
    except ConfigError:
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
    elif not takes_mixtures(gan) or len(shares) != len(gan.class_names):
        raise ConfigError(f"this run takes no {len(shares)} shares: give a label", "shares")
    else:
        with torch.inference_mode():
            given = torch.tensor([[*shares]], dtype=torch.float32)
            made = gan.generate(Latent(torch.from_numpy(noise), given))
    pixels: NDArray[np.uint8] = to_pixels(made, gan.game.value_range)[0]
    return pixels
