"""`gankit --import my_family.py ...`: a user's own module, imported before a command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from gankit.errors import ConfigError
from gankit.registry import why_not_imported
from gankit.text import from_home

OPTION = "--import"
VARIABLE = "GANKIT_IMPORT"
"""The environment variable that names the files and modules for processes that a command starts.
They are separated by os.pathsep."""


def split_imports(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what `--import` names, and all other arguments.

    Raises ConfigError if nothing follows an `--import`.
    """
    named, others = [], []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            others += [argument, *rest]
        elif argument == OPTION:
            named.append(next(rest, ""))
        elif argument.startswith(f"{OPTION}="):
            named.append(argument.removeprefix(f"{OPTION}="))
        else:
            others.append(argument)
    if not all(named):
        raise ConfigError(f"{OPTION} needs a Python file or a module: {OPTION} my_family.py")
    return named, others


def import_all(named: Sequence[str]) -> None:
    """Import these files and modules, and those that the environment names.

    All of them are then named in the environment, for processes that this one starts. Raises
    ConfigError if one cannot be imported.
    """
    before = [name for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]
    wanted = dict.fromkeys([*before, *(_absolute(name) for name in named)])
    for name in wanted:
        _import(name)
    if wanted:
        os.environ[VARIABLE] = os.pathsep.join(wanted)


def _absolute(name: str) -> str:
    return str(from_home(name).absolute()) if _is_file(name) else name


def _is_file(name: str) -> bool:
    return name.endswith(".py") or os.sep in name


def _import(name: str) -> None:
    """Import a file or a module. Raises ConfigError.

    A file is imported by its name without `.py`, so that other processes find it by that name.
    """
    path = Path(name)
    folder, module = (path.parent, path.stem) if _is_file(name) else (Path.cwd(), name)
    if _is_file(name) and not path.is_file():
        raise ConfigError(f"{OPTION} {name}: there is no such file")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    try:
        found = import_module(module)
    except Exception as error:  # a user's file may raise anything
        raise ConfigError(f"{OPTION} {name} {why_not_imported(error)}") from None
    origin = getattr(found, "__file__", None)
    if _is_file(name) and (origin is None or not path.samefile(origin)):
        raise ConfigError(
            f"{OPTION} {name}: the name {module!r} is another module's: rename the file"
        )
