"""Turn what a request asks for into latents, or refuse it with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from gankit.errors import ConfigError
from gankit.exploring.truncation import truncate
from gankit.game_types import Latent
from gankit.text import shown
from gankit.trained.drawing import BLOCK, draw_block
from gankit.trained.gan import GAN
from gankit.trained.latents import Latents


def latents_for(
    gan: GAN,
    n: int,
    labels: Any = None,
    seed: int = 0,
    codes: Mapping[str, float] | None = None,
    latents: Sequence[Sequence[float]] | None = None,
    truncation: float = 1.0,
) -> Latent:
    """Return the latents of `n` samples.

    Args:
        gan: the trained GAN.
        n: the number of samples, at least 1.
        labels: one for all samples or one for each, as in `GAN.sample`.
        seed: the latents are those that `GAN.sample` draws by it.
        codes: values of the game's codes, by their number from 1, in place of what is drawn.
        latents: [n][latent_size] numbers, in place of what is drawn.
        truncation: how far from the mean of the prior they stay, from 1, where they are, to 0;
            codes that `codes` sets are not moved.

    Raises ConfigError if something does not suit the GAN.
    """
    asked = gan.labels_for(n, labels)
    every = None if asked is None else torch.from_numpy(asked)
    if latents is None:
        drawn = [
            draw_block(
                gan.game,
                block,
                None if every is None else every[start : start + BLOCK],
                min(BLOCK, n - start),
                seed,
            )
            for block, start in enumerate(range(0, n, BLOCK))
        ]
        noise = torch.cat([one.noise for one in drawn])
    else:
        noise = _given(gan, n, latents)
    latent = Latent(noise, every)
    if truncation != 1:
        latent = truncate(gan, Latents(noise.numpy(), asked), truncation).to_latent()
    for number, value in (codes or {}).items():
        latent = _with_code(gan, latent, number, value)
    return latent


def _given(gan: GAN, n: int, latents: Sequence[Sequence[float]]) -> torch.Tensor:
    size = gan.game.latent_size
    if len(latents) != n:
        raise ConfigError(f"{len(latents)} latents given for {n} samples", "latents")
    for place, one in enumerate(latents):
        if len(one) != size:
            raise ConfigError(f"latent {place} has {len(one)} numbers, needed are {size}")
    return torch.from_numpy(np.array(latents, np.float32))


def _with_code(gan: GAN, latent: Latent, number: str, value: float) -> Latent:
    codes = gan.game.codes
    if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= len(codes)):
        raise ConfigError(
            f"there is no code {shown(number)}: this run has "
            + (f"codes 1 to {len(codes)}" if codes else "none")
        )
    code = codes[int(number) - 1]
    if code.categories and value not in range(code.categories):
        raise ConfigError(f"code {number} is a category, 0 to {code.categories - 1}, got {value:g}")
    if not math.isfinite(value):
        raise ConfigError(f"code {number} must be a finite number, got {shown(value)}")
    return code.put(latent, value)
