"""Names that users type, and the things they stand for; a misspelt name gets a suggestion.

A package outside gankit adds to the registries by an entry point in the group `gankit.families`:
it names a module that registers something when it is imported. Such modules are imported once,
when a name is asked for that is not registered yet.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache
from typing import Generic, TypeVar

from gankit.bibliography import Paper
from gankit.errors import ConfigError
from gankit.text import reason, shown, visible

T = TypeVar("T")

LONGEST = 200
"""Most characters of a text that may be a misspelt name."""


PLUGINS = "gankit.families"
"""The group of entry points that plugins use."""
_loads_plugins = False
"""Whether installed plugins are imported at this moment."""


@cache
def load_plugins() -> tuple[str, ...]:
    """Import every installed plugin, and return a line for each that cannot be imported.

    Only the first call imports; later ones return the same lines.
    """
    from importlib.metadata import entry_points

    global _loads_plugins
    problems, _loads_plugins = [], True
    for plugin in entry_points(group=PLUGINS):
        try:
            plugin.load()
        except Exception as error:  # one broken plugin must not hinder the others
            problems.append(f"plugin {plugin.name!r} ({plugin.value}) {why_not_imported(error)}")
    _loads_plugins = False
    return tuple(problems)


def why_not_imported(error: Exception) -> str:
    """Return `cannot be imported: ...`, with the error in one line."""
    return f"cannot be imported: {type(error).__name__}: {reason(error)}"


def joined_names(setting: str) -> list[str]:
    """Return the names in a setting such as `r1+r2`; of `none`, `none`."""
    return [name.strip() for name in setting.split("+")]


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` with the nearest known name, or the empty string."""
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
        self._found: set[str] = set()  # registered because a package is installed
        self._papers: dict[str, tuple[Paper, ...]] = {}

    def register(self, name: str, summary: str = "") -> Callable[[T], T]:
        """Return a decorator that registers what it decorates by this name.

        >>> shapes: Registry[type] = Registry("shape")
        >>> @shapes.register("square", "four equal sides")
        ... class Square: ...
        >>> shapes["square"].__name__, shapes.summaries()
        ('Square', {'square': 'four equal sides'})

        Args:
            name: the name that users type.
            summary: one line for `gankit list`; empty: the first line of the thing's docstring.

        Raises ValueError if the name is taken, and ConfigError if it is no text: a decorator is
        easily written without its name.
        """
        if not isinstance(name, str) or not name:
            raise ConfigError(
                f"a {self.kind} is registered by a name, as in register('mine'), got {shown(name)}"
            )
        home = str(sys._getframe(1).f_globals.get("__name__", "__main__"))

        def add(thing: T) -> T:
            if name in self._things:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._things[name], self._homes[name] = thing, home
            if _loads_plugins:
                self._found.add(name)
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

    def cite(self, name: str, *papers: Paper) -> None:
        """Say which papers introduced what is registered by this name, for `gankit cite`."""
        self._papers[name] = papers

    def papers(self, name: str) -> tuple[Paper, ...]:
        """Return the papers of what is registered by this name. Raises what asking for it does."""
        self[name]
        return self._papers.get(name, ())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._things

    def home(self, name: str) -> str | None:
        """Return the module outside gankit that registered a name; None if gankit did."""
        self[name]  # a plugin's thing is loaded now
        home = self._homes[name]
        return None if home.split(".")[0] == "gankit" else home

    def check_there(self, name: object, home: object) -> None:
        """Raise ConfigError if a name is unknown that `home`, a module outside gankit, registers.

        Both come from a file. If `home` is None, gankit itself registers the name, and nothing is
        checked.
        """
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
        """Return every registered name, in order of registration."""
        return tuple(self._things)

    def asked_for(self) -> tuple[str, ...]:
        """Return the names that gankit or a module which the user imported has registered.

        They do not depend on which plugins are installed.
        """
        return tuple(name for name in self._things if name not in self._found)

    def summaries(self) -> dict[str, str]:
        """Return every registered name with its one-line summary."""
        return dict(self._summaries)
