"""CelebA as its authors publish it: a folder of faces, a list of attributes, a list of splits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.data.dataset import Dataset, array_fingerprint
from gankit.data.folder import read_index
from gankit.data.listing import index_folder
from gankit.data.read_options import ReadOptions
from gankit.errors import DataError
from gankit.text import reason

ATTRIBUTES, SPLITS = "list_attr_celeba.txt", "list_eval_partition.txt"
PICTURES = "img_align_celeba"
"""The folder of the faces beside the lists; without it they lie in the same folder as these."""
TRAIN, TEST = 0, 2
"""The numbers of the splits; 1 is validation."""


def is_celeba(names: Collection[str]) -> bool:
    """Return whether a folder with files of these names holds CelebA's list of attributes."""
    return ATTRIBUTES in names


def read_celeba(name: str, folder: Path, options: ReadOptions) -> Dataset:
    """Read the faces of one split, each with the vector of its attributes, 1 or 0.

    Without a list of splits, `options.holdout` is held out as the test split.

    Raises DataError if a list is damaged, or if no face that it names is there.
    """
    names, attributes = _attributes(folder / ATTRIBUTES)
    inside = folder / PICTURES
    every = index_folder(inside if inside.is_dir() else folder, "train", tables=False)
    every = replace(every, labels=None, class_names=())
    files = [path.rpartition("/")[2] for path in every.paths]
    known = [place for place, file in enumerate(files) if file in attributes]
    if not known:
        raise DataError(f"data {name!r}: {ATTRIBUTES} names none of the pictures that are there")
    whole = part = every.keep(known)
    if (folder / SPLITS).is_file():
        split = _splits(folder / SPLITS)
        train, test = (
            every.keep([place for place in known if split.get(files[place]) == number])
            for number in (TRAIN, TEST)
        )
        if not (len(train) and len(test)):
            raise DataError(f"data {name!r}: {SPLITS} leaves no picture to train or to test on")
        whole = replace(train, has_test=True)
        part = whole if options.split == "train" else test
    dataset = read_index(name, whole, part, options)
    rows = np.stack([attributes[path.rpartition("/")[2]] for path in dataset.files])
    dataset.labels = rows.astype(np.float32)
    dataset.fingerprint += array_fingerprint(rows)
    dataset.notes += (f"a vector of {len(names)} attributes: {', '.join(names)}",)
    return dataset


def _attributes(path: Path) -> tuple[list[str], dict[str, NDArray[np.int8]]]:
    """Return the names of the attributes, and by file 1 for each that it has and 0 for others."""
    lines = _lines(path)
    next(lines, None)  # the number of files
    names, found = next(lines, []), dict[str, NDArray[np.int8]]()
    for file, *values in lines:
        if len(values) != len(names) or not {*values} <= {"1", "-1"}:
            raise DataError(f"{str(path)!r} is damaged at {file[:40]!r}: get it again")
        found[file] = np.array([value == "1" for value in values], np.int8)
    return names, found


def _splits(path: Path) -> dict[str, int]:
    found = {}
    for file, *values in _lines(path):
        if len(values) != 1 or values[0] not in ("0", "1", "2"):
            raise DataError(f"{str(path)!r} is damaged at {file[:40]!r}: get it again")
        found[file] = int(values[0])
    return found


def _lines(path: Path) -> Iterator[list[str]]:
    """Yield the words of each line that has some."""
    try:
        with path.open(encoding="utf-8") as file:
            yield from (words for line in file if (words := line.split()))
    except (OSError, ValueError) as error:
        raise DataError(f"{str(path)!r} cannot be read: {reason(error)}") from None
