"""Pictures in Parquet files, as Hugging Face stores data sets: a column of files, one of labels."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from gankit.data.layout import by_nature, name_some
from gankit.data.listing import Index
from gankit.data.stores import Store, check_stored, located, named
from gankit.errors import DataError, MissingExtraError
from gankit.text import reason

PICTURES = ("image", "img", "images", "picture", "jpg", "png", "webp", "image_bytes", "bytes")
LABELS = ("label", "labels", "class", "fine_label", "category", "target")
"""The names of columns, the first of which is taken that is there."""
MOST_IN_A_GROUP = 500_000_000
"""The most bytes of pictures in a group of rows: a group is read at once."""
GROUPS_KEPT = 2


class ParquetStore(Store):
    """The pictures in some Parquet files. The groups of rows that were read last are kept."""

    def __init__(self, shards: tuple[Path, ...], columns: Sequence[str]) -> None:
        """`columns`: the path of the column of pictures in each file."""
        self._shards, self._columns = shards, dict(zip(shards, columns, strict=True))
        self._forget()

    def _forget(self) -> None:
        self._process = os.getpid()  # what a process has opened is not for its children
        self._files: dict[Path, tuple[Any, list[int]]] = {}
        self._groups = OrderedDict[tuple[Path, int], Any]()
        self._lock = Lock()

    def read(self, name: str) -> bytes:
        shard, row = located(self._shards, name)
        if self._process != os.getpid():
            self._forget()
        with self._lock:
            content = self._content(shard, int(row))
        if content is None:
            raise ValueError("its row holds no file")
        check_stored(len(content))
        return content

    def _content(self, shard: Path, row: int) -> bytes | None:
        if shard not in self._files:
            opened = opened_parquet(shard)
            self._files[shard] = opened, first_rows(opened)
        file, begins = self._files[shard]
        group = bisect_right(begins, row) - 1
        known = self._groups.pop((shard, group), None)
        if known is None:
            read = file.read_row_group(group, columns=[self._columns[shard]], use_threads=False)
            known = read.flatten().column(0) if "." in self._columns[shard] else read.column(0)
        self._groups[shard, group] = known
        while len(self._groups) > GROUPS_KEPT:
            self._groups.popitem(last=False)
        content: bytes | None = known[row - begins[group]].as_py()
        return content

    def __getstate__(self) -> dict[str, Any]:
        return {"_shards": self._shards, "_columns": self._columns}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()


def index_parquet(shards: tuple[Path, ...]) -> Index:
    """List the pictures of Parquet files, with their labels if there is such a column.

    Raises:
        DataError: a file is damaged, has no column of pictures, or has too large groups of rows.
        MissingExtraError: the package pyarrow is not installed.
    """
    names, sizes, columns = list[str](), list[int](), list[str]()
    told: list[Any] = []
    known: list[str] | None = None
    for shard in shards:
        file = opened_parquet(shard)
        columns.append(_pictures_of(shard, file))
        for group in range(file.metadata.num_row_groups):
            size = _size_of(shard, file, group, columns[-1])
            sizes += [size] * file.metadata.row_group(group).num_rows
        names += [named(shards, shard, str(row)) for row in range(file.metadata.num_rows)]
        label = next((name for name in LABELS if name in file.schema_arrow.names), None)
        told += [None] * file.metadata.num_rows if label is None else _column(shard, file, label)
        known = known or (None if label is None else _class_names(file, label))
    if not names:
        raise DataError(f"data {str(shards[0])!r} holds no pictures: it has no rows")
    index = Index(ParquetStore(shards, columns), (*names,), (*sizes,), None, (), ())
    return _labelled(index, told, known)


def opened_parquet(path: Path) -> Any:
    """Open a Parquet file. Raises DataError and MissingExtraError."""
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingExtraError("a Parquet file", "parquet") from None
    try:
        return ParquetFile(path, memory_map=False)
    except Exception as error:  # damage can fail anywhere inside pyarrow
        raise _damaged(path, error) from None


def first_rows(file: Any) -> list[int]:
    """Return the number of the first row of each group."""
    counts = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    return [0, *np.cumsum(counts)[:-1].tolist()]


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"data {str(path)!r} is no Parquet file that can be read: {reason(error)}")


def _pictures_of(path: Path, file: Any) -> str:
    """Return the path of the column of pictures. Raises DataError if there is none."""
    import pyarrow.types as kinds

    schema = file.schema_arrow
    for name in PICTURES:
        kind = schema.field(name).type if name in schema.names else None
        if kind is None:
            continue
        if kinds.is_struct(kind) and "bytes" in [field.name for field in kind]:
            kind, name = kind.field("bytes").type, f"{name}.bytes"
        if kinds.is_binary(kind) or kinds.is_large_binary(kind):
            return name
    raise DataError(
        f"data {str(path)!r} has no column of pictures' bytes called image, jpg or the like: it "
        f"has {name_some(schema.names)}"
    )


def _size_of(path: Path, file: Any, group: int, column: str) -> int:
    """Return the bytes that a group of rows takes in the file. Raises DataError if it is large."""
    about = file.metadata.row_group(group)
    places = range(about.num_columns)
    chunk = next(c for i in places if (c := about.column(i)).path_in_schema == column)
    if chunk.total_uncompressed_size > MOST_IN_A_GROUP:
        raise DataError(
            f"data {str(path)!r} has groups of rows of {chunk.total_uncompressed_size / 1e9:.1f} "
            f"GB, at most {MOST_IN_A_GROUP / 1e9:g} are read: write it with smaller ones "
            "(row_group_size=100)"
        )
    return int(chunk.total_compressed_size)


def _column(path: Path, file: Any, name: str) -> list[Any]:
    try:
        values: list[Any] = file.read(columns=[name]).column(0).to_pylist()
    except Exception as error:
        raise _damaged(path, error) from None
    return values


def _class_names(file: Any, label: str) -> list[str] | None:
    """Return the names of the classes that Hugging Face's note in a file says, if there is one."""
    try:
        note = json.loads((file.schema_arrow.metadata or {})[b"huggingface"])
        names = note["info"]["features"][label]["names"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
    return names if isinstance(names, list) and all(isinstance(n, str) for n in names) else None


def _labelled(index: Index, told: Sequence[Any], known: Sequence[str] | None) -> Index:
    """Return the pictures with what their column of labels says, if it says classes."""
    if all(label is None for label in told):
        return index
    kept = [i for i, label in enumerate(told) if isinstance(label, (int, str)) and label != -1]
    if not kept:
        note = f"the labels are no classes, and are left out: {name_some(map(str, told[:1]))}"
        return replace(index, notes=(note,))
    found = {told[i] for i in kept}
    fits = known is not None and all(isinstance(n, int) and 0 <= n < len(known) for n in found)
    names = [*known] if known is not None and fits else by_nature({str(n) for n in found})
    number = {name: label for label, name in enumerate(names)}
    labels = [told[i] if fits else number[str(told[i])] for i in kept]
    left = len(told) - len(kept)
    notes = (f"left out, without a label: {left:,} pictures",) if left else ()
    chosen = index.keep(kept)
    return replace(
        chosen,
        labels=np.array(labels, np.int64),
        class_names=(*names,),
        notes=notes,
        by_table=True,
    )
