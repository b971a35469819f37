"""Which pictures a folder holds, and which class each is of, without opening any."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gankit.data.images import Split
from gankit.data.layout import FEW, Splits, by_nature, find_splits, masks_of
from gankit.data.walk import (
    Everything,
    Finds,
    Pattern,
    Wanted,
    is_picture,
    is_run,
    split_pattern,
    walk,
)
from gankit.errors import DataError

KINDS = "PNG, JPEG, WebP, BMP, GIF or TIFF"
FETCH = "fetch what they stand for (`git annex get`, `dvc pull`), or mend the links"


@dataclass(frozen=True)
class Index:
    """The pictures under `root`, in the order of their paths.

    Attributes:
        root: what the paths are relative to.
        paths: with `/` between the parts, sorted.
        sizes: the bytes of each file.
        labels: int64 [N], or None where sub-folders do not tell classes.
        class_names: the sub-folders, in natural order; empty where there are no labels.
        notes: what was left out, and why.
        has_test: whether there is a test split beside the pictures.
    """

    root: Path
    paths: tuple[str, ...]
    sizes: tuple[int, ...]
    labels: NDArray[np.int64] | None
    class_names: tuple[str, ...]
    notes: tuple[str, ...]
    has_test: bool = False

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
    """List every picture in the folder and below, and tell splits and classes from the sub-folders.

    Sub-folders of the usual names of splits are read as the one asked for (`find_splits`). Two or
    more other ones with pictures are classes, whatever lies deeper belongs to them. What is hidden
    or put there by a file system, and gankit's own run directories, are passed over.

    Raises:
        DataError: there are no pictures, no such split, or the folder cannot be listed.
    """
    source = f"data folder {str(folder)!r}"
    if is_run(folder, _names(folder)):
        raise DataError(f"{source} is a run directory, not data: give a folder of images")
    finds = _walked(folder, Everything(), source)
    splits = find_splits(finds.pictures)
    if splits is None:
        if split == "test":
            raise DataError(
                f"{source} has no test split: put the pictures into sub-folders 'train' and 'test'"
            )
        return _index(folder, finds, source)
    part = splits.of(split)
    if part is None:
        raise DataError(
            f"{source} has no {split} split: it has {', '.join(splits.folders.values())}"
        )
    root = folder / part
    index = _index(root, _walked(root, Everything(), source), f"data folder {str(root)!r}")
    notes = (*_about_splits(splits, part), *index.notes)
    return replace(index, notes=notes, has_test=splits.of("test") not in (None, part))


def _about_splits(splits: Splits, part: str) -> list[str]:
    """Which folder is read, and what lies beside it."""
    others = [name for name in splits.folders.values() if name not in (part, splits.of("test"))]
    notes = []
    if part == splits.only:
        notes.append(f"'{part}' is the only split: it is trained on")
    elif splits.of("test") is None:
        notes.append(f"'{part}' is read as the training split; there is no test split")
    elif part != splits.of("test"):
        notes.append(f"splits: '{part}' is trained on, '{splits.of('test')}' is for scores")
    if others and part != splits.only:
        notes.append(f"left out, splits that are not used: {name_some(others)}")
    if splits.others:
        told = (f"{name or 'loose pictures'} ({n:,})" for name, n in splits.others.items())
        notes.append(f"left out, beside the splits: {name_some(told)}")
    return notes


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
    source = f"data pattern {pattern!r}"
    return _index(root, _walked(root, Pattern.of(parts), source), source)


def name_some(names: Iterable[str], most: int = 5) -> str:
    """The first names on one line, and how many more there are."""
    # A file name may hold line breaks, and bytes that no terminal can print.
    shown = ["".join(c if c.isprintable() else "?" for c in name) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _names(folder: Path) -> Collection[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - the names alone
    except OSError:
        return ()  # the walk tells the user why


def _walked(root: Path, wanted: Wanted, source: str) -> Finds:
    try:
        return walk(str(root), wanted)
    except OSError as error:
        raise DataError(f"{source} cannot be listed: {error.strerror or error}") from None


def _index(root: Path, finds: Finds, source: str) -> Index:
    left_out = _left_out(finds)
    if not finds.pictures:
        held = f"only {' and '.join(left_out)}" if left_out else "it is empty"
        lost = any(is_picture(name) for name in finds.dangling)
        needed = FETCH if lost else f"training needs {KINDS} files"
        raise DataError(f"{source} holds no images, {held}: {needed}")
    tops = {path.partition("/")[0] for path in finds.pictures if "/" in path}
    classes, paths, told = _classes(root, tuple(sorted(finds.pictures)), tops)
    notes = [*(f"left out: {what}" for what in left_out), *told]
    empty = [name for name in by_nature(finds.folders) if name not in tops]
    if empty and classes:
        notes.append(f"sub-folders without pictures, which are no classes: {name_some(empty)}")
    labels = None
    if classes:
        number = {name: label for label, name in enumerate(classes)}
        labels = np.array([number[path.partition("/")[0]] for path in paths], np.int64)
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
        (finds.passed, "name that is hidden or a system's", "names that are hidden or a system's"),
        (finds.dangling, "link that points nowhere", "links that point nowhere"),
        (finds.circular, "link that leads back", "links that lead back"),
        (finds.special, "pipe, socket or device", "pipes, sockets or devices"),
        (finds.closed, "name that cannot be looked at", "names that cannot be looked at"),
    ):
        if names:
            what = one if len(names) == 1 else several
            told.append(f"{len(names):,} {what} ({name_some(sorted(names))})")
    return told


def _classes(
    root: Path, paths: tuple[str, ...], tops: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """(the names of the classes, none if sub-folders tell no classes; the pictures to read; what
    the user should know). `tops`: the sub-folders that hold pictures."""
    if (masks := masks_of(tops)) is not None:
        pictures, made = masks
        return (
            (),
            tuple(path for path in paths if path.startswith(f"{pictures}/")),
            [
                f"left out, pictures that go with those in '{pictures}' one by one and are no "
                f"classes: {name_some(made)}"
            ],
        )
    loose = [path for path in paths if "/" not in path]
    if not tops:
        return (), paths, []
    if len(tops) > 1 and len(loose) <= FEW * len(paths):
        notes = [f"left out, in no class sub-folder: {name_some(loose)}"] if loose else []
        return tuple(by_nature(tops)), tuple(p for p in paths if "/" in p), notes + _views(paths)
    one = "sub-folders are read as one set without labels"
    if len(tops) > 1:
        lie = f"{len(loose):,} pictures lie" if len(loose) > 1 else "1 picture lies"
        one += f", as {lie} beside them: move what is loose, and each sub-folder is a class"
    elif not loose and (nested := _nested(paths)) is not None:
        folder, names = nested
        one += f"; the classes {name_some(names)} lie in {str(root / folder)!r}: give that folder"
    return (), paths, [one]


def _nested(paths: tuple[str, ...]) -> tuple[str, list[str]] | None:
    """(the folder below which all lies in several sub-folders, their names), if there is one."""
    prefix = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    inner = {path[len(prefix) + 1 :].partition("/")[0] for path in paths}
    folders = all("/" in path[len(prefix) + 1 :] for path in paths)
    return (prefix, by_nature(inner)) if folders and len(inner) > 1 else None


def _views(paths: tuple[str, ...]) -> list[str]:
    """A warning if the two classes hold the same file names, as two views of the same things do."""
    stems: dict[str, set[str]] = {}
    for path in paths:
        top, _, rest = path.partition("/")
        stems.setdefault(top, set()).add(posixpath.splitext(rest)[0])
    if len(stems) > 2:
        return []
    first, *others = stems.values()
    telling = len(first) > 1 and not all(re.fullmatch(r"\D{0,8}\d+", stem) for stem in first)
    if not (telling and all(other == first for other in others)):
        return []
    return [
        f"the classes {name_some(by_nature(stems))} hold files of the same names: if they show the "
        "same things they are no classes, give one of the folders alone"
    ]
