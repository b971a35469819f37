"""How an option of a command is described."""

from __future__ import annotations

from cyclopts import Parameter


def option(text: str, *names: str) -> Parameter:
    """A command-line option's help, and its names where the argument's own will not do."""
    return Parameter(help=text, name=list(names) or None)
