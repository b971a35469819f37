"""The doctor beside a training run: what it must know is measured, what it finds is said once."""

from __future__ import annotations

import numpy as np

from gankit.data import Dataset
from gankit.doctor import family_signs, log_signs  # noqa: F401 - they register the signs
from gankit.doctor.case import Case
from gankit.doctor.diagnosis import Verdict
from gankit.doctor.signs import look_for
from gankit.errors import RunError
from gankit.metrics.spread import compare_spread, spread
from gankit.run import Record, Run
from gankit.training.preview import Preview
from gankit.training.state import State

IMAGES = 64
"""Samples that are measured; of points all that the preview draws at a time."""
MOST_NUMBERS = 2**22
"""In the real examples that samples are compared with: 256 images of 128 x 128 grey."""


class Watch:
    """Compares the preview's samples with real examples, and reads the log as the doctor does.

    Nothing here draws a random number or changes the state: a run is the same with and without.
    """

    def __init__(self, preview: Preview, dataset: Dataset) -> None:
        self.preview = preview
        latent = preview.latents[0]
        self.latent = latent[:IMAGES] if dataset.is_images else latent
        group = len(self.latent.noise)
        most = max(group, min(512, MOST_NUMBERS // int(np.prod(dataset.shape))))
        # Evenly over the set: folders are ordered by class.
        shown = np.linspace(0, len(dataset) - 1, min(len(dataset), most)).astype(np.int64)
        asked = self.latent.labels
        by_class = asked is not None and not asked.is_floating_point()
        self.labels = asked.numpy() if by_class and asked is not None else None
        labels = dataset.labels[shown] if by_class and dataset.labels is not None else None
        self.real = spread(dataset.read(shown), labels, group)
        self.said: set[str] = set()

    def numbers(self, state: State) -> dict[str, float]:
        """`samples/diversity` and so on: the samples' spread as shares of the real examples'."""
        samples = self.preview.sample(state, [self.latent])
        shares = compare_spread(spread(samples, self.labels, len(samples)), self.real)
        return {f"samples/{name}": value for name, value in shares.items()}

    def news(self, record: Record, run: Run) -> list[Verdict]:
        """What the log so far shows and was not said before; nothing if it cannot be read."""
        try:
            found = look_for(Case(record, run.metrics(), run.events())).verdicts
        except RunError:
            return []
        new = [verdict for verdict in found if verdict.sign not in self.said]
        self.said |= {verdict.sign for verdict in new}
        return new
