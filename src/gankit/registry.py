"""Names that users type, and the things they stand for; a misspelt name gets a suggestion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Generic, TypeVar

from gankit.errors import ConfigError
from gankit.text import shown

T = TypeVar("T")

LONGEST = 200
"""Characters of what may be a misspelt name."""


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the nearest known name, else the empty string."""
    if not isinstance(given, str) or len(given) > LONGEST:
        return ""
    near = get_close_matches(given, list(known), n=1, cutoff=0.55)
    return f" Did you mean {near[0]!r}?" if near else ""


class Registry(Generic[T]):
    """Things of one kind by name, each with a one-line summary for `gankit list`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}
        self._summaries: dict[str, str] = {}

    def register(self, name: str, summary: str = "") -> Callable[[T], T]:
        """Decorator: `name` stands for the thing; the summary is its docstring's first line."""

        def add(thing: T) -> T:
            if name in self._things:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._things[name] = thing
            self._summaries[name] = summary or (thing.__doc__ or "").strip().split("\n")[0]
            return thing

        return add

    def __getitem__(self, name: str) -> T:
        if name in self:
            return self._things[name]
        raise ConfigError(
            f"unknown {self.kind} {shown(name)}.{did_you_mean(name, self._things)}"
            f" Known: {', '.join(self._things)}"
        )

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._things

    def names(self) -> tuple[str, ...]:
        """Every registered name, in order of registration."""
        return tuple(self._things)

    def summaries(self) -> dict[str, str]:
        """Every registered name with its one-line summary."""
        return dict(self._summaries)
