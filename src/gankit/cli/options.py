"""How an option of a command is described, and found by the name that it has in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from cyclopts import App, Parameter

from gankit.cli.imports import OPTION
from gankit.errors import ConfigError
from gankit.settings.reference import Setting

ELSEWHERE = {
    "compare": {"target": "--out"},
    "expert": {"target": "--out"},
    "export": {"labels": "--label", "target": "--out"},
    "inspect": {"folder": "--out", "pairs": "--set"},
    "pull": {"folder": "--out"},
    "race": {"folder": "--out", "pairs": "--set"},
    "reproduce": {"folder": "--runs", "pairs": "--set"},
    "sample": {"labels": "--label", "target": "--out"},
    "train": {"folder": "--out", "pairs": "--set"},
}
"""By command, arguments of Python functions whose option has another name."""
WITH_SETTINGS = ("inspect", "train", "race", "reproduce")
"""The commands whose options are settings."""


def option(text: str, *names: str) -> Parameter:
    """Return the help of a command-line option, and its names if they are not the argument's."""
    return Parameter(help=text, name=list(names) or None)


def refuse_empty_paths(_app: App, _commands: Sequence[str], arguments: Any) -> None:
    """Raise ConfigError if a path is an empty text, before it is taken for the current folder.

    It is that of a shell's variable that is not set. cyclopts calls this with the arguments of a
    command, as they are typed.
    """
    for argument in arguments:
        is_path = Path in (argument.hint, *get_args(argument.hint))
        if is_path and any(token.value == "" for token in argument.tokens):
            raise ConfigError(f"{argument.name} is an empty path: give one, or leave it out")


def typed_as(command: App, names: Sequence[str], flags: Mapping[str, Setting]) -> list[str]:
    """Return the options of a command for these settings and arguments, as they are typed.

    Names without an option are left out.

    Args:
        command: the command.
        names: of settings and arguments in Python: `training.batch`, `draws`.
        flags: the settings that have an option, by key.
    """
    arguments = command.assemble_argument_collection(parse_docstring=False)
    own = {argument.field_info.name: argument.names[0] for argument in arguments}
    typed = {"import": OPTION, **own, **ELSEWHERE.get(command.name[0], {})}
    if command.name[0] in WITH_SETTINGS:
        there = own.values()
        typed |= {key: str(one.flag) for key, one in flags.items() if one.flag in there}
    return [typed[name] for name in names if name in typed]
