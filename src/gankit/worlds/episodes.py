"""Episodes: what was seen and done in an environment, from beginnings to ends."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError, RunError
from gankit.storage import write_atomically
from gankit.text import from_home, shown
from gankit.worlds.world import World

OF_MOMENTS = ("observations", "actions", "next_observations", "ends")
OF_EPISODES = ("returns", "lengths", "seeds", "ended", "last")
"""The arrays that have a row for each moment, and those that have one for each episode."""


def check_every(every: int) -> None:
    """Raise ConfigError unless each `every`-th moment can be kept."""
    if not 1 <= every <= 10_000:
        raise ConfigError(f"every must be in 1 to 10,000, got {shown(every)}", "every")


@dataclass(frozen=True, eq=False)
class Episodes:
    """Episodes of one environment, one after the other: E episodes of M moments in all.

    >>> import gankit
    >>> episodes = gankit.make_expert("Pendulum-v1", 3)
    >>> isinstance(episodes, gankit.Episodes), len(episodes), episodes.observations.shape
    (True, 3, (600, 3))

    Attributes:
        world: the environment.
        observations: what was seen, float32 [M, O].
        actions: what was then done, int64 [M], or float32 [M, A] within the limits.
        next_observations: what was seen after that, float32 [M, O].
        ends: whether the episode ended by itself there, bool [M].
        returns: what the environment paid for each whole episode, float64 [E].
        lengths: the moments of each episode that are here, int64 [E].
        seeds: the seed from which each began, int64 [E].
        ended: whether each ended by itself, bool [E]; the others met the limit of moments.
        last: what was seen at the end of each, float32 [E, O].
    """

    world: World
    observations: NDArray[np.float32]
    actions: NDArray[Any]
    next_observations: NDArray[np.float32]
    ends: NDArray[np.bool_]
    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    seeds: NDArray[np.int64]
    ended: NDArray[np.bool_]
    last: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> NDArray[np.int64]:
        """The place of each episode's first moment, int64 [E]."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def moments(self) -> NDArray[np.float32]:
        """What was seen and done at each moment, float32 [M, world.numbers]."""
        return np.concatenate([self.observations, self.world.written(self.actions)], 1)

    @property
    def transitions(self) -> NDArray[np.float32]:
        """The moments, what was seen next, and 1 at an end, float32 [M, world.transition]."""
        return np.concatenate([self.moments, self.next_observations, self.ends[:, None]], 1)

    def __getitem__(self, part: slice) -> Episodes:
        """Return some of the episodes, which follow one another."""
        first, end, _ = part.indices(len(self))
        begins = np.append(self.starts, len(self.observations))
        rows = slice(begins[first], begins[end])
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in OF_MOMENTS},
            **{name: getattr(self, name)[first:end] for name in OF_EPISODES},
        )

    @typed_arguments()
    def thinned(self, every: int) -> Episodes:
        """Return the first moment of each episode and then each `every`-th.

        Raises ConfigError unless that is 1 to 10,000.
        """
        check_every(every)
        places = self.starts.tolist(), self.lengths.tolist()
        kept = [np.arange(start, start + n, every) for start, n in zip(*places, strict=True)]
        rows = np.concatenate(kept)
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in OF_MOMENTS},
            lengths=np.array([len(one) for one in kept]),
        )

    def as_array(self) -> NDArray[np.float32]:
        """Return the moments of each episode, float32 [E, world.moments, world.numbers].

        NaN stands for those after its end.
        """
        padded = np.full((len(self), self.world.moments, self.world.numbers), np.nan, np.float32)
        for row, moments in zip(padded, np.split(self.moments, self.starts[1:]), strict=True):
            row[: len(moments)] = moments
        return padded

    def save(self, path: str | Path) -> Path:
        """Write them to a file x.npz, which is data for families that learn to act.

        It holds `observations`, `actions`, `next_observations`, `ends`, `lengths`, `returns`,
        `seeds`, and the environment's name as `environment`.

        Raises ConfigError if the name does not end in .npz, RunError if it cannot be written.
        """
        target = check_name(path)
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            environment=np.array(self.world.name),
            **{name: getattr(self, name) for name in OF_MOMENTS},
            lengths=self.lengths,
            returns=self.returns,
            seeds=self.seeds,
        )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, buffer.getvalue())
        except OSError as error:
            raise RunError(f"'{target}' cannot be written: {error.strerror or error}") from None
        return target


def check_name(path: str | Path) -> Path:
    """Return the path of a file to keep episodes in. Raises ConfigError unless it is name.npz."""
    target = from_home(path)
    if target.suffix != ".npz":
        raise ConfigError(f"episodes are kept in a file name.npz, got {target.name}", "target")
    return target


def join_episodes(parts: Iterable[Episodes]) -> Episodes:
    """Return the episodes of all parts, which are of one environment, one after another."""
    every = list(parts)
    joined = {
        name: np.concatenate([getattr(part, name) for part in every])
        for name in (*OF_MOMENTS, *OF_EPISODES)
    }
    return Episodes(every[0].world, **joined)
