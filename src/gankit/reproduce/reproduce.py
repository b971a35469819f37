"""`gankit reproduce NAME`: train, measure, add a line to the table."""

from __future__ import annotations

import csv
import io
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from signal import Signals
from typing import Any

import torch

from gankit.choose_recipe import configure
from gankit.data import Dataset, load_dataset
from gankit.data.load import text_options
from gankit.data.toys import MIXTURES
from gankit.errors import ConfigError, DataError, RunError, TrainingError
from gankit.fitting import fit
from gankit.reproduce.papers import REPRODUCTIONS
from gankit.reproduce.protocol import NEEDS, Need, Trained
from gankit.settings.config import may_change, override
from gankit.storage import write_atomically
from gankit.text import from_home
from gankit.trained.artifact import load
from gankit.version import __version__


class StoppedError(TrainingError):
    """A run ended before it could be measured.

    Attributes:
        signal: the signal that stopped it; None if its clock did.
    """

    def __init__(self, message: str, signal: Signals | None) -> None:
        super().__init__(message)
        self.signal = signal


def reproduce(
    name: str,
    *,
    seed: int,
    runs: str | Path,
    results: str | Path,
    data: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Train, measure, append one line to `results`/NAME.csv, and return the line.

    Args:
        name: the name of the reproduction.
        seed: the seed of the run.
        runs: the folder of run directories; this one is NAME-SEED in it.
        results: the folder of tables.
        data: a source in place of the reproduction's own.
        changes: settings on top of the reproduction's own, such as a smaller budget. The line
            holds them, and the number of steps.

    Raises StoppedError if the run is stopped, GankitError for everything that a user can mend.
    """
    what = REPRODUCTIONS[name]
    for key, argument in (("training.seed", "seed"), ("data.source", "data")):
        if key in (changes or {}):
            raise ConfigError(
                f"{key} is the argument {argument} here: leave it out of the settings"
            )
    source = data or what.data
    config = override(
        configure(source=source, recipe=what.recipe),
        {**what.changes, **(changes or {}), "training.seed": seed},
    )
    options: dict[str, Any] = {
        name: getattr(config.data, name)
        for name in ("size", "channels", "fit", "crop", "transitions")
    }
    options["text"] = text_options(config.data)
    train, test = (load_dataset(source, split=split, **options) for split in ("train", "test"))
    _check(what.needs, source, train, test)
    outcome = fit(config, from_home(runs) / f"{name}-{seed}")
    if not outcome.finished:
        raise StoppedError(
            f"stopped at step {outcome.step:,} of {outcome.steps:,}, nothing measured: "
            "reproduced again, it goes on from there",
            outcome.signal,
        )
    trained = Trained(outcome.run, load(outcome.run.folder), train, test)
    line = {
        "seed": seed,
        "steps": outcome.step,
        "minutes": round(outcome.seconds / 60, 1),
        **{key: round(value, 5) for key, value in what.measure(trained).items()},
        "paper": what.paper,
        "recipe": what.recipe,
        "settings": _written(changes or {}),
        "data": _described(source, trained),
        "gankit": f"{__version__} {_commit()}".strip(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    _append(from_home(results) / f"{name}.csv", line)
    return line


def _check(needs: Need, source: str, *splits: Dataset) -> None:
    """Raise DataError if the measure does not apply to the data."""
    for data in splits:
        images = len(data.shape) == 3
        met = {
            "images": images,
            "labels": images and len(data.class_names) >= 2,
            "colour": images and data.shape[0] == 3,
            "modes": data.name in MIXTURES,
            "oracle": data.name == "oracle",
            "moves": data.world is not None,
        }
        if not met[needs]:
            raise DataError(
                f"data '{source}' cannot be measured here: this reproduction needs {NEEDS[needs]}"
            )


def _written(changes: Mapping[str, Any]) -> str:
    """Return `key=value; key=value` of those settings that change what is computed."""
    said = {key: value for key, value in changes.items() if not may_change(key)}
    return "; ".join(f"{key}={value}" for key, value in sorted(said.items()))


def _described(source: str, trained: Trained) -> str:
    """Return `digits (10000 + 2000 examples, 1a2b3c4d)`: the source's name without its path."""
    train, test = trained.train, trained.test
    return f"{Path(source).name} ({len(train)} + {len(test)} examples, {train.fingerprint[:8]})"


def _append(path: Path, line: Mapping[str, Any]) -> None:
    """Append a line to a CSV table, and add columns if it needs them.

    A line that the table has is not added: a run that was measured before is measured again.

    Raises RunError if the table cannot be written.
    """
    try:
        rows = list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []
        written = {key: str(value) for key, value in line.items()}
        if any(written.items() <= row.items() for row in rows):
            return
        columns = list(dict.fromkeys([*(rows[0] if rows else {}), *line]))
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*rows, line])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue().encode())
    except OSError as error:
        raise RunError(f"'{path}' cannot be written: {error.strerror}") from None


def _commit() -> str:
    """Return the commit of the sources; the empty text without a repository, or without git.

    It ends in `-dirty` if a source was changed since. A table that has got a line does not count.
    """
    package = str(Path(__file__).parents[1])
    commit = _git("-C", package, "describe", "--always")
    changed = _git("-C", package, "status", "--porcelain", "--untracked-files=no", ".")
    return f"{commit}-dirty" if commit and changed else commit


def _git(*arguments: str) -> str:
    """Return what git prints; the empty text if it fails or is not there."""
    try:
        found = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return found.stdout.strip()
