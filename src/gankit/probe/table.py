"""The results of a probe, as a table for a person, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gankit.errors import RunError
from gankit.metrics.intervals import interval_of_mean
from gankit.storage import write_atomically


@dataclass(frozen=True)
class Row:
    """One line of the table: the share of test images that one classifier names rightly.

    `accuracy` is the mean of `draws`; `interval` is its 95 % interval by `interval_of_mean`, None
    for one draw. `strength` is the C that was chosen, None if nothing is fitted; `unfinished` is
    the number of fits that the limit of iterations stopped.
    """

    features: str
    dims: int
    classifier: str
    labels_per_class: int
    accuracy: float
    interval: tuple[float, float] | None
    draws: tuple[float, ...]
    strength: float | None = None
    unfinished: int = 0


@dataclass(frozen=True)
class Probe:
    """The table of a probe, and everything that it depends on."""

    run: str
    family: str
    step: int
    convolutions: int
    data: str
    data_hash: str
    test: str
    test_hash: str
    n_train: int
    n_test: int
    shape: tuple[int, ...]
    classes: int
    seed: int
    rows: tuple[Row, ...]
    versions: dict[str, str]
    seconds: float

    def to_json(self) -> str:
        """Return all of it as JSON."""
        return json.dumps(asdict(self), indent=2)

    def to_csv(self) -> str:
        """Return the rows as CSV, each line with everything that it depends on."""
        same = {
            key: value
            for key, value in asdict(self).items()
            if key not in ("rows", "versions", "shape", "seconds")
        }
        buffer = io.StringIO()
        lines = [_flat(row) | same | self.versions for row in self.rows]
        writer = csv.DictWriter(buffer, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
        return buffer.getvalue()

    def table(self) -> str:
        """Return the table as text for a person."""
        shape = "x".join(map(str, self.shape))
        lines = [
            f"{self.family} after {self.step:,} steps: {self.convolutions} convolutions of D, "
            f"images of {shape}",
            f"{self.data} ({self.n_train:,} training images used, {self.data_hash}); tested on "
            f"{self.n_test:,} of {self.test} ({self.test_hash}); seed {self.seed}",
            "",
            f"{'features':<28}{'dims':>7}  {'classifier':<10}{'labels/class':>13}{'right':>9}"
            f"{'95 % of the mean':>18}{'C':>7}",
        ]
        for row in self.rows:
            low_high = "" if row.interval is None else "{:.2%} to {:.2%}".format(*row.interval)
            strength = "" if row.strength is None else f"{row.strength:g}"
            lines.append(
                f"{row.features:<28}{row.dims:>7,}  {row.classifier:<10}{row.labels_per_class:>13,}"
                f"{row.accuracy:>9.2%}{low_high:>18}{strength:>7}"
            )
        unfinished = sum(row.unfinished for row in self.rows)
        if unfinished:
            lines.append(f"{unfinished} fits were stopped before they had converged")
        return "\n".join(lines)

    def write(self, target: Path) -> None:
        """Write the table as CSV. Raises RunError if it cannot be written."""
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, self.to_csv().encode())
        except OSError as error:
            raise RunError(f"'{target}' cannot be written: {error.strerror}") from None


def row_of(
    what: tuple[str, int, str, int],
    draws: Sequence[float],
    strength: float | None = None,
    unfinished: int = 0,
) -> Row:
    """Return a row of (features, dims, classifier, labels per class) and each draw's accuracy."""
    mean = float(np.mean(draws))
    interval = interval_of_mean(draws, within=(0, 1)) if len(draws) > 1 else None
    return Row(*what, mean, interval, tuple(draws), strength, unfinished)


def _flat(row: Row) -> dict[str, Any]:
    """Return a row as plain columns, with accuracies to four decimals."""
    low, high = (None, None) if row.interval is None else row.interval
    return {
        "features": row.features,
        "dims": row.dims,
        "classifier": row.classifier,
        "labels_per_class": row.labels_per_class,
        "accuracy": round(row.accuracy, 4),
        "low": None if low is None else round(low, 4),
        "high": None if high is None else round(high, 4),
        "draws": len(row.draws),
        "strength": row.strength,
        "unfinished": row.unfinished,
    }
