"""Every setting in words, for the command line, `gankit list settings` and docs/settings.md.

    every_setting()                               # what every run has
    every_setting(FAMILIES["began"].Options())    # and what this family adds

All of it is read from the fields that declare the settings (config.py and the families).
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gankit.settings.config import Config
from gankit.settings.schema import Flag, Limits
from gankit.settings.text import typed


@dataclass(frozen=True)
class Setting:
    """What is known of one setting.

    Attributes:
        kind: the type of its values; None may be one too if it is `optional`.
        flag: its option of `gankit train`, if it has one.
    """

    key: str
    kind: Any
    optional: bool
    default: object
    text: str
    limits: Limits | None
    flag: str | None

    def __str__(self) -> str:
        flag = f"  {self.flag}" if self.flag else ""
        return f"{self.key} = {self.shown_default}{flag}\n    {self.text} ({self.allowed})"

    @property
    def shown_default(self) -> str:
        """Its default, as it is typed."""
        return typed(self.default) or "''"

    @property
    def allowed(self) -> str:
        """Its type and its limits: `whole number from 1 to 64, or none`."""
        limits = "" if self.limits is None else f" {self.limits}"
        return f"{_words(self.kind)}{limits}{', or none' if self.optional else ''}"


def settings_of(
    section: Any, prefix: str = "", flags: Mapping[str, Flag] | None = None
) -> list[Setting]:
    """Every setting in a dataclass of settings and in its sections, in order.

    Args:
        prefix: the start of their keys, such as `training.`.
        flags: given to its fields by the field that holds this section.
    """
    hints, found = get_type_hints(type(section)), []
    for item in dataclasses.fields(section):
        key, value = prefix + item.name, getattr(section, item.name)
        inner = item.metadata.get("flags")
        if dataclasses.is_dataclass(value):
            found += settings_of(value, f"{key}.", inner)
        else:
            own = Flag(item.metadata.get("flag"), item.metadata.get("text", ""))
            flag = (flags or {}).get(item.name, own)
            kind, optional = _without_none(hints[item.name])
            limits = item.metadata.get("limits")
            found.append(Setting(key, kind, optional, value, flag.text, limits, flag.name))
    return found


def every_setting(options: object = None) -> list[Setting]:
    """Every setting of a plain Config; with a family's options, these too."""
    found = settings_of(dataclasses.replace(Config(), network=options))
    return [setting for setting in found if setting.key != "network"]


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint, False
    return next(part for part in get_args(hint) if part is not types.NoneType), True


def _words(kind: Any) -> str:
    """A type as a person says it."""
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return " | ".join(arguments)
    if get_origin(kind) is tuple:
        count = "" if arguments[-1] is ... else f"{len(arguments)} "
        word = _words(arguments[0])
        return f"{count}{word}s" if word in NOUNS.values() else f"several of {word}"
    return NOUNS.get(kind, "true or false" if kind is bool else kind.__name__)


NOUNS = {int: "whole number", float: "number", str: "text"}

FLAGS = {setting.key: setting for setting in settings_of(Config()) if setting.flag}
"""The settings of every run with an option of their own in `gankit train`, by key."""


def flags_of(options: object) -> dict[str, Setting]:
    """The same of a family's options; there are none while the family is not known."""
    if options is None:
        return {}
    return {setting.key: setting for setting in settings_of(options, "network.") if setting.flag}


def flag_of(key: str, options: object) -> str | None:
    """The option of `gankit train` for a setting, if it has one, in the family of `options`."""
    setting = FLAGS.get(key) or flags_of(options).get(key)
    return None if setting is None else setting.flag
