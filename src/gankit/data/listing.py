"""List the pictures in a folder and the class of each, without opening any picture."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gankit.data.classes import classes_of
from gankit.data.label_files import Table, find_split_column, find_table
from gankit.data.layout import SPLITS, Splits, by_nature, find_splits, name_some, splits_within
from gankit.data.read_options import Split
from gankit.data.stores import Root, Store
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

KINDS = "PNG, JPEG, WebP, BMP, GIF, TIFF, PNM, TGA, JPEG 2000, AVIF or HEIC"
FETCH = "fetch what they stand for (`git annex get`, `dvc pull`), or mend the links"


@dataclass(frozen=True)
class Index:
    """The pictures under `root`, in the order of their paths.

    Attributes:
        root: what the paths are relative to: a folder, or a file that holds the pictures.
        paths: the paths, sorted, with `/` between the parts.
        sizes: the bytes of each file.
        labels: int64 [N], or None if there are no classes.
        class_names: the names of the classes, in natural order; empty if there are none.
        notes: what was left out, and why.
        has_test: whether there is a test split beside the pictures.
        by_table: whether a file of labels decided the classes.
        splits_by: the name of the table whose column of splits was read, if there is one.
    """

    root: Root
    paths: tuple[str, ...]
    sizes: tuple[int, ...]
    labels: NDArray[np.int64] | None
    class_names: tuple[str, ...]
    notes: tuple[str, ...]
    has_test: bool = False
    by_table: bool = False
    splits_by: str = ""

    def __len__(self) -> int:
        return len(self.paths)

    def keep(self, positions: Sequence[int]) -> Self:
        """Return only the pictures at these positions, in this order, with the same classes."""
        return replace(
            self,
            paths=tuple(self.paths[position] for position in positions),
            sizes=tuple(self.sizes[position] for position in positions),
            labels=None if self.labels is None else self.labels[positions],
        )


def index_folder(
    folder: Path,
    split: Split,
    tables: bool = True,
    known: Collection[str] = (),
    *,
    splits_by_table: bool = True,
) -> Index:
    """List every picture in the folder and below; its sub-folders are splits or classes.

    If sub-folders have the usual names of splits (`find_splits`), only the split asked for is
    read, and so it is if each class has such sub-folders (`splits_within`), or if a table has a
    column of splits (`find_split_column`). Otherwise two or more
    sub-folders with pictures are classes, and whatever lies deeper belongs to them. Hidden files,
    files of a file system, and gankit's own run directories are passed over.

    Args:
        folder: the folder.
        split: `train` or `test`.
        tables: whether a file of labels decides in place of sub-folders
            (`gankit.data.label_files`), and whether a single sub-folder that holds everything is
            searched for classes.
        known: the classes of the training split: a folder of such a name is a class, even alone.
        splits_by_table: whether a table's column of splits is read, if `tables` are.

    Raises:
        DataError: there are no pictures, there is no such split, the folder cannot be listed, or
            its file of labels is damaged.
    """
    source = f"data folder {str(folder)!r}"
    if is_run(folder, _names(folder)):
        raise DataError(f"{source} is a run directory, not data: give a folder of images")
    finds = _walked(folder, Everything(), source)
    splits = find_splits(finds.pictures)
    if splits is None:
        if within := splits_within(finds.pictures):
            find_labels = _finder(folder, folder, split) if tables else None
            return _index_within(folder, finds, source, within, split, find_labels, known)
        index = _index(folder, finds, source, _finder(folder, folder, None) if tables else None)
        reads_column = tables and splits_by_table
        column = find_split_column(folder, index.paths) if reads_column else None
        if column is not None:
            index = _by_column(index, *column, split)
        if split == "test" and not index.has_test:
            raise DataError(
                f"{source} has no test split: put the pictures into sub-folders 'train' and 'test'"
            )
        return index
    part = splits.of(split)
    if part is None:
        raise DataError(
            f"{source} has no {split} split: it has {', '.join(splits.folders.values())}"
        )
    root = folder / part
    finds, source = _walked(root, Everything(), source), f"data folder {str(root)!r}"
    index = _index(root, finds, source, _finder(root, folder, split) if tables else None, known)
    notes = (*_about_splits(splits, part), *index.notes)
    return replace(index, notes=notes, has_test=splits.of("test") not in (None, part))


FindLabels = Callable[[Sequence[str]], Table | None]
"""Returns what a file of labels says of these pictures; None if there is no such file."""


def _finder(root: Path, top: Path, split: Split | None) -> FindLabels:
    return lambda paths: find_table(root, paths, top, split)


def index_listed(
    store: Store,
    finds: Finds,
    source: str,
    split: Split,
    find_labels: FindLabels | None = None,
) -> Index:
    """Index pictures in a store by the folders in their names, as `index_folder` does.

    Raises DataError as it does.
    """
    splits = find_splits(finds.pictures)
    if splits is None:
        if within := splits_within(finds.pictures):
            return _index_within(store, finds, source, within, split, find_labels, ())
        return _index(store, finds, source, find_labels)
    part = splits.of(split)
    if part is None:
        raise DataError(f"{source} has no {split} split: it has {', '.join(splits.folders)}")
    kept = {path: size for path, size in finds.pictures.items() if path.startswith(f"{part}/")}
    index = _index(store, replace(finds, pictures=kept), source, find_labels)
    notes = (*_about_splits(splits, part), *index.notes)
    return replace(index, notes=notes, has_test=splits.of("test") not in (None, part))


def _index_within(
    root: Root,
    finds: Finds,
    source: str,
    within: Sequence[Splits],
    split: Split,
    find_labels: FindLabels | None,
    known: Collection[str],
) -> Index:
    """Index one split of a folder whose sub-folders hold the splits: `cat/train`, `dog/train`."""
    parts = {splits.of(split) for splits in within}
    kept = {
        path: size
        for path, size in finds.pictures.items()
        if "/".join(path.split("/", 2)[:2]) in parts
    }
    index = _index(root, replace(finds, pictures=kept), source, find_labels, known)
    trained, tested = (posixpath.basename(within[0].of(kind) or "") for kind in ("train", "test"))
    note = (
        f"each sub-folder holds splits, such as '{trained}', which is trained on, and '{tested}', "
        f"which is for scores: {len(kept):,} of {len(finds.pictures):,} pictures are read"
    )
    return replace(index, notes=(note, *index.notes), has_test=True)


def _by_column(index: Index, table: str, words: Mapping[str, str], split: Split) -> Index:
    """Return the pictures of one split, by the word that a table has for each.

    If the words are no splits, or not of both kinds, all pictures are returned, and a note says so.
    """
    said = dict.fromkeys(word.strip().lower() for word in words.values())
    test = next((key for key in SPLITS if SPLITS[key] == "test" and key in said), None)
    train = [key for key in said if SPLITS.get(key) == "train"]
    if test is None or not train or said.keys() - SPLITS.keys():
        note = f"the splits in {table} are not used: they are {name_some(said)}, not train and test"
        return replace(index, notes=(*index.notes, note))
    wanted = [test] if split == "test" else train
    kept = [
        place
        for place, path in enumerate(index.paths)
        if words.get(path, "").strip().lower() in wanted
    ]
    note = (
        f"splits by {table}: '{name_some(train)}' is trained on, '{test}' is for scores: "
        f"{len(kept):,} of {len(index):,} pictures are read"
    )
    notes = (note, *index.notes)
    return replace(index.keep(kept), notes=notes, has_test=True, splits_by=table)


def _about_splits(splits: Splits, part: str) -> list[str]:
    """Return notes on which split is read, and what lies beside it."""
    used = (part, splits.of("train"), splits.of("test"))
    others = [name for name in splits.folders.values() if name not in used]
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


def index_pattern(pattern: str) -> Index:
    """List the pictures that a glob pattern matches; sub-folders of its fixed part are classes.

    Raises:
        DataError: it matches no pictures, or its fixed part is not a folder that can be listed.
    """
    root, parts = split_pattern(pattern)
    if not parts or not os.path.isdir(root):  # noqa: PTH112 - never raises
        raise DataError(f"data pattern {pattern!r}: there is no folder {str(root)!r}")
    source = f"data pattern {pattern!r}"
    return _index(root, _walked(root, Pattern.of(parts), source), source)


def _names(folder: Path) -> Collection[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - the names alone
    except OSError:
        return ()  # the walk then tells the user why


def _walked(root: Path, wanted: Wanted, source: str) -> Finds:
    try:
        return walk(str(root), wanted)
    except OSError as error:
        raise DataError(f"{source} cannot be listed: {error.strerror or error}") from None


def _index(
    root: Root,
    finds: Finds,
    source: str,
    find_labels: FindLabels | None = None,
    known: Collection[str] = (),
) -> Index:
    """Index what was found, with its classes. Raises DataError if there are no pictures.

    Without `find_labels`, only sub-folders of `root` are taken for classes; those of a store may
    lie deeper too.
    """
    if not finds.pictures:
        raise _no_pictures(finds, source)
    paths = tuple(sorted(finds.pictures))
    folder, nested = (Path(), True) if isinstance(root, Store) else (root, find_labels is not None)
    table = None if find_labels is None else find_labels(paths)
    found = classes_of(folder, paths, finds.folders, table, nested, known)
    if table is not None and table.path.parent == Path(os.path.abspath(folder)):  # noqa: PTH100
        finds.others[table.path.suffix.lower()] -= 1
    notes = (*(f"left out: {what}" for what in _left_out(finds)), *found.notes)
    names = tuple(by_nature(set(found.classes.values())))
    labels = None
    if names:
        number = {name: label for label, name in enumerate(names)}
        labels = np.array([number[found.classes[path]] for path in found.paths], np.int64)
    sizes = tuple(finds.pictures[path] for path in found.paths)
    return Index(root, found.paths, sizes, labels, names, notes, by_table=found.by_table)


def _no_pictures(finds: Finds, source: str) -> DataError:
    left_out = _left_out(finds)
    nothing = "nothing matches" if source.startswith("data pattern") else "it is empty"
    held = f"only {' and '.join(left_out)}" if left_out else nothing
    lost = any(is_picture(name) for name in finds.dangling)
    needed = FETCH if lost else f"training needs {KINDS} files"
    return DataError(f"{source} holds no images, {held}: {needed}")


def _left_out(finds: Finds) -> list[str]:
    """Say what is not a picture to read, in one text for each reason."""
    told = []
    if others := finds.others.total():
        suffixes = name_some(sorted(+finds.others))
        told.append(f"{others:,} other file{'s' * (others != 1)} ({suffixes})")
    for names, one, several in (
        (finds.runs, "run directory", "run directories"),
        (finds.passed, "name that is hidden or a system's", "names that are hidden or a system's"),
        (finds.dangling, "link that points nowhere", "links that point nowhere"),
        (finds.circular, "link that leads back", "links that lead back"),
        (finds.again, "link to a folder that is read anyway", "links to folders read anyway"),
        (finds.special, "pipe, socket or device", "pipes, sockets or devices"),
        (finds.closed, "name that cannot be looked at", "names that cannot be looked at"),
        (finds.repeated, "picture of a name that comes again", "pictures of names that come again"),
    ):
        if names:
            what = one if len(names) == 1 else several
            told.append(f"{len(names):,} {what} ({name_some(sorted(names))})")
    return told
