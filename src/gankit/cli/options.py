"""How an option of a command is described, and found for what Python calls by another name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cyclopts import App, Parameter

from gankit.cli.imports import OPTION
from gankit.settings.reference import Setting

ELSEWHERE = {
    "compare": {"target": "--out"},
    "reproduce": {"folder": "--runs"},
    "sample": {"labels": "--label", "target": "--out"},
    "sweep": {"target": "--out"},
    "train": {"folder": "--out", "pairs": "--set"},
}
"""Arguments of functions that a command calls otherwise."""
WITH_SETTINGS = ("train", "reproduce")
"""The commands whose options are settings."""


def option(text: str, *names: str) -> Parameter:
    """A command-line option's help, and its names where the argument's own will not do."""
    return Parameter(help=text, name=list(names) or None)


def typed_as(command: App, names: Sequence[str], flags: Mapping[str, Setting]) -> list[str]:
    """The options of a command that are these settings and arguments; what it has none for is
    left out.

    Args:
        names: as Python knows them: `training.batch`, `draws`.
        flags: the settings that have an option, by key.
    """
    arguments = command.assemble_argument_collection(parse_docstring=False)
    own = {argument.field_info.name: argument.names[0] for argument in arguments}
    typed = {"import": OPTION, **own, **ELSEWHERE.get(command.name[0], {})}
    if command.name[0] in WITH_SETTINGS:
        there = own.values()
        typed |= {key: str(one.flag) for key, one in flags.items() if one.flag in there}
    return [typed[name] for name in names if name in typed]
