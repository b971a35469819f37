"""`inspect`: look at a data set before it is trained on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gankit.arguments import typed_arguments
from gankit.data import (
    DATASETS,
    Dataset,
    check_shape,
    decided,
    load_configured,
    looks_like_path,
    source_name,
)
from gankit.data.load import locate
from gankit.data.walk import split_pattern
from gankit.errors import ConfigError, DataError
from gankit.inspection.findings import Inspection, Part, Repeat
from gankit.inspection.page import write_page
from gankit.inspection.repeats import exact_groups, near_pairs
from gankit.inspection.scan import Scan, scan
from gankit.inspection.sheet import choose_rows
from gankit.run import real_path
from gankit.settings.config import Config, DataConfig
from gankit.text import as_file_name, from_home
from gankit.training.briefing import everything


@typed_arguments()
def inspect(
    data: object,
    test: object = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    most: int | None = None,
    seed: int = 0,
) -> Inspection:
    """Look at a data set before it is trained on, and tell what a person should know of it.

    That is: how many examples there are, their classes, sizes and values, which ones occur twice,
    exactly or nearly, and above all in both splits, and which files cannot be read.

    >>> import gankit
    >>> found = gankit.inspect("digits", most=500)
    >>> found.lines[0]
    'data digits: 10,000 grey images 28x28'
    >>> [(part.name, part.looked_at) for part in found.parts], found.exact
    ([('train', 500), ('test', 500)], ())

    Args:
        data: a name or a path, read as `gankit train` reads it; a Config, whose `data` settings say
            how to read it; or a Dataset, or anything that `gankit.Dataset.of` accepts.
        test: the test split of arrays or a Dataset, like `data`; None: there is none. A name, a
            path and a Config have their own.
        folder: write `inspect.html` and `sheet.png` there; None: write nothing.
        most: how many examples of each split are looked at. None: 100,000; or 20,000, if each is
            decoded as it is read.
        seed: draws these examples, and those of the sheet; 0 to 2^48 - 1.

    Returns:
        What was found. `print` it for a screenful; `to_json()` has all of it.

    Raises:
        DataError: the data cannot be read.
        ConfigError: `folder` lies inside the data, `most` or `seed` is out of range, or `test` is
            given with data that has its own.
        RunError: the page cannot be written.
    """
    if most is not None and most < 1:
        raise ConfigError(f"most must be 1 or more, got {most}", "most")
    if not 0 <= seed < 2**48:
        raise ConfigError(f"seed must be 0 or more and below 2^48, got {seed}", "seed")
    settings = _settings(data)
    if settings is not None and test is not None:
        raise ConfigError(f"the test split of {settings.source!r} is its own: leave test out")
    if folder is not None:
        folder = from_home(folder)
        own = data.source if isinstance(data, Dataset) else None
        check_outside(folder, own if settings is None else settings.source)
    dataset = Dataset.of(data) if settings is None else load_configured(settings)
    first = scan(dataset, "train", most, seed)
    part = _part(dataset, first)
    found = Inspection(
        name=dataset.name,
        kind=dataset.kind,
        shape=dataset.shape,
        lines=tuple(everything(dataset)),
        class_names=dataset.class_names,
        parts=(part,),
        sizes=first.sizes,
        numbers=first.numbers,
        seed=seed,
        sheet=choose_rows(dataset, seed),
        alpha=dataset.pixels.alpha,
    )
    if settings is not None:
        settings = decided(settings, dataset)
    del dataset  # of the two splits only one is held in memory
    found = _with_test(found, first, settings, test, most)
    if folder is not None:
        write_page(found, folder)
    return found


def default_folder(source: str) -> Path:
    """Return the folder of the page of a name or path: `inspect-NAME`, here or beside the data."""
    name = Path(f"inspect-{as_file_name(source_name(source)).replace(':', '-') or 'data'}")
    inside = _data_folder(source)
    if inside is None or not _lies_in(name, inside):
        return name
    return inside.resolve().parent / name


def check_outside(folder: Path, source: str | None) -> None:
    """Raise ConfigError if a page in this folder would become part of the data."""
    if source is not None and lies_in_data(folder, source):
        raise ConfigError(
            f"'{folder}' lies inside the data, which would then hold the sheet too: choose a "
            "folder elsewhere",
            "folder",
        )


def lies_in_data(path: Path, source: str) -> bool:
    """Return whether a path lies in the folder that data is read from. Raises DataError."""
    inside = _data_folder(source)
    return inside is not None and _lies_in(path, inside)


def _data_folder(source: str) -> Path | None:
    """Return the folder that a path or a pattern reads from; None for a name or a file."""
    if source in DATASETS or not looks_like_path(source):
        return None
    path = split_pattern(str(locate(source)))[0]
    return path if path.is_dir() else None


def _lies_in(folder: Path, data: Path) -> bool:
    return real_path(folder).is_relative_to(real_path(data))


def _settings(data: object) -> DataConfig | None:
    """Return how to read a name, a path or the data of a Config; None for anything else."""
    if isinstance(data, Config):
        return data.data
    return DataConfig(source=os.fspath(data)) if isinstance(data, (str, os.PathLike)) else None


def _part(dataset: Dataset, looked: Scan) -> Part:
    names, counts = dataset.class_names, dataset.class_counts
    return Part(looked.split, looked.count, looked.looked_at, names, counts)


def _with_test(
    found: Inspection, first: Scan, settings: DataConfig | None, test: object, most: int | None
) -> Inspection:
    """Return the findings with those of the test split, and what occurs twice in both together."""
    scans, parts, no_test = [first], list(found.parts), None
    try:
        if settings is None and test is None:
            raise DataError("none was given")
        other = Dataset.of(test) if settings is None else load_configured(settings, "test")
        check_shape(other, found.shape)
        scans.append(scan(other, "test", most, found.seed))
        parts.append(_part(other, scans[1]))
    except DataError as error:
        no_test = str(error)
    exact, near = _repeats(scans, found)
    return replace(
        found,
        parts=tuple(parts),
        no_test=no_test,
        exact=exact,
        near=near,
        broken={
            path if one is first else f"{path} (test)": why
            for one in scans
            for path, why in one.broken.items()
        },
    )


def _repeats(
    scans: Sequence[Scan], found: Inspection
) -> tuple[tuple[Repeat, ...], tuple[Repeat, ...]]:
    """Return the groups of equal examples and the pairs of nearly equal ones, of all splits.

    Those that stand in both splits come first, then those of different classes. Of equal examples
    only the first is compared with others.
    """
    examples = [example for one in scans for example in one.examples]
    groups = exact_groups([digest for one in scans for digest in one.digests])
    exact = [Repeat(tuple(examples[i] for i in group)) for group in groups]
    near: list[Repeat] = []
    if found.kind == "images":
        again = {i for group in groups for i in group[1:]}
        kept = np.array([i for i in range(len(examples)) if i not in again], np.int64)
        copies = np.concatenate([one.copies for one in scans])[kept]
        near = [
            Repeat((examples[kept[a]], examples[kept[b]]), likeness)
            for a, b, likeness in near_pairs(copies, found.seed)
        ]
    return tuple(sorted(exact, key=_weight)), tuple(sorted(near, key=_weight))


def _weight(repeat: Repeat) -> tuple[bool, bool]:
    return not repeat.across, not repeat.disagrees
