"""The doctor during training: measure what it needs to know, and say each finding once."""

from __future__ import annotations

import numpy as np

from gankit.data import Dataset
from gankit.doctor import log_signs  # noqa: F401 - it registers the signs
from gankit.doctor.case import Case
from gankit.doctor.diagnosis import Verdict
from gankit.doctor.signs import look_for
from gankit.errors import RunError
from gankit.game_types import Moves
from gankit.metrics.spread import compare_spread, spread
from gankit.run import Record, Run
from gankit.training.callbacks import Callback
from gankit.training.preview import Preview
from gankit.training.session import Session, due

IMAGES = 64
"""The most images that are measured; points are measured all that the preview draws at a time."""
MOST_NUMBERS = 2**22
"""The most numbers in the real examples to compare with: 256 grey images of 128 x 128."""


class Watch(Callback):
    """Measures samples for the log, and lets the doctor read the log during training.

    It compares the preview's samples, if there is a preview, with real examples. The doctor looks
    at least five times in a run, and at its end.
    """

    def __init__(self, preview: Preview | None, dataset: Dataset) -> None:
        self._preview, self._dataset = preview, dataset
        self._said: set[str] = set()

    def on_start(self, trainer: Session) -> None:
        if self._preview is None:
            return
        latent, dataset = self._preview.latents[0], self._dataset
        self._latent = latent[:IMAGES] if dataset.is_images else latent
        group = len(self._latent.noise)
        most = max(group, min(512, MOST_NUMBERS // int(np.prod(dataset.shape))))
        # Spread evenly over the data set, because folders are ordered by class.
        shown = np.linspace(0, len(dataset) - 1, min(len(dataset), most)).astype(np.int64)
        asked = self._latent.labels
        by_class = asked is not None and not asked.is_floating_point()
        self._labels = asked.numpy() if by_class and asked is not None else None
        labels = dataset.labels[shown] if by_class and dataset.labels is not None else None
        self._real = spread(dataset.read(shown), labels, group)

    def numbers(self, trainer: Session) -> dict[str, float]:
        """Return `samples/diversity` and so on: the samples' spread relative to real examples'."""
        if self._preview is None:
            return {}
        samples = self._preview.sample(trainer.state, [self._latent])
        shares = compare_spread(spread(samples, self._labels, len(samples)), self._real)
        return {f"samples/{name}": value for name, value in shares.items()}

    def after_step(self, trainer: Session, moves: Moves) -> None:
        if due(trainer.state.step, trainer.doctor_every):
            self._look(trainer)

    def on_end(self, trainer: Session) -> None:
        self._look(trainer)

    def _look(self, trainer: Session) -> None:
        for verdict in self.news(trainer.record, trainer.run):
            trainer.display.say(f"step {trainer.state.step:,}: the doctor: {verdict.brief}")

    def news(self, record: Record, run: Run) -> list[Verdict]:
        """Return new verdicts on the log so far; none if it cannot be read."""
        try:
            found = look_for(Case(record, run.metrics(), run.events())).verdicts
        except RunError:
            return []
        new = [verdict for verdict in found if verdict.sign not in self._said]
        self._said |= {verdict.sign for verdict in new}
        return new
