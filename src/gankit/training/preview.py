"""The picture that a run draws of its samples: always of the same latents, to make a film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gankit.data import Dataset, as_pictures
from gankit.data.pixels import to_pixels
from gankit.game import Game
from gankit.game_types import Latent
from gankit.pictures import Pixels, grid, layout, scatter
from gankit.trained.drawing import BLOCK, draw_block
from gankit.training.callbacks import Callback
from gankit.training.session import Session, due
from gankit.training.state import State
from gankit.training.theory import can_show, draw_theory
from gankit.training.trackers import Tracker

POINTS = 2000


class Pictures(Callback):
    """Draws the averaged generator's samples of the same latents every so many steps.

    At the end it draws the last picture, and makes a film of all of them.
    """

    def __init__(self, preview: Preview, tracker: Tracker) -> None:
        self._preview, self._tracker = preview, tracker

    def on_start(self, trainer: Session) -> None:
        if self._preview.real is not None:
            trainer.run.write_real(self._preview.real)

    def before_step(self, trainer: Session) -> None:
        if due(trainer.state.step, trainer.sample_every):
            self._draw(trainer)

    def on_end(self, trainer: Session) -> None:
        self._draw(trainer)
        for left_out in trainer.run.write_timeline():
            trainer.incomplete = True
            trainer.display.say(f"left out of the film: {left_out}")

    def _draw(self, trainer: Session) -> None:
        picture = self._preview.draw(trainer.state)
        trainer.run.write_picture(trainer.state.step, picture)
        self._tracker.picture(trainer.state.step, picture)


class Preview:
    """Draws the averaged generator's samples, as images or as points.

    Images make a grid, in which 2 to 16 classes have columns of their own (`pictures.layout`).
    Points are drawn over the real ones, or with D and the best D if that is known
    (`gankit.training.theory`).

    `real` is a grid of real images in the same layout; None for points.
    """

    def __init__(self, game: Game, dataset: Dataset) -> None:
        classes = game.task.classes if game.conditional else 0
        self._columns, self._classes = layout(classes)
        count = self._columns * (10 if classes else 8) if game.task.is_images else POINTS
        labels = torch.arange(count) % classes if classes else None
        if game.conditional and game.task.condition:  # the conditions of the first real examples
            assert dataset.labels is not None
            labels = torch.from_numpy(dataset.labels[np.arange(count) % len(dataset)])
        self._alpha = game.task.pixels.alpha
        self.latents = [
            draw_block(
                game,
                block,
                None if labels is None else labels[start : start + BLOCK],
                min(BLOCK, count - start),
                game.config.training.seed,
            )
            for block, start in enumerate(range(0, count, BLOCK))
        ]
        self.real = None
        if game.task.is_images:
            self.real = self._grid(self._real_images(dataset, labels, count))
        shown = np.arange(min(POINTS, len(dataset)))
        self.reference = None if game.task.is_images else dataset.read(shown)
        self.theory = dataset if can_show(game, dataset) else None

    @staticmethod
    def _real_images(dataset: Dataset, labels: torch.Tensor | None, count: int) -> Pixels:
        """Return `count` real images, uint8 [N, H, W] or [N, H, W, C].

        They are spread over the data set if `labels` is None. Else each has the class at its place,
        and is black if there is none of that class; or it is the one whose vector stands there.
        """
        if labels is None:
            chosen = np.linspace(0, len(dataset) - 1, count).round().astype(np.int64)
        elif labels.is_floating_point():
            chosen = np.arange(count) % len(dataset)
        else:
            assert dataset.labels is not None
            classes = labels.numpy()
            of_class = [np.flatnonzero(dataset.labels == c) for c in range(classes.max() + 1)]
            turns = np.arange(count) // len(of_class)
            pairs = zip(classes, turns, strict=True)
            chosen = np.array([i[t % len(i)] if len(i := of_class[c]) else -1 for c, t in pairs])
        images = dataset.read(np.maximum(chosen, 0)).copy()
        images[chosen < 0] = 0
        return np.ascontiguousarray(as_pictures(images))

    def draw(self, state: State) -> Pixels:
        """Return the picture, uint8 [H, W] or [H, W, 3]."""
        if self.theory is not None:
            return draw_theory(state, self.theory)
        samples = self.sample(state, self.latents)
        if self.reference is not None:
            return scatter(samples, self.reference)  # type: ignore[arg-type]
        return self._grid(samples)

    def _grid(self, images: Pixels) -> Pixels:
        return grid(images, self._columns, self._alpha, self._classes)

    def sample(self, state: State, latents: Sequence[Latent]) -> NDArray[Any]:
        """Return the averaged generator's samples: pixels or points, as `to_pixels` makes them."""
        network = state.averages["generator"].network
        weight = next(network.parameters())
        with torch.inference_mode():
            parts = [
                network(latent.noise, latent.labels)
                for latent in (part.to(weight.device, weight.dtype) for part in latents)
            ]
        return to_pixels(torch.cat(parts), state.game.value_range)
