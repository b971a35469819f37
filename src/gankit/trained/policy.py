"""A trained generator that is a policy: it acts, and plays episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from gankit.errors import ConfigError
from gankit.game import families_that
from gankit.randomness import Purpose, rng
from gankit.text import shown
from gankit.trained.drawing import asked_for, checked
from gankit.trained.generating import passes, rows_of_a_pass
from gankit.trained.latents import Latents
from gankit.worlds.episodes import Episodes, join_episodes
from gankit.worlds.world import World

if TYPE_CHECKING:
    from gankit.trained.gan import GAN


def act(gan: GAN, observations: ArrayLike, seed: int | None) -> NDArray[Any]:
    """Choose what to do; see `GAN.act`."""
    seen = _seen(world_of(gan), observations)
    chances = None if seed is None else rng(checked(seed), Purpose.MOVES)
    done = gan.game.act(torch.from_numpy(np.atleast_2d(seen)), chances)
    return done if seen.ndim == 2 else done[0]


def play(gan: GAN, n: int | None, seed: int, latents: Latents | None, likeliest: bool) -> Episodes:
    """Play episodes; see `GAN.play`."""
    world_of(gan)
    rows = rows_of_a_pass(next(gan.generator.parameters()).device)
    return join_episodes(
        gan.game.play(part.padded(rows), likeliest)[: len(part)]
        for block in asked_for(gan, n, None, seed, latents)[1]
        for part in passes(block)
    )


def world_of(gan: GAN) -> World:
    """Return the environment that a run acts in. Raises ConfigError if it does not act."""
    world = gan.game.task.world
    if not gan.game.acts or world is None:
        raise ConfigError(
            f"a run of family '{gan.config.family}' makes {gan.kind} and does not act: train "
            f"{families_that(lambda f: f.acts)}"
        )
    return world


def _seen(world: World, observations: ArrayLike) -> NDArray[np.float32]:
    """Return observations float32 [O] or [N, O]. Raises ConfigError if the world shows others."""
    try:
        seen = np.asarray(observations, np.float32)
    except (TypeError, ValueError):
        raise ConfigError(f"observations must be numbers, got {shown(observations)}") from None
    if seen.ndim not in (1, 2) or seen.shape[-1] != world.observations or not seen.size:
        raise ConfigError(
            f"observations of {list(seen.shape)} given; {world.name} shows "
            f"[{world.observations}], or [N, {world.observations}] at once"
        )
    if not np.isfinite(seen).all():
        raise ConfigError("observations must be finite numbers")
    return seen
