"""What the numbers of a latent are: the prior's noise, codes, and whatever else a family draws.

The noise comes first, then the codes. Numbers that a family draws beside these (the masks of a
generator's dropout) are chances, which nobody wants to walk along: they are held.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError
from gankit.game_types import RANGES
from gankit.trained.gan import GAN
from gankit.trained.latents import Latents


def check_images(gan: GAN) -> None:
    """Raise ConfigError unless the run makes images."""
    if gan.kind != "images":
        raise ConfigError(f"latents are shown as images; this run makes {gan.kind}")


def noise_of(gan: GAN) -> slice:
    """Return the columns that the prior fills."""
    return slice(0, gan.config.latent.size)


def movable(gan: GAN) -> NDArray[np.bool_]:
    """Return which columns can take any value between two others: the noise, and codes of numbers.

    A one-hot code and the numbers that dropout's masks are made of are held.
    """
    moves = np.zeros(gan.game.latent_size, bool)
    moves[noise_of(gan)] = True
    for code in gan.game.codes:
        moves[code.where] = not code.categories
    return moves


def limits(gan: GAN) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the least and the greatest value of each column; infinite for normal noise."""
    low, high = RANGES.get(gan.config.latent.prior, (-np.inf, np.inf))
    ends = [np.full(gan.game.latent_size, end, np.float32) for end in (-1.0, 1.0)]
    for values, end in zip(ends, (low, high), strict=True):
        values[noise_of(gan)] = end
    return ends[0], ends[1]


def spread(gan: GAN) -> float:
    """Return the standard deviation of one number of the noise."""
    if gan.config.latent.prior == "normal":
        return 1.0
    low, high = RANGES[gan.config.latent.prior]
    return float((high - low) / 12**0.5)


def middle(gan: GAN, latents: Latents) -> Latents:
    """Return latents with the noise, and each code that is a number, at the mean of its prior.

    Everything else is held: labels, one-hot codes, and the numbers of dropout's masks.
    """
    noise = latents.noise.copy()
    noise[:, movable(gan)] = 0.0
    noise[:, noise_of(gan)] = 0.5 if gan.config.latent.prior == "uniform01" else 0.0
    return replace(latents, noise=noise)


def draw_latents(gan: GAN, n: int, labels: NDArray[Any] | None, seed: int) -> Latents:
    """Draw latents that have these labels, which `gan.latents` would read as names of classes."""
    drawn = gan.latents(n, labels if gan.condition else None, seed)
    return drawn if labels is None else gan.adopt(replace(drawn, labels=labels))


def shares_of(gan: GAN, latents: Latents) -> NDArray[np.float32] | None:
    """Return labels that can be averaged, float32 [N, C]: a vector, or the share of every class."""
    labels = latents.labels
    if labels is None or labels.ndim == 2:
        return labels
    one_hot: NDArray[np.float32] = np.eye(len(gan.class_names), dtype=np.float32)[labels]
    return one_hot


def with_shares(gan: GAN, latents: Latents, shares: NDArray[np.float32] | None) -> Latents:
    """Return latents with these labels; as plain classes if each is one class and nothing else."""
    if shares is None or gan.condition or not np.isin(shares, (0, 1)).all():
        return replace(latents, labels=shares)
    return replace(latents, labels=shares.argmax(1))
