"""What is known of an environment, so that a policy can act without it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError
from gankit.stored import LARGEST_SIDE, StoredError, build, is_count
from gankit.text import shown

NAME = re.compile(r"[A-Za-z0-9_/.-]{1,100}-v\d{1,4}")
"""The names of environments. gymnasium would import a module that is named before a colon."""
MOST_MOMENTS = 100_000
"""The most moments of an episode."""


@dataclass(frozen=True, kw_only=True)
class World:
    """An environment: vectors are observed, and one of some actions, or a vector, is chosen.

    Attributes:
        name: its name in gymnasium, such as `CartPole-v1`.
        observations: how many numbers are observed.
        moments: the most moves of an episode; the environment stops it then.
        choices: how many actions there are to choose from; 0: an action is a vector.
        low, high: the limits of each number of an action that is a vector; else empty.
    """

    name: str
    observations: int
    moments: int
    choices: int = 0
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raises StoredError if this cannot be an environment."""
        check_name(self.name)
        if not is_count(self.observations, 1) or self.observations > LARGEST_SIDE:
            raise StoredError(f"observations cannot be {shown(self.observations)}")
        if not is_count(self.moments, 1) or self.moments > MOST_MOMENTS:
            raise StoredError(f"moments cannot be {shown(self.moments)}")
        vector = bool(self.low) and len(self.low) == len(self.high)
        limits = np.isfinite([*self.low, *self.high]).all() and np.less(self.low, self.high).all()
        if self.choices > LARGEST_SIDE or (self.choices > 1) == vector or not limits:
            raise StoredError("actions must be of 2 choices or more, or vectors with limits")

    @property
    def discrete(self) -> bool:
        return self.choices > 0

    @property
    def moves(self) -> int:
        """How many numbers say what was done: one for each choice, or those of the vector."""
        return self.choices or len(self.low)

    @property
    def numbers(self) -> int:
        """How many numbers say what was seen and done at a moment."""
        return self.observations + self.moves

    @property
    def transition(self) -> int:
        """How many numbers say that, what was seen next, and whether the episode ended there."""
        return self.numbers + self.observations + 1

    def written(self, actions: NDArray[Any]) -> NDArray[np.float32]:
        """Return actions [N] or [N, A] as numbers float32 [N, moves]: a choice becomes one-hot."""
        if self.discrete:
            actions = np.eye(self.choices)[actions]
        return np.asarray(actions, np.float32)

    @property
    def limits(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The limits of an action that is a vector, each float32 [A]."""
        return np.array(self.low, np.float32), np.array(self.high, np.float32)

    def describe(self) -> str:
        """Return what is seen and done, and how long, in words."""
        done = f"one of {self.choices} actions" if self.discrete else f"a vector of {self.moves}"
        return (
            f"{self.observations} numbers are seen and {done} is chosen, "
            f"{self.moments:,} times at most"
        )

    def to_store(self) -> dict[str, Any]:
        """Return what `stored` reads."""
        return {**asdict(self), "low": list(self.low), "high": list(self.high)}

    @classmethod
    def stored(cls, told: object) -> World:
        """Read what a file says of an environment. Raises StoredError if it is damaged."""
        if not isinstance(told, Mapping):
            raise StoredError(f"an environment cannot be {shown(told)}")
        return build(cls, dict(told))


def check_name(name: str) -> str:
    """Return the name of an environment. Raises ConfigError if it cannot be one."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{shown(name)} is no environment: give a name of gymnasium's, such as CartPole-v1"
        )
    return name
