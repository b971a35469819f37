"""How a setting is declared, once: its default, its help text, its limits and its flag.

    batch: int = setting(64, "examples a step", least=2, most=2**20, flag="--batch")

`check_settings` checks every field of a dataclass against its limits; reference.py reads the rest,
for the command line and the documentation. The upper limits are no advice: beyond them lie typing
errors, and sizes that no machine holds.
"""

from __future__ import annotations

import dataclasses
import os
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from gankit.errors import ConfigError
from gankit.registry import did_you_mean
from gankit.text import is_plain_number, shown

T = TypeVar("T")

LAYER = 2**16
"""The most units, channels or numbers in one layer of a network."""
RARELY = 10**9
"""The most steps between two pictures, checkpoints, scores and the like."""
LONGEST = 64
"""The most values in a setting that is a list."""


FLAG = re.compile(r"--[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""What an option of `gankit train` looks like."""


class SettingError(ConfigError):
    """A setting, named by its dotted key such as `training.batch`, is not what it must be."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__("", key)
        self.args = (key, why)  # pickle calls the class with these

    def __str__(self) -> str:
        return " ".join(self.args)


class Flag(NamedTuple):
    """The option of `gankit train` for a setting, and its text in --help."""

    name: str | None
    text: str


@dataclass(frozen=True)
class Limits:
    """The limits of a number, or of each number in a list.

    `least` and `most` are allowed themselves, `above` and `below` are not. There is one lower limit
    and one upper limit; the others are None.
    """

    least: float | None
    most: float | None
    above: float | None
    below: float | None

    def __str__(self) -> str:
        """Return `from 1 to 64`, `above 0 to 1` or `from 0 to below 1`."""
        low = f"from {self.least:,}" if self.above is None else f"above {self.above:,}"
        return f"{low} to {self.most:,}" if self.below is None else f"{low} to below {self.below:,}"

    def broken_by(self, number: float) -> str | None:
        """Return what a number outside the limits must be: `at least 1`, `at most 64`, `in [0, 1)`.

        None if the number is within the limits.
        """
        low = self.least if self.above is None else self.above
        high = self.most if self.below is None else self.below
        assert low is not None
        assert high is not None
        too_low = not (number > low if self.above is not None else number >= low)
        too_high = not (number < high if self.below is not None else number <= high)
        if number != number:
            return "a finite number"
        if not (too_low or too_high):
            return None
        if self.above is None and self.below is None:
            return f"at least {low:,}" if too_low else f"at most {high:,}"
        left, right = "[("[self.above is not None], "])"[self.below is not None]
        return f"in {left}{low:,}, {high:,}{right}"


def setting(
    default: T,
    text: str,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    flag: str | None = None,
    off: str | None = None,
) -> T:
    """Declare a setting as a field of a dataclass.

    Args:
        default: its value unless another is given.
        text: what it is, for --help, `gankit list settings` and docs/settings.md.
        least, most: the lowest and the highest allowed number, also for each number of a list.
        above, below: in place of `least` and `most` if the limit itself is not allowed.
        flag: its option of `gankit train`, such as `--batch`; a family's own setting may have one
            too. Without a flag it is typed `--set key=value`.
        off: what 0 stands for, if it turns something off; `text` then ends with it, and `false` may
            be given in place of 0.

    Raises TypeError if the flag has another form, or if there are limits, but not one lower and one
    upper limit.
    """
    if flag is not None and not FLAG.fullmatch(flag):
        raise TypeError(
            f"a flag is two hyphens and lower-case words with hyphens between, got {flag!r}"
        )
    limits = None
    if (least, most, above, below) != (None, None, None, None):
        if (least is None) == (above is None) or (most is None) == (below is None):
            raise TypeError("a number has one lower limit and one upper limit")
        limits = Limits(least, most, above, below)
    told = text if off is None else f"{text}; 0: {off}"
    about = {"text": told, "limits": limits, "flag": flag, "off": off is not None}
    return field(default=default, metadata=about)


def nested(make: Callable[[], T], **flags: Flag) -> T:
    """Declare a section of settings as a field of a dataclass.

    Args:
        make: returns the section's default.
        flags: by field of the section, flags that its class cannot declare: one class serves both
            players, and the two learning rates have a flag each.
    """
    return field(default_factory=make, metadata={"flags": flags})


def check_settings(settings: Any, prefix: str = "") -> None:
    """Check each field against its limits. Raises SettingError that names it with `prefix`."""
    for item in dataclasses.fields(settings):
        check_setting(item.metadata, getattr(settings, item.name), prefix + item.name)


def check_setting(metadata: Mapping[Any, Any], value: object, name: str) -> None:
    """Check one value against the limits in its field's metadata, if any. Raises SettingError."""
    limits: Limits | None = metadata.get("limits")
    several: Any = value if isinstance(value, (tuple, list)) else (value,)
    if len(several) > LONGEST:
        raise SettingError(name, f"takes {LONGEST} values at most, got {len(several):,}")
    if limits is None or value is None:
        return
    for number in several:
        if isinstance(number, bool) or not isinstance(number, Real):
            raise SettingError(name, f"must be a number, got {shown(value)}")
        if wanted := limits.broken_by(number):  # type: ignore[arg-type]
            raise SettingError(name, f"must be {wanted}, got {shown(value)}")


def flatten(config: object, prefix: str = "") -> dict[str, Any]:
    """Return every setting by its dotted key: `{"family": ..., "data.source": ..., ...}`."""
    flat: dict[str, Any] = {}
    for item in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, item.name)
        key = prefix + item.name
        flat.update(flatten(value, f"{key}.") if dataclasses.is_dataclass(value) else {key: value})
    return flat


def section(given: object, name: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{name} must be a section of settings, got {shown(given)}")
    return given


def build(kind: type, given: Mapping[str, Any], prefix: str) -> Any:
    """Make a dataclass of settings from nested mappings.

    Raises ConfigError for an unknown key, a wrong type or a number outside its limits.
    """
    hints = get_type_hints(kind)
    fields = {item.name: item for item in dataclasses.fields(kind)}
    values = {}
    for key, value in section(given, prefix.rstrip(".") or "the configuration").items():
        if key not in hints:
            name = shown(f"{prefix}{key}")
            raise ConfigError(f"unknown setting {name}.{did_you_mean(str(key), hints)}")
        if dataclasses.is_dataclass(hints[key]):
            values[key] = build(hints[key], value, f"{prefix}{key}.")
        else:
            value = _or_zero(value, fields[key].metadata)
            values[key] = _coerce(value, hints[key], prefix + key)
            check_setting(fields[key].metadata, values[key], prefix + key)
    return kind(**values)


def replaced(node: Any, changes: Mapping[str, Any], prefix: str) -> Any:
    """Return a copy of a dataclass of settings with some dotted keys changed."""
    hints = get_type_hints(type(node))
    values: dict[str, Any] = {}
    for item in dataclasses.fields(node):
        key, value = prefix + item.name, getattr(node, item.name)
        if dataclasses.is_dataclass(value):
            if any(changed.startswith(f"{key}.") for changed in changes):
                values[item.name] = replaced(value, changes, f"{key}.")
        elif key in changes:
            value = _or_zero(changes[key], item.metadata)
            values[item.name] = _coerce(value, hints[item.name], key)
            check_setting(item.metadata, values[item.name], key)
    return dataclasses.replace(node, **values) if values else node


def _or_zero(value: Any, metadata: Mapping[Any, Any]) -> Any:
    """Return 0 in place of `false` for a setting that 0 turns off, else the value."""
    says_no = value is False or (isinstance(value, str) and value.lower() in NO)
    return 0 if says_no and metadata.get("off") else value


def _coerce(value: Any, hint: Any, key: str) -> Any:
    """Return `value`, which may be a string from a command line, in the type of its field."""
    if hint is Any or dataclasses.is_dataclass(value):
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None or (isinstance(value, str) and value.lower() in ("none", "null")):
            return None
        if isinstance(value, str) and not value:
            # It is that of a shell's variable that is not set: nobody asked for none.
            raise SettingError(key, "is empty: give a value, or none")
        return _coerce(value, next(a for a in arguments if a is not types.NoneType), key)
    if origin is Literal:
        if (name := value if isinstance(value, str) else shown(value)) in arguments:
            return name
        near = did_you_mean(value, arguments)
        raise SettingError(key, f"must be one of {', '.join(arguments)}, got {shown(value)}.{near}")
    if origin is tuple:
        return _coerce_tuple(value, arguments, key)
    return _coerce_scalar(value, hint, key)


_UNIT = re.compile(r"(?<=\d)\s*(?:pixels?|px)(?![a-z])")
_BETWEEN = re.compile(r"\s*[,x\xd7*]\s*")
"""What may stand behind a whole number, and what stands between two."""


def _coerce_tuple(value: Any, arguments: tuple[Any, ...], key: str) -> tuple[Any, ...]:
    if isinstance(value, str):
        value = _split(value, arguments, key)
    elif not isinstance(value, (list, tuple)):
        value = [value]
    if arguments[-1] is not ... and len(value) == 1:
        value = [value[0]] * len(arguments)  # one number stands for a square
    if arguments[-1] is not ... and len(value) != len(arguments):
        raise SettingError(key, f"takes {len(arguments)} numbers, got {shown(value)}")
    check_setting({}, value, key)  # not too many
    return tuple(_coerce(part, arguments[0], key) for part in value)


def _split(text: str, arguments: tuple[Any, ...], key: str) -> list[str]:
    """Return the numbers in a text: '64', '48x64', '64 px' and '64,32' alike.

    An empty text is an empty list, where there may be any number of them. Raises SettingError if a
    number is missing, as in '48x', or two are not told apart.
    """
    if not text.strip() and arguments[-1] is ...:
        return []
    if arguments[0] is not int:
        texts = text.split(",")
        if arguments[0] is str and not all(map(str.strip, texts)):
            raise SettingError(key, f"must be texts joined by commas, got {shown(text)}")
        return texts
    parts = _BETWEEN.split(_UNIT.sub("", text.lower().strip()))
    if all(parts) and not any(map(str.isspace, "".join(parts))):
        return parts
    wanted = "whole numbers joined by commas"
    if arguments[-1] is not ...:
        several = "x".join(["64"] * len(arguments))
        wanted = f"a whole number, or {len(arguments)} such as {several}"
    raise SettingError(key, f"must be {wanted}, got {shown(text)}")


NUMBERS: Any = (str, Real)
"""The types that may stand for a number."""


def _coerce_scalar(value: Any, hint: type, key: str) -> Any:
    if hint is bool:
        return _coerce_bool(value, key)
    if hint is str:
        return coerce_text(value, key)
    wrong = SettingError(key, f"must be {_article(hint)}, got {shown(value)}")
    if isinstance(value, bool) or not isinstance(value, NUMBERS):
        raise wrong
    if isinstance(value, str) and not is_plain_number(value):
        raise wrong
    try:
        number = hint(value)
    except (TypeError, ValueError):
        raise wrong from None
    except OverflowError:  # infinity as a whole number, 10^400 as a float
        raise SettingError(key, f"must be a finite number, got {shown(value)}") from None
    if hint is int and not isinstance(value, str) and value != number:
        raise wrong
    if hint is float and not (number == number and abs(number) != float("inf")):
        raise SettingError(key, f"must be a finite number, got {shown(value)}")
    return number


YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def _coerce_bool(value: object, key: str) -> bool:
    if isinstance(value, bool):
        return value
    typed = value.lower() if isinstance(value, str) else shown(value)
    if typed in (*YES, *NO):
        return typed in YES
    raise SettingError(key, f"must be true or false, got {shown(value)}")


LONGEST_TEXT = 4096
"""Most characters in a text: as many as a path may have on most systems."""


def coerce_text(value: object, key: str) -> str:
    """Return a name or a path; a whole number becomes its digits, as in `codes = [10, "c"]`.

    Raises SettingError for anything else, and for a text that is too long or no file name.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise SettingError(key, f"must be a text, got {shown(value)}")
    text = value if isinstance(value, str) else shown(value)
    try:
        holds = len(text) <= LONGEST_TEXT and b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        holds = False
    if not holds:
        raise SettingError(
            key,
            f"must be a text of {LONGEST_TEXT:,} characters at most that can be a file's name, "
            f"got {shown(value)}",
        )
    return text


def _article(hint: type) -> str:
    return {int: "a whole number", float: "a number"}.get(hint, hint.__name__)


def why_mlp_alone(options: Any, *names: str) -> str | None:
    """Return why one of these options has no effect: the body is not `mlp`, which alone reads it.

    None if the body is `mlp`, or if all of these options have their defaults.
    """
    for name in names:
        if options.body != "mlp" and getattr(options, name) != getattr(type(options), name):
            return f"network.{name} is the mlp's: set network.body = mlp"
    return None
