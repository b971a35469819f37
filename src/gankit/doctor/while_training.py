"""The doctor during training and at its end: measure what it needs, and say each finding once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from gankit.choose_recipe import FEW
from gankit.data import Dataset
from gankit.doctor.case import Case
from gankit.doctor.diagnose import Drawn, look_at, why_not_drawn
from gankit.doctor.diagnosis import Verdict, write_diagnosis
from gankit.doctor.samples import Copies, examine_samples
from gankit.doctor.signs import look_for
from gankit.errors import GankitError, RunError
from gankit.game_types import Moves
from gankit.metrics.spread import compare_spread, spread
from gankit.own_networks import Networks
from gankit.run import Record, Run
from gankit.stabilisers.augment import mirrors
from gankit.trained.artifact import load
from gankit.training.callbacks import Callback
from gankit.training.preview import Preview
from gankit.training.session import Session, due

IMAGES = 64
"""The most images that are measured; points are measured all that the preview draws at a time."""
MOST_NUMBERS = 2**22
"""The most numbers in the real examples to compare with: 256 grey images of 128 x 128."""


class Watch(Callback):
    """Measures samples for the log, and lets the doctor read the log during training.

    It compares the preview's samples, if there is a preview, with real examples; if there are few
    images, it also watches whether samples are copies of them. The doctor looks
    at least five times in a run, and every so many logged lines. At every end it looks at finished
    samples too, unless a signal asks the run to stop, and writes RUN/doctor.json.
    """

    def __init__(
        self, preview: Preview | None, dataset: Dataset, networks: Networks | None = None
    ) -> None:
        """`networks`: (G, D) of a run of your own networks, as for `gankit.load`."""
        self._preview, self._dataset, self._networks = preview, dataset, networks
        self._said: set[str] = set()
        self._lines = 0  # that were logged since the doctor looked

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
        watched = dataset.is_images and len(dataset) < FEW
        self._copies = Copies(dataset, mirrors(trainer.config)) if watched else None

    def numbers(self, trainer: Session) -> dict[str, float]:
        """Return `samples/diversity` and so on: the samples' spread relative to real examples'."""
        self._lines += 1
        if self._preview is None:
            return {}
        samples = self._preview.sample(trainer.state, [self._latent])
        shares = compare_spread(spread(samples, self._labels, len(samples)), self._real)
        if self._copies is not None:
            shares["copied"] = self._copies.share(samples)
        return {f"samples/{name}": value for name, value in shares.items()}

    def after_step(self, trainer: Session, moves: Moves) -> None:
        often = self._lines >= trainer.config.output.doctor
        if due(trainer.state.step, trainer.doctor_every) or often:
            self._look(trainer)

    def on_end(self, trainer: Session) -> None:
        self._look(trainer)
        try:
            self._conclude(trainer, lambda case: self._samples(trainer, case))
        except GankitError as problem:
            trainer.display.say(f"no diagnosis: {problem}")

    def on_failure(self, trainer: Session) -> None:
        self._conclude(trainer, lambda _: (None, "an error ended training"))

    def _look(self, trainer: Session) -> None:
        self._lines = 0
        self._say(trainer, self.news(trainer.record, trainer.run))

    def news(self, record: Record, run: Run) -> list[Verdict]:
        """Return new signs in the log so far; none if it cannot be read."""
        try:
            return self._new(look_for(Case(record, run.metrics(), run.events())).signs)
        except RunError:
            return []

    def _new(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        new = [verdict for verdict in verdicts if verdict.sign not in self._said]
        self._said |= {verdict.sign for verdict in new}
        return new

    def _say(self, trainer: Session, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            trainer.display.say(f"step {trainer.state.step:,}: the doctor: {verdict.brief}")

    def _conclude(self, trainer: Session, draw: Callable[[Case], Drawn]) -> None:
        """Look at everything, say what is new and keep the diagnosis in the run."""
        diagnosis = look_at(trainer.run, trainer.record, draw)
        self._say(trainer, self._new(diagnosis.verdicts))
        write_diagnosis(trainer.run.folder, diagnosis)

    def _samples(self, trainer: Session, case: Case) -> Drawn:
        why = why_not_drawn(trainer.run, trainer.record, self._networks) or case.youth
        if why is not None:
            return None, why
        if trainer.signals is not None and trainer.signals.received is not None:
            return None, f"training was stopped by {trainer.signals.received.name}"
        try:
            gan = load(trainer.run.folder, networks=self._networks)
            return examine_samples(gan, self._dataset), ""
        except (GankitError, MemoryError, RuntimeError) as problem:  # the log can still be judged
            return None, f"no samples could be drawn: {problem}"
