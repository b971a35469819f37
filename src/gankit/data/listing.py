"""Which pictures a folder holds, and which class each is of, without opening any."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gankit.data.images import SUFFIXES, Split
from gankit.data.walk import Everything, Finds, Pattern, Wanted, is_run, split_pattern, walk
from gankit.errors import DataError

KINDS = "PNG, JPEG, WebP, BMP, GIF or TIFF"
FETCH = "fetch what they stand for (`git annex get`, `dvc pull`), or mend the links"
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

    def keep(self, positions: Sequence[int]) -> Self:
        """The pictures at these positions alone, in this order, with the same classes."""
        return replace(
            self,
            paths=tuple(self.paths[position] for position in positions),
            sizes=tuple(self.sizes[position] for position in positions),
            labels=None if self.labels is None else self.labels[positions],
        )


def index_folder(folder: Path, split: Split) -> Index:
    """List every picture in the folder and below, and tell classes from the sub-folders.

    Two or more sub-folders with pictures are classes, whatever lies deeper belongs to them.
    A folder with both a `train` and a `test` sub-folder is read as the one asked for. Hidden
    files and folders and gankit's own run directories are passed over.

    Raises:
        DataError: there are no pictures, no such split, or the folder cannot be listed.
    """
    root = _split_root(folder, split)
    if is_run(root, _names(root)):
        raise DataError(
            f"data folder {str(root)!r} is a run directory, not data: give a folder of images"
        )
    return _index(root, Everything(), f"data folder {str(root)!r}")


def index_pattern(pattern: str, split: Split) -> Index:
    """List the pictures that a glob pattern matches; sub-folders of its fixed part are classes.

    Raises:
        DataError: it matches no pictures, its fixed part is no folder, or a test split is asked
            for.
    """
    if split == "test":
        raise DataError(f"data pattern {pattern!r} has no test split: give a pattern for it")
    root, parts = split_pattern(pattern)
    if not parts or not os.path.isdir(root):  # noqa: PTH112 - never raises
        raise DataError(f"data pattern {pattern!r}: there is no folder {str(root)!r}")
    return _index(root, Pattern.of(parts), f"data pattern {pattern!r}")


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


def _names(folder: Path) -> Collection[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - the names alone
    except OSError:
        return ()  # the walk tells the user why


def _index(root: Path, wanted: Wanted, source: str) -> Index:
    try:
        finds = walk(str(root), wanted)
    except OSError as error:
        raise DataError(f"{source} cannot be listed: {error.strerror or error}") from None
    left_out = _left_out(finds)
    if not finds.pictures:
        held = f"only {' and '.join(left_out)}" if left_out else "it is empty"
        lost = any(Path(name).suffix.lower() in SUFFIXES for name in finds.dangling)
        needed = FETCH if lost else f"training needs {KINDS} files"
        raise DataError(f"{source} holds no images, {held}: {needed}")
    notes = [f"left out: {what}" for what in left_out]
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


def _left_out(finds: Finds) -> list[str]:
    """What is no picture to read, one piece of text for each reason."""
    told = []
    if others := finds.others.total():
        suffixes = name_some(sorted(finds.others))
        told.append(f"{others:,} other file{'s' * (others != 1)} ({suffixes})")
    for names, one, several in (
        (finds.runs, "run directory", "run directories"),
        (finds.dangling, "link that points nowhere", "links that point nowhere"),
        (finds.circular, "link that leads back", "links that lead back"),
        (finds.special, "pipe, socket or device", "pipes, sockets or devices"),
        (finds.closed, "name that cannot be looked at", "names that cannot be looked at"),
    ):
        if names:
            what = one if len(names) == 1 else several
            told.append(f"{len(names):,} {what} ({name_some(sorted(names))})")
    return told


def _classes(paths: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the classes, none if sub-folders tell no classes; and the loose pictures."""
    loose = tuple(path for path in paths if "/" not in path)
    names = sorted({path.split("/")[0] for path in paths if "/" in path})
    if len(names) < 2 or len(loose) > FEW * len(paths):
        return (), loose
    return tuple(names), loose
