"""The same run again: its settings as a TOML file and as a command, exactly."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from gankit.config import BUDGETS, Config, flatten
from gankit.recipes import configure
from gankit.run import Plan


def changes_from_default(config: Config) -> dict[str, Any]:
    """The settings that are not those of `gankit train FAMILY DATA`, by dotted key."""
    default = flatten(configure(config.family, config.data.source))
    return {
        key: value
        for key, value in flatten(config).items()
        if default[key] != value and not _unset_budget(key, value)
    }


def settings_toml(config: Config) -> str:
    """Every setting, for `gankit train FAMILY --config FILE`."""
    sections: dict[str, list[str]] = {}
    for key, value in flatten(config).items():
        section, _, name = key.rpartition(".")
        sections.setdefault(section, []).append(f"{name} = {_toml(value)}")
    return "\n\n".join(
        "\n".join([f"[{section}]", *lines] if section else lines)
        for section, lines in sections.items()
    )


def command(config: Config) -> str:
    """`gankit train FAMILY DATA --set ...`: what differs from the default settings."""
    words = ["gankit", "train", config.family, config.data.source]
    for key, value in changes_from_default(config).items():
        words += ["--set", f"{key}={typed(value)}"]
    return shlex.join(words)


def exactly(plan: Plan) -> Mapping[str, Any]:
    """What a plan decided, as settings: with them a run is the same to the bit."""
    return {"training.steps": plan.steps, "runtime.threads": plan.threads}


def typed(value: object) -> str:
    """A setting as it is typed on a command line."""
    if isinstance(value, (tuple, list)):
        return ",".join(map(typed, value))
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _unset_budget(key: str, value: object) -> bool:
    """A budget that is set unsets the others: it need not be said."""
    return value is None and key in {f"training.{name}" for name in BUDGETS}


def _toml(value: object) -> str:
    if value is None:
        return '"none"'  # TOML has no word for it; `override` knows this one
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
