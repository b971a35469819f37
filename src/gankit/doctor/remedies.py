"""Options that may mend a run, checked against its family and data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from gankit.choose_recipe import AUGMENTED, FEW, recipe_for
from gankit.doctor.case import Case
from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.nn.uncompiled import shapes_alone
from gankit.recipes import RECIPES
from gankit.settings.config import Config, override
from gankit.settings.reference import flag_of
from gankit.settings.schema import flatten
from gankit.stabilisers.augment import mirrors
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


TINY = 16
"""A D that is so many times smaller than the recipe's is suspected before a penalty is tried."""


def usual(case: Case) -> Config:
    """Return the recipe that a run was most likely begun from, which it does not record.

    Of the family's recipes with the same optimisers, for points or for images, it is the one with
    the fewest other settings; the default one, if several are as near.
    """
    own, config = flatten(case.config), case.config

    def apart(recipe: Config) -> int:
        other = flatten(recipe)
        told = ("network.", "objective.", "latent.", "generator_", "discriminator_", "stabilise.")
        return sum(other.get(k) != own[k] for k in own if k.startswith(told))

    def kind(of: Config) -> tuple[object, ...]:
        return of.family, of.generator_optimizer.name, of.discriminator_optimizer.name

    points = not case.record.task.is_images
    default = recipe_for(config.family, config.data.source, case.record.task)
    recipes = [default, *(RECIPES[name]() for name in RECIPES.names())]
    alike = [
        recipe
        for recipe in recipes
        if kind(recipe) == kind(config) and recipe.data.source.startswith("toy:") == points
    ]
    return min(alike or [default], key=apart)


def augmented(case: Case) -> dict[str, str]:
    """Return the augmentation of few images, mirrored if the run's are."""
    flip = "+flip" if mirrors(case.config) else ""
    return {"stabilise.augment": f"{AUGMENTED}{flip}"}


def has_few(case: Case) -> bool:
    """Return whether a run's images are so few that D may learn them by heart."""
    return case.record.task.is_images and int(case.record.data["count"]) < FEW


def usual_rates(case: Case, *players: str) -> dict[str, float]:
    """Return the recipe's learning rates of those `players` whose own rates are far from them."""
    known, changes = usual(case), {}
    for player in players:
        own, recipe = (
            getattr(case.config, f"{player}_optimizer"),
            getattr(known, f"{player}_optimizer"),
        )
        if own.name == recipe.name and not recipe.lr / FAR <= own.lr <= recipe.lr * FAR:
            changes[f"{player}_optimizer.lr"] = recipe.lr
    return changes


def usual_size(case: Case, times: float = 4) -> dict[str, Any]:
    """Return the recipe's sizes of D's network, if they are more than so many times the run's."""
    known, changes = usual(case), {}
    for key in ("discriminator_width", "discriminator_hidden", "width"):
        own, recipe = getattr(case.config.network, key, None), getattr(known.network, key, None)
        if own is None or recipe is None or np.sum(own) >= np.sum(recipe) / times:
            continue
        text = ",".join(map(str, recipe)) if isinstance(recipe, tuple) else recipe
        changes[f"network.{key}"] = text
    return changes


def usual_game(case: Case) -> dict[str, Any]:
    """Return the recipe's loss, k and rates, as far as the run's own are likely to be the cause."""
    own, known = case.config.objective, usual(case).objective
    minimax = own.loss == "minimax" != known.loss
    return {
        **({"objective.loss": "non_saturating"} if minimax else {}),
        **({"objective.k": known.k} if own.k > known.k else {}),
        **usual_rates(case, "discriminator", "generator"),
    }


def calmer(case: Case) -> list[Mapping[str, Any]]:
    """Return changes that make a game calmer, the likeliest first."""
    config = case.config
    slower = {
        f"{p}_optimizer.lr": getattr(config, f"{p}_optimizer").lr / 3
        for p in ("discriminator", "generator")
    }
    held = {"objective.penalty": "r1", "objective.penalty_weight": 1.0}
    return [
        usual_game(case),
        usual_size(case, TINY),
        *([augmented(case)] if has_few(case) else []),
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
        with torch.random.fork_rng(devices=[]), shapes_alone():
            game = FAMILIES[changed.family](changed, case.record.task)
    except ConfigError:
        return False
    return changed.objective.update != "simultaneous" or why_not_simultaneous(game) is None


def _option(case: Case, key: str, value: object) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    flag = flag_of(key, case.config.network)
    return f"--set {key}={text}" if flag is None else f"{flag} {text}"
