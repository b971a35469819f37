"""Pictures in tar files: a packed folder, or the shards of a WebDataset."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from gankit.data.layout import by_nature, name_some
from gankit.data.listing import Index, index_listed
from gankit.data.read_options import Split
from gankit.data.stores import Store, check_stored, located, named, unpacked_name
from gankit.data.walk import Finds, is_passed_over, is_picture
from gankit.errors import DataError
from gankit.text import reason

CLASS, LONGEST_CLASS = ".cls", 1000
"""The suffix of a file that holds a picture's class, and the most bytes it may have."""


class TarStore(Store):
    """The pictures in some tar files; it knows where in its file each begins."""

    def __init__(self, shards: tuple[Path, ...], where: Mapping[str, tuple[int, int]]) -> None:
        """Keep where each file begins in its tar file, and how many bytes it has."""
        self._shards, self._where = shards, where

    def read(self, name: str) -> bytes:
        shard, _ = located(self._shards, name)
        start, size = self._where[name]
        check_stored(size)
        with shard.open("rb") as file:
            file.seek(start)
            content = file.read(size)
        if len(content) < size:
            raise ValueError("its tar file is cut off")
        return content


def index_tar(shards: tuple[Path, ...], split: Split) -> Index:
    """List the pictures of one split in tar files.

    The folders in a tar file are read as those of a folder are (`listing.index_folder`), without
    tables of labels. If there are files such as `0001.cls`, each holds the class of the picture
    `0001`.

    Raises DataError if a file is damaged or compressed, or if there are no pictures.
    """
    finds, classes, notes = Finds(), dict[str, str](), list[str]()
    where: dict[str, tuple[int, int]] = {}
    for shard in shards:
        for member in _members(shard, notes):
            path = named(shards, shard, unpacked_name(member.name))
            if any(map(is_passed_over, path.split("/"))):
                finds.passed.append(path)
            elif path.endswith(CLASS) and member.size <= LONGEST_CLASS:
                classes[_key(path)] = _text(shard, member)
            elif is_picture(path):
                finds.add_packed(path, member.size)
                where[path] = (member.offset_data, member.size)
            else:
                finds.others[os.path.splitext(path)[1].lower() or "no suffix"] += 1  # noqa: PTH122
    source = f"data {str(shards[0])!r}"
    index = index_listed(TarStore(shards, where), finds, source, split)
    if len(shards) > 1:  # what lies in which part says nothing
        index = replace(index, labels=None, class_names=())
    if classes:
        index = _by_class_files(index, classes)
    return replace(index, notes=(*notes, *index.notes))


def _members(shard: Path, notes: list[str]) -> Iterator[tarfile.TarInfo]:
    """Yield the plain files in a tar file; a damaged end is noted. Raises DataError."""
    count = 0
    try:
        with tarfile.open(shard, "r:") as file:
            for member in file:
                if member.isreg() and not member.issparse():
                    count += 1
                    yield member
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
        if not count:
            raise DataError(
                f"data {str(shard)!r} is no tar file that can be read: {reason(error)}; a "
                "compressed one has to be unpacked"
            ) from None
        notes.append(
            f"{name_some([shard.name])} is damaged after {count:,} files ({reason(error)}): only "
            "these are read"
        )


def _key(path: str) -> str:
    """Return what the files of one example share: the path up to the first dot in its name."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + name.partition(".")[0]


def _text(shard: Path, member: tarfile.TarInfo) -> str:
    with shard.open("rb") as file:
        file.seek(member.offset_data)
        return file.read(member.size).decode("utf-8", "replace").strip()


def _by_class_files(index: Index, classes: Mapping[str, str]) -> Index:
    """Return only the pictures with a class, which files beside them say."""
    keys = [_key(path) for path in index.paths]
    kept = [place for place, key in enumerate(keys) if key in classes]
    names = by_nature({classes[keys[place]] for place in kept})
    note = f"{len(classes):,} {CLASS} files say the classes"
    if left := len(keys) - len(kept):
        note += f"; left out, without one: {left:,} pictures"
    if not kept:
        return replace(index, notes=(*index.notes, f"{CLASS} files belong to no picture"))
    number = {name: label for label, name in enumerate(names)}
    labels = np.array([number[classes[keys[place]]] for place in kept], np.int64)
    chosen = replace(index, labels=None).keep(kept)
    return replace(
        chosen, labels=labels, class_names=(*names,), by_table=True, notes=(*index.notes, note)
    )
