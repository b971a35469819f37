"""Find the data that a run was trained on, where it was then or where it is now."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from gankit.data import DATASETS, Dataset, at_shape, load_configured
from gankit.data.dataset import PYTHON
from gankit.data.walk import split_pattern
from gankit.errors import DataError
from gankit.run import Record, Run
from gankit.settings.config import DataConfig

ABOVE = 3
"""How many folders above a run are searched for its data, to name it in a message."""


@dataclass(frozen=True)
class Found:
    """A data set, and whether it is the one that a run was trained on.

    Attributes:
        dataset: the split that was asked for.
        settings: the settings by which it was read; another split is read in the same way.
        same: whether the run was trained on it; None if that is not known.
        record: what the run's run.json says, if it has one.
    """

    dataset: Dataset
    settings: DataConfig
    same: bool | None
    record: Record | None = None

    def test(self) -> Dataset:
        """The test split, read and numbered in the same way. Raises DataError if there is none."""
        dataset = _load(self.settings, "test", self.record)
        dataset.number_classes(self.dataset.class_names, self.dataset.condition)
        return dataset


def record_beside(path: Path) -> Record | None:
    """Return a run's record, given its directory or the artifact in it.

    None if there is no run.json beside the artifact. Raises RunError if the run is damaged.
    """
    # os.path, which never raises: a folder may be closed
    folder = path if os.path.isdir(path) else path.parent  # noqa: PTH112
    return Run(folder).record() if os.path.isfile(folder / "run.json") else None  # noqa: PTH113


def find_data(
    trained: DataConfig,
    shape: tuple[int, ...],
    source: str | Path | None,
    run: Path,
    record: Record | None,
    split: Literal["train", "test"] = "train",
) -> Found:
    """Read a run's data, or `source` at the run's shape if it is given.

    Args:
        trained: the settings by which the run read its data.
        shape: the shape of one example.
        source: where the data is now, or other data; None: where the run found it.
        run: the run's directory, or its artifact.
        record: the run's record, which tells the run's data from other data.
        split: the split to read.

    Raises:
        DataError: it cannot be read. For the run's own data the message says what to do.
    """
    if record is not None and trained.source.startswith(PYTHON):  # such settings name no range
        trained = replace(trained, values=record.task.pixels.values)
    settings = at_shape(trained, trained.source if source is None else source, shape)
    try:
        dataset = _load(settings, split, record)
    except DataError as error:
        again = trained.source in DATASETS or trained.source.startswith(PYTHON)
        if source is not None or again:
            raise
        raise DataError(f"{error}; {advice(trained.source, run)}", "data") from None
    same = None if record is None else record.data["fingerprint"] == dataset.fingerprint
    if record is not None:
        task = record.task
        if same or set(dataset.class_names) == set(task.class_names):
            dataset.number_classes(task.class_names, task.condition)
    return Found(dataset, settings, same, record)


def as_begun(data: DataConfig, record: Record) -> DataConfig:
    """What was asked for, with what the run decided as it began where nothing is asked for."""
    begun = record.config.data
    return replace(
        data,
        holdout=begun.holdout if data.holdout is None else data.holdout,
        values=begun.values if data.values is None else data.values,
    )


def load_begun(data: DataConfig, record: Record) -> Dataset:
    """Read data at the shape of a run that goes on with it. Raises DataError."""
    return _load(at_shape(data, data.source, record.task.shape), "train", record)


def _load(settings: DataConfig, split: Literal["train", "test"], record: Record | None) -> Dataset:
    """Read data as a run has it. What the run has not read is left alone: labels, and splits.

    In earlier versions of gankit a table's column of splits was not read. A run that began so, on
    all pictures, goes on with all of them.
    """
    tables = record is None or bool(record.task.class_names)
    read = partial(load_configured, settings, begun=True, tables=tables)
    dataset = read(split)
    if record is None or not dataset.splits_by:
        return dataset
    train = dataset if split == "train" else read("train")
    began = record.data["fingerprint"]
    if train.fingerprint == began or read("train", splits=False).fingerprint != began:
        return dataset
    whole = read(split, splits=False)
    note = f"the splits in {dataset.splits_by} are not read: the run started without them"
    whole.notes = (*whole.notes, note)
    return whole


def advice(source: str, run: Path) -> str:
    """Say what to do if a run's data is not where it was, as the end of a sentence."""
    if os.path.isabs(os.path.expandvars(os.path.expanduser(source))):  # noqa: PTH111, PTH117
        return "if it was moved, give data, the path where it is now"
    found = _beside(source, run)
    if found is not None:
        return f"the path is relative to where the run was trained: give data {shlex.quote(found)}"
    here = shlex.quote(str(Path.cwd()))
    return (
        f"the path is relative to where the run was trained, and this is {here}: give data, "
        "the path where it is now"
    )


def _beside(source: str, run: Path) -> str | None:
    """Return where a relative path leads from a folder above the run; None if nowhere."""
    parents = (run if run.is_dir() else run.parent).resolve().parents
    if len(parents) > 1 and parents[0].name == "runs":  # as `gankit train` puts it by itself
        above = [parents[1]]
    else:
        above = [] if Path(source).name in ("", "..") else [*parents[:ABOVE]]
    for folder in above:
        place = folder / source
        fixed = split_pattern(str(place))[0]
        if folder != Path.cwd() and (place.exists() or (fixed != place and fixed.is_dir())):
            return os.path.normpath(place)
    return None


def note_other(found: Found, trained: DataConfig, run: Path, record: Record | None) -> str | None:
    """Return one line if it is known that the run was trained on other data, else None."""
    if found.same is not False or record is None:
        return None
    before, now = record.data["count"], len(found.dataset)
    if found.settings.source != trained.source:
        return (
            f"the data {found.settings.source!r} is not what the run was trained on: {before:,}"
            f" examples then, {now:,} other ones here"
        )
    line = (
        f"the training data is not what the run was trained on: {before:,} examples then,"
        f" {now:,} now"
    )
    return line if trained.source in DATASETS else f"{line}; {advice(trained.source, run)}"
