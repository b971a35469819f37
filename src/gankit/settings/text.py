"""Settings as text: TOML and `key=value`, both read and written."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gankit.errors import ConfigError
from gankit.settings.config import Config
from gankit.settings.schema import flatten
from gankit.stored import StoredError, read_text
from gankit.text import reason, shown


def parse_assignments(pairs: list[str]) -> dict[str, str]:
    """Return what is typed after `--set` by key: `["objective.k=2"]` -> `{"objective.k": "2"}`.

    Raises ConfigError if a `=` is missing.
    """
    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(f"{pair!r} is not of the form section.key=value", "pairs")
    return dict(pair.split("=", 1) for pair in pairs)


def parse_numbers(text: str, name: str) -> list[int]:
    """Return the whole numbers in a text: `0,1,2` -> [0, 1, 2].

    Raises ConfigError, about the argument `name`, for anything else.
    """
    parts = text.split(",")
    if not all(map(WHOLE.fullmatch, parts)):
        raise ConfigError(f"{name} must be whole numbers joined by commas, got {shown(text)}", name)
    return list(map(int, parts))


WHOLE = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")
"""A whole number as it is typed; `int` would read 1_0, and the digits of other scripts."""


MOST_SEEDS = 1000
"""Most seeds in one text."""
SEEDS = re.compile(r"\s*([0-9]{1,18})\s*(?:-\s*([0-9]{1,18})\s*)?")
"""A seed, or two joined by a hyphen."""


def parse_seeds(text: str, name: str = "seeds") -> list[int]:
    """Return the seeds in a text, in its order: `0,1,2` and `0-2` -> [0, 1, 2].

    Raises ConfigError, about the argument `name`, for anything else, for a seed that is named
    twice, and for more than MOST_SEEDS.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = SEEDS.fullmatch(part)
        first, last = (int(n) for n in (found[1], found[2] or found[1])) if found else (1, 0)
        if last < first:
            raise ConfigError(
                f"{name} must be whole numbers joined by commas, or a range such as 0-4, got "
                f"{shown(text)}",
                name,
            )
        if len(seeds) + last - first >= MOST_SEEDS:
            raise ConfigError(f"{name} are {MOST_SEEDS:,} at most, got {shown(text)}", name)
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"{name} must be all different, got {shown(text)}", name)
    return seeds


def seeds_text(seeds: Iterable[int]) -> str:
    """Return seeds as `parse_seeds` reads them, in ascending order: [0, 1, 2, 7] -> `0-2,7`."""
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ",".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the settings in a TOML file by dotted key, ready for `override`.

    Raises ConfigError if the file cannot be read or is not TOML.
    """
    try:
        text = read_text(path, LONGEST_TOML)
    except StoredError as error:
        raise ConfigError(f"config file '{path}' cannot be read: {error}") from None
    flat: dict[str, Any] = {}

    def walk(node: Mapping[str, Any], prefix: str) -> None:
        for key, value in node.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{key}.")
            else:
                flat[prefix + key] = value

    try:
        walk(tomllib.loads(text), "")
    except RecursionError:
        raise ConfigError(f"config file '{path}' is not TOML: nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"config file '{path}' is not TOML: {reason(error)}") from None
    except ValueError:  # Python reads no whole number of more than some thousand digits
        raise ConfigError(f"config file '{path}' holds a whole number of too many digits") from None
    return flat


LONGEST_TOML = 2**16
"""Most bytes of a TOML file; every setting there is, with comments, takes a tenth of them."""


def settings_toml(config: Config) -> str:
    """Return every setting as TOML, for `gankit train FAMILY --config FILE`."""
    sections: dict[str, list[str]] = {}
    for key, value in flatten(config).items():
        section, _, name = key.rpartition(".")
        sections.setdefault(section, []).append(f"{name} = {_toml(value)}")
    return "\n\n".join(
        "\n".join([f"[{section}]", *lines] if section else lines)
        for section, lines in sections.items()
    )


def typed(value: object) -> str:
    """Return the value of a setting as it is typed on a command line."""
    if isinstance(value, (tuple, list)):
        return ",".join(map(typed, value))
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _toml(value: object) -> str:
    if value is None:
        return '"none"'  # TOML has no word for None; `override` reads this one
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
