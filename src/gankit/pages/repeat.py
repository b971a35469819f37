"""Repeat a run exactly: what differs from the default settings, and the command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from gankit.choose_recipe import configure
from gankit.run import Origin, Plan
from gankit.settings.config import BUDGETS, Config
from gankit.settings.schema import flatten
from gankit.settings.text import typed


def changes_from_default(config: Config) -> dict[str, Any]:
    """Return the settings that differ from those of `gankit train FAMILY DATA`, by dotted key."""
    default = flatten(configure(config.family, config.data.source))
    return {
        key: value
        for key, value in flatten(config).items()
        if default[key] != value and not _unset_budget(key, value)
    }


def command(config: Config, init_from: Origin | None = None) -> str:
    """Return the command `gankit train FAMILY DATA --set ...` that repeats a run.

    It names the settings that differ from the default, and the trained run whose weights the run
    began with.
    """
    words = ["gankit", "train", config.family, config.data.source]
    if init_from is not None:
        words += ["--init-from", init_from.path]
    for key, value in changes_from_default(config).items():
        words += ["--set", f"{key}={typed(value)}"]
    return shlex.join(words)


def exactly(plan: Plan) -> Mapping[str, Any]:
    """Return a plan's decisions as settings, with which a run is the same to the bit."""
    return {"training.steps": plan.steps, "runtime.threads": plan.threads}


def _unset_budget(key: str, value: object) -> bool:
    """Return whether this is a budget that another one unsets, so that it need not be said."""
    return value is None and key in {f"training.{name}" for name in BUDGETS}
