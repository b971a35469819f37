"""Which pictures a folder holds, and which class each is of, without opening any."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.data.images import SUFFIXES, Split
from gankit.errors import DataError

KINDS = "PNG, JPEG, WebP, BMP, GIF or TIFF"
FEW = 0.05
"""The share of loose pictures beside class sub-folders that is taken for an oversight."""


@dataclass(frozen=True)
class Index:
    """The pictures under `root`, in the order of their paths.

    Attributes:
        root: what the paths are relative to.
        paths: with `/` between the parts, sorted.
        sizes: the bytes of each file.
        labels: int64 [N], or None where sub-folders do not tell classes.
        class_names: the sub-folders, sorted; empty where there are no labels.
        notes: what was left out, and why.
    """

    root: Path
    paths: tuple[str, ...]
    sizes: tuple[int, ...]
    labels: NDArray[np.int64] | None
    class_names: tuple[str, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)


@dataclass
class _Finds:
    """What a walk comes by."""

    pictures: dict[str, int] = field(default_factory=dict)  # relative path -> bytes
    others: Counter[str] = field(default_factory=Counter)  # suffix -> files
    closed: list[str] = field(default_factory=list)  # folders that may not be listed

    def add(self, relative: str, size: int) -> None:
        suffix = os.path.splitext(relative)[1].lower()  # noqa: PTH122 - called for each file
        if suffix in SUFFIXES:
            self.pictures[relative] = size
        else:
            self.others[suffix or "no suffix"] += 1


def index_folder(folder: Path, split: Split) -> Index:
    """Every picture in the folder and below; hidden files and folders are passed over.

    Two or more sub-folders with pictures are classes, whatever lies deeper belongs to them.
    A folder with both a `train` and a `test` sub-folder is read as the one asked for.

    Raises:
        DataError: there are no pictures, no such split, or the folder cannot be listed.
    """
    root = _split_root(folder, split)
    finds = _Finds()
    try:
        _walk(str(root), "", finds, set())
    except OSError as error:
        raise DataError(f"data folder {str(root)!r} cannot be listed: {error}") from None
    return _index(root, finds, f"data folder {str(root)!r}")


def index_pattern(pattern: str, split: Split) -> Index:
    """The pictures that a glob pattern matches; sub-folders of its fixed part are classes.

    Raises:
        DataError: it matches no pictures, or a test split is asked for.
    """
    if split == "test":
        raise DataError(f"data pattern {pattern!r} has no test split: give a pattern for it")
    root = Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
    finds = _Finds()
    # Not Path.glob: this one reads a pattern as the shell does, hidden files aside.
    for match in map(Path, glob.glob(pattern, recursive=True)):  # noqa: PTH207
        if match.is_file():
            finds.add(match.relative_to(root).as_posix(), match.stat().st_size)
    return _index(root, finds, f"data pattern {pattern!r}")


def name_some(names: Iterable[str], most: int = 5) -> str:
    """The first names on one line, and how many more there are."""
    # A file name may hold line breaks, and bytes that no terminal can print.
    shown = ["".join(c if c.isprintable() else "?" for c in name) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _split_root(folder: Path, split: Split) -> Path:
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        return folder / split
    if split == "test":
        raise DataError(
            f"data folder {str(folder)!r} has no test split: put the pictures into"
            " sub-folders 'train' and 'test'"
        )
    return folder


def _walk(folder: str, prefix: str, finds: _Finds, seen: set[tuple[int, int]]) -> None:
    """Add what lies in the folder and below; `seen` ends loops of links."""
    status = os.stat(folder)  # noqa: PTH116 - paths are built once for each of many files
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except PermissionError:
        if not prefix:
            raise
        finds.closed.append(prefix)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            _walk(entry.path, f"{prefix}{entry.name}/", finds, seen)
        elif entry.is_file():
            finds.add(prefix + entry.name, entry.stat().st_size)


def _index(root: Path, finds: _Finds, source: str) -> Index:
    others = finds.others.total()
    left_out = f"{others} other file{'s' * (others != 1)} ({name_some(sorted(finds.others))})"
    if not finds.pictures:
        held = f"only {left_out}" if others else "it is empty"
        raise DataError(f"{source} holds no images, {held}: training needs {KINDS} files")
    notes = []
    if others:
        notes.append(f"left out: {left_out}")
    if finds.closed:
        notes.append(f"left out, may not be listed: {name_some(finds.closed)}")
    paths = tuple(sorted(finds.pictures))
    classes, loose = _classes(paths)
    if classes and loose:
        notes.append(f"left out, in no class sub-folder: {name_some(loose)}")
        paths = tuple(path for path in paths if "/" in path)
    elif len(loose) < len(paths) and not classes:
        notes.append("sub-folders are read as one set without labels")
    labels = None
    if classes:
        number = {name: label for label, name in enumerate(classes)}
        labels = np.array([number[path.split("/")[0]] for path in paths], np.int64)
    sizes = tuple(finds.pictures[path] for path in paths)
    return Index(root, paths, sizes, labels, classes, tuple(notes))


def _classes(paths: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the classes, none if sub-folders tell no classes; and the loose pictures."""
    loose = tuple(path for path in paths if "/" not in path)
    names = sorted({path.split("/")[0] for path in paths if "/" in path})
    if len(names) < 2 or len(loose) > FEW * len(paths):
        return (), loose
    return tuple(names), loose
