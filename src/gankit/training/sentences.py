"""The text that a run of tokens says of itself: always from the same latents, as pictures are."""

from __future__ import annotations

from copy import copy

import numpy as np
import torch

from gankit.data import Dataset
from gankit.game import Game
from gankit.text import visible
from gankit.trained.drawing import draw_block
from gankit.training.callbacks import Callback
from gankit.training.session import Session, due

COUNT, SAID = 12, 3
"""How many sentences are kept each time, and how many of them are shown while training."""
TIMES = 8
"""Sentences are shown once in so many times that they are kept."""
WIDEST = 100
"""The most characters of a sentence that are shown while training."""


class Sentences(Callback):
    """Keeps sentences of the averaged generator every so many steps, and shows a few of them."""

    def __init__(self, game: Game, dataset: Dataset) -> None:
        self._latent = draw_block(game, 0, None, COUNT, game.config.training.seed)
        shown = np.linspace(0, len(dataset) - 1, min(COUNT, len(dataset))).astype(np.int64)
        self._real = [game.task.text(row) for row in dataset.read(shown).tolist()]

    def on_start(self, trainer: Session) -> None:
        trainer.run.write_real_texts(self._real)

    def before_step(self, trainer: Session) -> None:
        step, every = trainer.state.step, trainer.sample_every
        if due(step, every):
            self._keep(trainer, aloud=due(step, TIMES * every))

    def on_end(self, trainer: Session) -> None:
        self._keep(trainer, aloud=True)

    def _keep(self, trainer: Session, *, aloud: bool) -> None:
        averaged = copy(trainer.game)  # which may say more than its network alone
        averaged.generator = trainer.state.averages["generator"].network
        weight = next(averaged.generator.parameters())
        with torch.inference_mode():
            rows = averaged.generate(self._latent.to(weight.device, weight.dtype)).tolist()
        texts = [trainer.game.task.text(row) for row in rows]
        trainer.run.write_texts(trainer.state.step, texts)
        for text in texts[:SAID] if aloud else ():
            trainer.display.say(f"step {trainer.state.step:,}: {visible(text)[:WIDEST]}")
