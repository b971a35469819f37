"""Repeat a run exactly: what differs from the default settings, and the command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from gankit.choose_recipe import recipe_for, with_data
from gankit.game_types import Task
from gankit.run import Origin, Plan
from gankit.settings.config import BUDGETS, Config
from gankit.settings.schema import flatten
from gankit.settings.text import typed


def default(config: Config, task: Task | None = None) -> dict[str, Any]:
    """Return the settings of `gankit train FAMILY DATA`, by dotted key, for data of this task.

    The data is not read: it may be gone. `task` None: it is known by its name alone.
    """
    source = config.data.source
    return flatten(with_data(recipe_for(config.family, source, task), source))


def changes_from_default(config: Config, task: Task | None = None) -> dict[str, Any]:
    """Return the settings that differ from those of `gankit train FAMILY DATA`, by dotted key."""
    usual = default(config, task)
    return {
        key: value
        for key, value in flatten(config).items()
        if usual[key] != value and not _unset_budget(key, value)
    }


def command(config: Config, task: Task | None = None, init_from: Origin | None = None) -> str:
    """Return the command `gankit train FAMILY DATA --set ...` that repeats a run.

    It names the settings that differ from the default for data of this task, and the trained run
    whose weights the run began with.
    """
    words = ["gankit", "train", config.family, config.data.source]
    if init_from is not None:
        words += ["--init-from", init_from.path]
    for key, value in changes_from_default(config, task).items():
        words += ["--set", f"{key}={typed(value)}"]
    return shlex.join(words)


def exactly(plan: Plan) -> Mapping[str, Any]:
    """Return a plan's decisions as settings, with which a run is the same to the bit."""
    return {"training.steps": plan.steps, "runtime.threads": plan.threads}


def _unset_budget(key: str, value: object) -> bool:
    """Return whether this is a budget that another one unsets, so that it need not be said."""
    return value is None and key in {f"training.{name}" for name in BUDGETS}
