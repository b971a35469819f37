"""Options that may mend a run, checked against its family and data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from gankit.choose_recipe import configure
from gankit.doctor.case import Case
from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.settings.config import override
from gankit.settings.reference import flag_of
from gankit.settings.schema import flatten
from gankit.training.update import why_not_simultaneous


def remedy(case: Case, *candidates: Mapping[str, Any]) -> str:
    """Return the first suitable change of settings among `candidates`, as command-line options.

    It must change something, and this run's family and data must admit it. Returns the empty text
    if there is none.
    """
    for changes in candidates:
        if _admitted(case, changes):
            return " ".join(_option(case, key, value) for key, value in changes.items())
    return ""


FAR = 3.0
"""A learning rate more than this many times above or below the recipe's is suspected first."""


def usual_rates(case: Case, *players: str) -> dict[str, float]:
    """Return the recipe's learning rates of those `players` whose own rates are far from them."""
    usual, changes = configure(case.config.family, case.config.data.source), {}
    for player in players:
        own, recipe = (
            getattr(case.config, f"{player}_optimizer"),
            getattr(usual, f"{player}_optimizer"),
        )
        if own.name == recipe.name and not recipe.lr / FAR <= own.lr <= recipe.lr * FAR:
            changes[f"{player}_optimizer.lr"] = recipe.lr
    return changes


def calmer(case: Case) -> list[dict[str, Any]]:
    """Return changes that make a game calmer, the likeliest first."""
    config = case.config
    slower = {
        f"{p}_optimizer.lr": getattr(config, f"{p}_optimizer").lr / 3
        for p in ("discriminator", "generator")
    }
    held = {"objective.penalty": "r1", "objective.penalty_weight": 1.0}
    rates = usual_rates(case, "discriminator", "generator")
    return [
        rates,
        *([held] if config.objective.penalty == "none" else []),
        slower,
    ]


def _admitted(case: Case, changes: Mapping[str, Any]) -> bool:
    """Return whether `changes` change something, and a game can be built with them."""
    before = flatten(case.config)
    if case.record.networks and any(key.startswith("network.") for key in changes):
        return False  # the family's networks are not the ones that play
    if all(before.get(key, changes[key]) == changes[key] for key in changes):
        return False
    try:
        changed = override(case.config, changes)
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            game = FAMILIES[changed.family](changed, case.record.task)
    except ConfigError:
        return False
    return changed.objective.update != "simultaneous" or why_not_simultaneous(game) is None


def _option(case: Case, key: str, value: object) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    flag = flag_of(key, case.config.network)
    return f"--set {key}={text}" if flag is None else f"{flag} {text}"
