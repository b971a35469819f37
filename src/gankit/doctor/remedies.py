"""Options that may mend a run, and whether the run admits them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from gankit.choose_recipe import configure
from gankit.doctor.case import Case
from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.settings.config import override
from gankit.settings.reference import FLAGS
from gankit.settings.schema import flatten
from gankit.training.update import why_not_simultaneous


def remedy(case: Case, *candidates: Mapping[str, Any]) -> str:
    """The first of some changes of settings that changes anything and that this run's family and
    data admit, as options; the empty text where none is."""
    for changes in candidates:
        if _admitted(case, changes):
            return " ".join(_option(key, value) for key, value in changes.items())
    return ""


FAR = 3.0
"""A learning rate this many times the recipe's, or less than its share, is suspected first."""


def usual_rates(case: Case, *players: str) -> dict[str, float]:
    """The recipe's learning rates of those players whose own are far from them, as settings."""
    usual, changes = configure(case.config.family, case.config.data.source), {}
    for player in players:
        own, recipe = (
            getattr(case.config, f"{player}_optimizer"),
            getattr(usual, f"{player}_optimizer"),
        )
        if own.name == recipe.name and not recipe.lr / FAR <= own.lr <= recipe.lr * FAR:
            changes[f"{player}_optimizer.lr"] = recipe.lr
    return changes


def _admitted(case: Case, changes: Mapping[str, Any]) -> bool:
    """Whether it changes something, and a game can be built so."""
    before = flatten(case.config)
    if all(before.get(key, changes[key]) == changes[key] for key in changes):
        return False
    try:
        changed = override(case.config, changes)
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            game = FAMILIES[changed.family](changed, case.record.task)
    except ConfigError:
        return False
    return changed.objective.update != "simultaneous" or why_not_simultaneous(game) is None


def _option(key: str, value: object) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return f"{FLAGS[key].flag} {text}" if key in FLAGS else f"--set {key}={text}"
