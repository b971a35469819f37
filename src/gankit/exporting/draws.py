"""How a run's latents are drawn, written down so that another program draws the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from gankit.game import Game
from gankit.randomness import Purpose, rng
from gankit.trained.drawing import BLOCK

Kind = Literal["normal", "uniform", "uniform01", "uniform_unit", "category"]

PYTHON: dict[Kind, str] = {
    "normal": "rng.standard_normal(({count}, {size}), np.float32)",
    "uniform": "rng.random(({count}, {size}), np.float32) * 2 - 1",
    "uniform01": "rng.random(({count}, {size}), np.float32)",
    "uniform_unit": "(rng.random(({count}, {size}), np.float32) * 2 - 1) * np.float32(3**0.5)",
    "category": "np.eye({size}, dtype=np.float32)[rng.integers({size}, size={count})]",
}
"""The line of numpy that draws each kind, for a file of Python that needs no gankit."""


@dataclass(frozen=True)
class Draw:
    """The next `size` columns of a block of latents, and how they are drawn.

    A `category` is one of `size`, one-hot; the other kinds are the priors of `draw_noise`.
    """

    kind: Kind
    size: int

    def python(self, count: int) -> str:
        """Return the line of numpy that draws it for `count` samples from `rng`."""
        return PYTHON[self.kind].format(count=count, size=self.size)

    def drawn(self, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw it for `count` samples, float32 [count, size]."""
        if self.kind == "category":
            return np.eye(self.size, dtype=np.float32)[rng.integers(self.size, size=count)]
        if self.kind == "normal":
            return rng.standard_normal((count, self.size), np.float32)
        noise = rng.random((count, self.size), np.float32)
        if self.kind == "uniform01":
            return noise
        return (noise * 2 - 1) * np.float32(3**0.5 if self.kind == "uniform_unit" else 1)


def draws_of(game: Game) -> tuple[Draw, ...] | None:
    """Return the draws that make a block of a game's latents, in their order.

    None if the game draws in a way of its own. What is returned has been compared with the game's
    own draw, number by number.
    """
    latent = game.config.latent
    plan = [Draw(latent.prior, latent.size)]
    plan += [
        Draw("category", code.categories) if code.categories else Draw("uniform", 1)
        for code in game.codes
    ]
    if rest := game.latent_size - sum(draw.size for draw in plan):
        plan.append(Draw("uniform01", rest))
    return tuple(plan) if rest >= 0 and _same(plan, game) else None


def first_blocks(game: Game, seeds: int) -> NDArray[np.float32]:
    """Return the first block of latents of seeds 0, 1, ...: float32 [seeds, BLOCK, size]."""
    return np.stack([_block(game, seed) for seed in range(seeds)])


def _same(plan: list[Draw], game: Game) -> bool:
    random = rng(0, Purpose.SAMPLES)
    drawn = np.concatenate([draw.drawn(BLOCK, random) for draw in plan], 1)
    return bool(np.array_equal(drawn, _block(game, 0)))


def _block(game: Game, seed: int) -> NDArray[np.float32]:
    labels = None
    if game.conditional:
        vectors = torch.zeros(BLOCK, game.task.condition)
        labels = vectors if game.task.condition else torch.zeros(BLOCK).long()
    drawn: NDArray[np.float32] = game.latent(
        BLOCK, labels, rng(seed, Purpose.SAMPLES)
    ).noise.numpy()
    return drawn
