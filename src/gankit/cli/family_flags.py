"""Options of `gankit train` that belong to one family, found once the command line names it.

A family is loaded, and torch with it, only if an option is typed that not every family has, or if
the family's own --help is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from gankit.errors import ConfigError
from gankit.registry import did_you_mean, load_plugins
from gankit.settings.reference import Setting, flags_of
from gankit.text import in_shell, shown

HELP = ("--help", "-h")
RESERVED = (*HELP, "--version", "--import", "--family", "--data")


def sort_words(first: str | None, second: str | None) -> tuple[str | None, str | None]:
    """Return (family, data), given the words after `train`, of which the family may be left out.

    A single word is a family if there is one of this name, whatever lies in the current folder.
    Raises ConfigError if a single word is neither, or if the family stands behind the data.
    """
    if first is None:
        return None, second
    from gankit.data import DATASETS, looks_like_path
    from gankit.families import FAMILIES

    path = looks_like_path(first)
    if not (path or first in FAMILIES or first in DATASETS):
        load_plugins()
    if first in FAMILIES:
        return first, second
    if (path or first in DATASETS) and second is None:
        return None, first
    if second in FAMILIES:
        raise ConfigError(f"the family comes first: gankit train {second} {in_shell(first)}")
    if second is None:
        known = [*FAMILIES.names(), *DATASETS.names()]
        raise ConfigError(
            f"{shown(first)} is no family, no data set and no path.{did_you_mean(first, known)} "
            f"`gankit list` shows all"
        )
    return first, second


class Own(NamedTuple):
    """A family, with those of its settings that are options of `train`, by key."""

    family: str
    settings: Mapping[str, Setting]


def own_flags(arguments: Sequence[str], options: Mapping[str, bool]) -> Own | None:
    """Return the family that the arguments of `train` name, with its own options.

    None if nothing is typed that needs them, or if no family is named.

    Args:
        arguments: what is typed after `train`.
        options: every option that `train` has for all families, with whether a value follows it.

    Raises:
        ConfigError: an option belongs to another family, or a family's flag is one that `train` has
            for all families.
    """
    typed = [word.partition("=")[0] for word in arguments if word.startswith("-")]
    strange = [name for name in typed if name.startswith("--") and name not in {*options, *HELP}]
    family = _named(arguments, options)
    if family is not None and (strange or set(typed) & set(HELP)):
        family = sort_words(family, None)[0]  # None if it is data
    if not strange and not (family and set(typed) & set(HELP)):
        return None
    family = family or _of_recipe(arguments)
    settings = {} if family is None else _flags(family)
    for setting in settings.values():
        if setting.flag in {*options, *RESERVED}:
            raise ConfigError(
                f"family '{family}' gives {setting.key} the flag {setting.flag}, which "
                "`gankit train` has already: give it another one"
            )
    mine = {setting.flag for setting in settings.values()}
    for name in strange:
        if name not in mine:
            _check_is_no_familys(name, family)
    return None if family is None else Own(family, settings)


def _named(arguments: Sequence[str], options: Mapping[str, bool]) -> str | None:
    """Return the family that is named: the first word that is neither an option nor its value.

    None if there is none, or if an option that not all families have comes before it.
    """
    rest = iter(arguments)
    for word in rest:
        name, given, _ = word.partition("=")
        if not word.startswith("-"):
            return word
        if name not in options:  # nobody knows whether a value follows
            return None
        if options[name] and not given:
            next(rest, None)
    return None


def _of_recipe(arguments: Sequence[str]) -> str | None:
    """Return the family of the recipe that `--recipe` names, or None."""
    from gankit.choose_recipe import configure

    words = [part for word in arguments for part in word.split("=", 1)]
    name = dict(pairwise(words)).get("--recipe")
    return None if name is None else configure(recipe=name).family


def _flags(family: str) -> dict[str, Setting]:
    from gankit.families import FAMILIES

    return flags_of(FAMILIES[family].Options())


def _check_is_no_familys(name: str, family: str | None) -> None:
    """Raise ConfigError if other families have an option of this name."""
    from gankit.families import FAMILIES, Game
    from gankit.game import families_that

    def has_it(game: type[Game]) -> bool:
        return name in {setting.flag for setting in flags_of(game.Options()).values()}

    load_plugins()
    if not any(has_it(FAMILIES[other]) for other in FAMILIES.names()):
        return  # a typing error: the parser suggests the nearest option
    owners = families_that(has_it)
    if family is None:
        raise ConfigError(f"{name} is a setting of {owners}: name the family first, before it")
    raise ConfigError(
        f"{name} is a setting of {owners}, not of '{family}': leave it out, or train {owners}"
    )
