"""Names that users type, and the things they stand for; a misspelt name gets a suggestion.

A package outside gankit adds to every registry by an entry point in the group `gankit.families`,
which names a module that registers something when it is imported. They are imported once, when a
name is asked for that nothing here has.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache
from typing import Generic, TypeVar

from gankit.errors import ConfigError
from gankit.text import reason, shown, visible

T = TypeVar("T")

LONGEST = 200
"""Characters of what may be a misspelt name."""


PLUGINS = "gankit.families"
"""The group of entry points that is looked at."""


@cache
def load_plugins() -> tuple[str, ...]:
    """Import every installed plugin; a line for each that cannot be. Only the first call does."""
    from importlib.metadata import entry_points

    problems = []
    for plugin in entry_points(group=PLUGINS):
        try:
            plugin.load()
        except Exception as error:  # whatever ails one must not hinder the others
            problems.append(f"plugin {plugin.name!r} ({plugin.value}) {why_not_imported(error)}")
    return tuple(problems)


def why_not_imported(error: Exception) -> str:
    """`cannot be imported: ...`, in one line."""
    return f"cannot be imported: {type(error).__name__}: {reason(error)}"


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
        self._homes: dict[str, str] = {}  # the module that registered it

    def register(self, name: str, summary: str = "") -> Callable[[T], T]:
        """Decorator: `name` stands for the thing from here on.

        >>> shapes: Registry[type] = Registry("shape")
        >>> @shapes.register("square", "four equal sides")
        ... class Square: ...
        >>> shapes["square"].__name__, shapes.summaries()
        ('Square', {'square': 'four equal sides'})

        Args:
            summary: one line for `gankit list`; empty: the first line of the thing's docstring.

        Raises ValueError if the name is taken.
        """
        home = str(sys._getframe(1).f_globals.get("__name__", "__main__"))

        def add(thing: T) -> T:
            if name in self._things:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._things[name], self._homes[name] = thing, home
            self._summaries[name] = summary or (thing.__doc__ or "").strip().split("\n")[0]
            return thing

        return add

    def __getitem__(self, name: str) -> T:
        if name in self:
            return self._things[name]
        problems = load_plugins()
        if name in self:
            return self._things[name]
        raise ConfigError(
            f"unknown {self.kind} {shown(name)}.{did_you_mean(name, self._things)}"
            f" Known: {', '.join(self._things)}{''.join(f'; {line}' for line in problems)}"
        )

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._things

    def home(self, name: str) -> str | None:
        """The module outside gankit that registered a thing; None if gankit did."""
        self[name]  # a plugin's is loaded now
        home = self._homes[name]
        return None if home.split(".")[0] == "gankit" else home

    def check_there(self, name: object, home: object) -> None:
        """Raise ConfigError if a thing that `home`, a module outside gankit, defines is not known
        yet. A file that was read says both."""
        if not (isinstance(name, str) and isinstance(home, str)) or name in self:
            return
        load_plugins()
        if name not in self:
            module = visible(home[:LONGEST])
            raise ConfigError(
                f"{self.kind} {shown(name)} is defined in {module}: import it first",
                "import",
            )

    def names(self) -> tuple[str, ...]:
        """Every registered name, in order of registration."""
        return tuple(self._things)

    def summaries(self) -> dict[str, str]:
        """Every registered name with its one-line summary."""
        return dict(self._summaries)
