"""The latents of samples: those of a seed, or given ones, in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gankit.errors import ConfigError
from gankit.families import Game
from gankit.game_types import Latent
from gankit.randomness import Purpose, rng
from gankit.trained.labelling import Labels, check_labels
from gankit.trained.latents import Latents

if TYPE_CHECKING:
    from gankit.trained.gan import GAN

BLOCK = 250
"""The number of samples drawn at a time. `seed` depends on it: each block has its own draw."""


def draw_block(game: Game, block: int, labels: Tensor | None, count: int, seed: int) -> Latent:
    """Return the first `count` latents of block number `block` in a seed's endless samples.

    Raises ConfigError if the seed is out of range.
    """
    random = rng(checked(seed), Purpose.SAMPLES, block)
    padded = None
    if labels is not None:
        missing = labels.new_zeros(BLOCK - len(labels), *labels.shape[1:])
        padded = torch.cat([labels, missing])
    return game.latent(BLOCK, padded, random)[:count]


def draw(gan: GAN, n: int, labels: Labels, seed: int) -> Iterator[Latent]:
    """Yield the latents of a seed's first `n` samples in blocks of at most `BLOCK`.

    Raises ConfigError as `GAN.sample` does.
    """
    if n < 1:
        raise ConfigError(f"n must be at least 1, got {n}", "n")
    every = gan.labels_for(n, labels)
    for block, start in enumerate(range(0, n, BLOCK)):
        count = min(BLOCK, n - start)
        part = None if every is None else torch.from_numpy(every[start : start + count])
        yield draw_block(gan.game, block, part, count, seed)


def asked_for(
    gan: GAN, n: int | None, labels: Labels, seed: int, latents: Latents | None
) -> tuple[int, Iterator[Latent]]:
    """Return the number of samples that `GAN.sample` is asked for, and their latents in blocks.

    Raises ConfigError as it does.
    """
    if latents is None and n is not None:
        return n, draw(gan, n, labels, seed)
    if latents is None or n is not None:
        raise ConfigError("give n, the number of samples, or latents, and not both", "n")
    whole = gan.adopt(latents, labels).to_latent()
    count = len(latents)
    return count, (whole[start : start + BLOCK] for start in range(0, count, BLOCK))


def adopt(gan: GAN, latents: Latents, labels: Labels) -> Latents:
    """Return latents as a run takes them; see `GAN.adopt`."""
    family, size = gan.config.family, gan.game.latent_size
    if latents.family not in ("", family) or latents.noise.shape[1] != size:
        whose = f" of family '{latents.family}'" if latents.family else ""
        raise ConfigError(
            f"latents{whose} of {latents.noise.shape[1]} numbers given: this run is of family "
            f"'{family}' and takes {size}"
        )
    known = latents.labels if labels is None else None
    if known is None:
        known = gan.labels_for(len(latents), labels)
    else:
        check_labels(gan, known)
    return Latents(latents.noise, known, family, gan.digest)


def checked(seed: int) -> int:
    """Return a seed. Raises ConfigError if it is out of range."""
    if not 0 <= seed < 2**64:
        raise ConfigError(f"seed must be in [0, 2^64), got {seed}", "seed")
    return seed
