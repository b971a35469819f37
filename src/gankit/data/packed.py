"""Data sets whose pictures lie together in files: LMDB, tar, zip, Parquet, in one or several."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from gankit.data.dataset import Dataset
from gankit.data.folder import read_index
from gankit.data.layout import SPLITS, by_nature, name_some, split_within
from gankit.data.listing import Index
from gankit.data.lmdb_store import FILE, index_lmdb
from gankit.data.parquet_store import index_parquet
from gankit.data.read_options import ReadOptions, Split
from gankit.data.tar_store import index_tar
from gankit.data.walk import Everything, is_passed_over, is_picture, walk
from gankit.data.zip_store import index_zip

LMDB, TAR, PARQUET, ZIP = ".lmdb", ".tar", ".parquet", ".zip"
_NUMBER = re.compile(r"[-_.]?\d+([-_.]of[-_.]\d+)?$")  # of a part: train-00000-of-00002
_MARK = re.compile(r"[-_.]?lmdb$")
_last: dict[object, Index] = {}


class Parts(NamedTuple):
    """The files of a data set.

    Attributes:
        kind: `.lmdb`, `.tar`, `.parquet` or `.zip`.
        train, test: the files of each split; `test` is empty if there is none.
        others: the names of files of the kind that are of neither split.
    """

    kind: str
    train: tuple[Path, ...]
    test: tuple[Path, ...] = ()
    others: tuple[str, ...] = ()


def is_packed(path: Path) -> bool:
    """Return whether a path is such a file, or a folder of such files without a picture beside."""
    if _kind_of(path) is not None:
        return True
    try:
        return bool(_files_in(path)) and not walk(str(path), Everything()).pictures
    except OSError:
        return False  # reading it as a folder of images tells the user why


def read_packed(name: str, path: Path, options: ReadOptions) -> Dataset:
    """Read the pictures of one split, as those of a folder are read.

    Raises:
        DataError: a file is damaged, there are no pictures, or none can be read.
        MissingExtraError: the package that reads such files is not installed.
    """
    parts = find_parts(path)
    whole = _listed(parts.kind, parts.train, "train")
    whole = replace(
        whole, notes=(*_about(parts), *whole.notes), has_test=whole.has_test or bool(parts.test)
    )
    if options.split == "train" or not whole.has_test:
        return read_index(name, whole, whole, options)
    there = _listed(parts.kind, parts.test or parts.train, "test")
    tested = read_index(name, whole, there, options)
    tested.number_as_trained(whole.class_names)
    return tested


def _listed(kind: str, shards: tuple[Path, ...], split: Split) -> Index:
    """List the pictures in files, or return what was listed last if it was just that.

    A start reads a data set twice: to choose how to train on it, and to train.
    """
    about = [(shard / FILE if shard.is_dir() else shard).stat() for shard in shards]
    key = (kind, shards, split, tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in about))
    if key not in _last:
        _last.clear()
        _last[key] = INDEXES[kind](shards, split)
    return _last[key]


def find_parts(path: Path) -> Parts:
    """Return the files of the data set at `path`, by split: their names say which."""
    if (kind := _kind_of(path)) is not None:
        return Parts(kind, (path,))
    files = _files_in(path)
    kind = _kind_of(files[0])
    assert kind is not None
    by_split: dict[str | None, list[Path]] = {}
    for file in files:
        by_split.setdefault(_said(file)[0], []).append(file)
    trained = next((key for key in SPLITS if SPLITS[key] == "train" and key in by_split), None)
    if trained is None and None not in by_split:  # only test splits
        trained = next(iter(by_split))
    train = by_split.pop(trained)
    alike = set(map(_rest, train))
    tests = [key for key in SPLITS if SPLITS[key] == "test" and key in by_split]
    tested = next((key for key in tests if set(map(_rest, by_split[key])) <= alike), None)
    test = [] if tested is None else by_split.pop(tested)
    others = [file.name for some in by_split.values() for file in some]
    return Parts(kind, (*train,), (*test,), (*others,))


def _files_in(folder: Path) -> list[Path]:
    """Return the files of one kind in a folder, or in its folder `data`, in natural order."""
    if not folder.is_dir():
        return []
    names = os.listdir(folder)  # noqa: PTH208 - the names alone
    if any(map(is_picture, names)):  # as in most folders, which may be large
        return []
    there = [folder / name for name in by_nature(names) if not is_passed_over(name)]
    kinds = {path: _kind_of(path) for path in there}
    for kind in INDEXES:
        if found := [path for path in there if kinds[path] == kind]:
            return found
    inner = folder / "data"
    return _files_in(inner) if inner in there else []


def _kind_of(path: Path) -> str | None:
    # os.path.isfile, which never raises: a folder may be closed
    if os.path.isfile(path / FILE):  # noqa: PTH113
        return LMDB
    suffix = path.suffix.lower()
    return suffix if suffix in INDEXES and os.path.isfile(path) else None  # noqa: PTH113


def _rest(path: Path) -> str:
    """Return what a file's name says besides a split and a number."""
    return _said(path)[1]


def _said(path: Path) -> tuple[str | None, str]:
    """Return the key of the split that a file's name says, and what it says besides."""
    stem = path.name if path.is_dir() else path.stem
    return split_within(_NUMBER.sub("", _MARK.sub("", stem)))


def _about(parts: Parts) -> tuple[str, ...]:
    """Return notes on which files are read."""
    every = [*parts.train, *parts.test]
    if len(every) + len(parts.others) == 1:
        return ()
    notes = [f"trained on: {name_some([path.name for path in parts.train])}"]
    if parts.test:
        notes.append(f"for scores: {name_some([path.name for path in parts.test])}")
    if parts.others:
        notes.append(f"left out, of no split that is used: {name_some(parts.others)}")
    return ("; ".join(notes),)


def _index_lmdb(shards: tuple[Path, ...], _split: Split) -> Index:
    """List the pictures of databases, whose names say the classes if there are several."""
    said = [_rest(shard).strip("-_. *") for shard in shards]
    return index_lmdb(shards, (*said,) if len(set(said)) == len(said) > 1 else ())


INDEXES: dict[str, Callable[[tuple[Path, ...], Split], Index]] = {
    LMDB: _index_lmdb,
    TAR: index_tar,
    PARQUET: lambda shards, _split: index_parquet(shards),
    ZIP: index_zip,
}
"""What lists the pictures in files of each kind, by their suffix."""
