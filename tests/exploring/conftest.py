"""Untrained generators of every family, which is all that most explorations need."""

from __future__ import annotations

from typing import Any

import pytest

from gankit.families import Task
from gankit.trained.gan import GAN
from gankit.training.state import build_game

MADE: dict[tuple[Any, ...], GAN] = {}
"""By what they were made for; no test changes one."""


@pytest.fixture
def gans(small):
    """gans("cgan", **{"latent.prior": "normal"}) -> an untrained GAN of small images."""

    def make(family: str, task: Task | None = None, **changes: Any) -> GAN:
        task = task or Task((1, 16, 16), ("a", "b", "c"))
        key = (family, task, *sorted(changes.items()))
        if key not in MADE:
            game = build_game(small(family, **changes), task)
            game.generator.eval().requires_grad_(False)
            MADE[key] = GAN(game, step=0)
        return MADE[key]

    return make
