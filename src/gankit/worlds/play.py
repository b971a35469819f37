"""Environments side by side, in which a policy plays whole episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError, MissingExtraError
from gankit.registry import did_you_mean
from gankit.text import reason
from gankit.worlds.episodes import Episodes
from gankit.worlds.world import MOST_MOMENTS, World, check_name

Act = Callable[[NDArray[np.float32], int], NDArray[Any]]
"""A policy: (observations [N, O], the number of the moment) -> actions [N] or [N, A]."""


def make(name: str, **options: Any) -> Any:
    """Return an environment of gymnasium, with these options of `gymnasium.make`.

    Raises:
        MissingExtraError: gymnasium, or what the environment needs, is not installed.
        ConfigError: there is no environment of this name.
    """
    try:
        import gymnasium
    except ModuleNotFoundError:
        raise MissingExtraError("an environment", "gym") from None
    try:
        return gymnasium.make(check_name(name), disable_env_checker=True, **options)
    except gymnasium.error.DependencyNotInstalled:
        raise MissingExtraError(f"environment '{name}'", "gym") from None
    except (gymnasium.error.Error, ModuleNotFoundError) as error:
        hint = did_you_mean(name, gymnasium.registry)
        raise ConfigError(f"environment '{name}' cannot be made: {reason(error)}{hint}") from None


def world_of(name: str) -> World:
    """Return what is known of gymnasium's environment of this name.

    Raises ConfigError if there is none, or if gankit cannot play in it: it takes vectors of
    observations, actions that are choices or vectors with limits, and episodes that end.
    """
    from gymnasium.spaces import Box, Discrete

    environment = make(name)
    seen, done = environment.observation_space, environment.action_space
    moments = environment.spec.max_episode_steps
    environment.close()
    if not isinstance(seen, Box) or len(seen.shape) != 1:
        raise ConfigError(f"environment '{name}' shows {seen}: gankit plays where a vector is seen")
    if moments is None or moments > MOST_MOMENTS:
        raise ConfigError(f"episodes of environment '{name}' have no end: choose one with a limit")
    known = partial(World, name=name, observations=seen.shape[0], moments=moments)
    if isinstance(done, Discrete) and done.start == 0 and done.n > 1:
        return known(choices=int(done.n))
    if isinstance(done, Box) and len(done.shape) == 1 and done.is_bounded():
        return known(low=tuple(map(float, done.low)), high=tuple(map(float, done.high)))
    raise ConfigError(
        f"environment '{name}' is moved by {done}: gankit chooses one of some actions, or a vector "
        "with limits"
    )


class Stage:
    """Environments side by side, so that a policy chooses all their actions in one pass.

    Every episode begins from a seed and is played to its end. So it is a function of that seed and
    of the actions, and nothing of an environment outlives it.
    """

    def __init__(self, world: World) -> None:
        """Prepare for episodes in `world`; environments are made when they are first played in.

        Raises MissingExtraError or ConfigError if they cannot be made here.
        """
        self.world = world
        self._environments: list[Any] = []

    def play(self, act: Act, seeds: Sequence[int]) -> Episodes:
        """Play an episode from each seed.

        `act` is asked for the actions of all episodes at each moment, also of those that are over.
        """
        self._open(len(seeds))
        world, count = self.world, len(seeds)
        at_once = zip(self._environments, seeds, strict=False)
        seen = np.stack([e.reset(seed=int(seed))[0] for e, seed in at_once]).astype(np.float32)
        every: list[tuple[NDArray[np.float32], NDArray[Any]]] = []
        returns = np.zeros(count)
        lengths, ended = np.full(count, world.moments), np.zeros(count, bool)
        playing = list(range(count))
        while playing:
            moment = len(every)
            actions = act(seen, moment)
            every.append((seen, actions))
            seen, going = seen.copy(), []
            for place in playing:
                step = self._environments[place].step(actions[place])
                seen[place], paid, ended[place], stopped, _ = step
                returns[place] += paid
                if ended[place] or stopped:
                    lengths[place] = moment + 1
                else:
                    going.append(place)
            playing = going
        shown = np.stack([*(one for one, _ in every), seen])
        ends = np.zeros(lengths.sum(), bool)
        ends[np.cumsum(lengths) - 1] = ended
        return Episodes(
            world=world,
            observations=in_turn(shown[:-1], lengths),
            actions=in_turn(np.stack([one for _, one in every]), lengths),
            next_observations=in_turn(shown[1:], lengths),
            ends=ends,
            returns=returns,
            lengths=lengths,
            seeds=np.array(seeds, np.int64),
            ended=ended,
            last=seen,
        )

    def _open(self, count: int) -> None:
        if not self._environments and (here := world_of(self.world.name)) != self.world:
            raise ConfigError(
                f"environment '{self.world.name}' is another one than was learned: "
                f"{self.world.describe()}; here {here.describe()}"
            )
        while len(self._environments) < count:
            self._environments.append(make(self.world.name))


def in_turn(values: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
    """Return values [T, N, ...] of N episodes, one episode after the other, [sum of lengths, ...].

    Of each episode, only the moments before its end are taken.
    """
    return np.concatenate([values[:length, i] for i, length in enumerate(lengths)])
