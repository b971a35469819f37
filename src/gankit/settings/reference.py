"""Every setting in words, for the command line, `gankit list settings` and docs/settings.md.

    every_setting()                               # the settings that every run has
    every_setting(FAMILIES["began"].Options())    # ... and those that this family adds

All of it is read from the fields that declare the settings (in config.py and in the families).
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
    """One setting, in words.

    Attributes:
        key: its dotted key, such as `training.batch`.
        kind: the type of its values.
        optional: whether None is allowed too.
        default: its default value.
        text: its meaning, in one line.
        limits: what its numbers may be; None: anything of its type.
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
        """The default, as it is typed on a command line."""
        return typed(self.default) or "''"

    @property
    def allowed(self) -> str:
        """The type and the limits: `whole number from 1 to 64, or none`."""
        limits = "" if self.limits is None else f" {self.limits}"
        return f"{_words(self.kind)}{limits}{', or none' if self.optional else ''}"


def settings_of(
    section: Any, prefix: str = "", flags: Mapping[str, Flag] | None = None
) -> list[Setting]:
    """Return every setting in a dataclass of settings and in its sections, in order.

    Args:
        section: an instance of that dataclass; its values are the defaults.
        prefix: the start of the settings' keys, such as `training.`.
        flags: by field name, the flags that the field holding this section declares for it.
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
    """Return every setting of a plain Config, and of a family's `options` if they are given."""
    found = settings_of(dataclasses.replace(Config(), network=options))
    return [setting for setting in found if setting.key != "network"]


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint, False
    return next(part for part in get_args(hint) if part is not types.NoneType), True


def _words(kind: Any) -> str:
    """Return a type in plain words: `whole number`, `2 numbers`, `true or false`."""
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
"""Those settings of every run that have an option of their own in `gankit train`, by key."""


def flags_of(options: object) -> dict[str, Setting]:
    """Return the settings of a family that have an option of their own, by key.

    There are none if `options` is None: the family is not known yet.
    """
    if options is None:
        return {}
    return {setting.key: setting for setting in settings_of(options, "network.") if setting.flag}


def flag_of(key: str, options: object) -> str | None:
    """Return the option of `gankit train` for a setting of any run, or of the family of `options`.

    None if the setting has no option.
    """
    setting = FLAGS.get(key) or flags_of(options).get(key)
    return None if setting is None else setting.flag
