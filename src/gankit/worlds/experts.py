"""Experts: policies that were written down, not learned, and that solve their environments.

Returns over 100 episodes, seeds 0 to 99, mean and standard deviation, are in docs/families/gail.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.registry import Registry
from gankit.worlds.episodes import Episodes, check_every
from gankit.worlds.play import Stage, world_of

Expert = Callable[[list[float]], float]
"""What to do, given what is seen: the number of a choice, or the one number of a vector."""

EXPERTS: Registry[Expert] = Registry("expert")


@EXPERTS.register("CartPole-v1", "pushes to where the pole falls, and a little to the middle")
def balance(seen: list[float]) -> float:
    place, speed, angle, turning = seen
    return float(0.1 * place + 0.3 * speed + 3 * angle + turning > 0)


@EXPERTS.register("Pendulum-v1", "pumps energy until the pendulum is near the top, then holds it")
def swing_up(seen: list[float]) -> float:
    cosine, sine, turning = seen
    if cosine > 0.85:
        return max(-2.0, min(2.0, -15 * math.atan2(sine, cosine) - 3 * turning))
    energy = turning**2 / 6 + 5 * (cosine - 1)  # of a rod of mass and length 1; 0 at rest on top
    return max(-2.0, min(2.0, -5 * energy * (1 if turning >= 0 else -1)))


@EXPERTS.register("Acrobot-v1", "a sign of angles and speeds, found by random search")
def climb(seen: list[float]) -> float:
    _, first, _, second, turning, bending = seen
    return 2.0 if -0.57 * first - 1.03 * second - 1.04 * turning + 0.27 * bending > 0 else 0.0


@EXPERTS.register("MountainCarContinuous-v0", "pushes the way that the car rolls, half as hard")
def roll(seen: list[float]) -> float:
    return 0.5 if seen[1] >= 0 else -0.5


@typed_arguments()
def make_expert(environment: str, episodes: int = 1, *, seed: int = 0, every: int = 1) -> Episodes:
    """Let the expert of an environment play.

    >>> import gankit
    >>> expert = gankit.make_expert("CartPole-v1", 2)
    >>> expert.returns
    array([500., 500.])

    Args:
        environment: a name in `EXPERTS`, such as `Pendulum-v1`.
        episodes: how many, 1 to 10,000.
        seed: of the first episode, 0 to 2^32; each next one has the next seed.
        every: keep the first moment of each episode and then each so-many-th, 1 to 10,000.

    Raises:
        ConfigError: there is no expert of this name, or a number is out of range.
        MissingExtraError: gymnasium is not installed.
    """
    expert = EXPERTS[environment]
    if not 1 <= episodes <= 10_000:
        raise ConfigError(f"episodes must be in 1 to 10,000, got {episodes}", "episodes")
    if not 0 <= seed <= 2**32:
        raise ConfigError(f"seed must be in 0 to 2^32, got {seed}", "seed")
    check_every(every)  # before anything is played
    world = world_of(environment)

    def act(seen: NDArray[np.float32], moment: int) -> NDArray[np.generic]:
        done = np.array([expert(row) for row in seen.tolist()])
        return done.astype(np.int64) if world.discrete else done.astype(np.float32)[:, None]

    return Stage(world).play(act, range(seed, seed + episodes)).thinned(every)
