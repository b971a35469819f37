"""Pictures in LMDB databases, as LSUN has them: the value of each key is the file of a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from gankit.data.layout import by_nature, name_some
from gankit.data.listing import Index
from gankit.data.stores import Store, check_stored, located, named
from gankit.errors import DataError, MissingExtraError
from gankit.text import reason

FILE = "data.mdb"
"""The file of a database that is a folder."""

_open = WeakValueDictionary[str, Any]()
# A process may open a database only once; after a fork the child goes on with its parent's.


class LmdbStore(Store):
    """The pictures in some databases."""

    def __init__(self, shards: tuple[Path, ...]) -> None:
        self._shards = shards
        self._environments: dict[Path, Any] = {}

    def read(self, name: str) -> bytes:
        shard, key = located(self._shards, name)
        with self.environment(shard).begin(buffers=True) as transaction:
            value = transaction.get(os.fsencode(key))
            if value is None:
                raise ValueError("no longer there")
            check_stored(len(value))
            return bytes(value)

    def environment(self, shard: Path) -> Any:
        """Return an open database. Raises DataError and MissingExtraError as `_environment`."""
        if shard not in self._environments:
            self._environments[shard] = _environment(shard)
        return self._environments[shard]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_environments": {}}


def index_lmdb(shards: tuple[Path, ...], classes: tuple[str, ...]) -> Index:
    """List the pictures of databases; each of `classes` is that of a database, or there are none.

    Raises:
        DataError: a database is damaged, or holds nothing.
        MissingExtraError: the package lmdb is not installed.
    """
    store, sizes = LmdbStore(shards), dict[str, int]()
    names, labels = tuple(by_nature(set(classes))), list[int]()
    notes: tuple[str, ...] = ()
    for shard in shards:
        before = len(sizes)
        with store.environment(shard).begin(buffers=True) as transaction:
            sizes |= {
                named(shards, shard, os.fsdecode(bytes(key))): len(value)
                for key, value in transaction.cursor()
            }
        if len(sizes) == before:
            notes += (f"{name_some([shard.name])} is empty",)
        if names:
            labels += [names.index(classes[shards.index(shard)])] * (len(sizes) - before)
    if not sizes:
        raise DataError(f"data {str(shards[0])!r} holds no pictures: it is empty")
    numbers = np.array(labels, np.int64) if names else None
    return Index(store, (*sizes,), (*sizes.values(),), numbers, names, notes, by_table=bool(names))


def _environment(path: Path) -> Any:
    """Open a database to be read."""
    try:
        import lmdb
    except ImportError:
        raise MissingExtraError("an LMDB database", "lsun") from None
    known = os.path.realpath(path)
    opened = _open.get(known)
    if opened is None:
        folder = path.is_dir()
        try:
            opened = lmdb.open(
                known, subdir=folder, readonly=True, lock=False, readahead=False, create=False
            )
        except Exception as error:  # not only lmdb.Error
            raise DataError(
                f"data {str(path)!r} is no LMDB database that can be read: {reason(error)}"
            ) from None
        _check_whole(path, path / FILE if folder else path, opened)
        _open[known] = opened
    return opened


def _check_whole(path: Path, file: Path, environment: Any) -> None:
    """Raise DataError if a database was cut off: reading behind its end would end the process."""
    promised = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if (stored := file.stat().st_size) < promised:
        raise DataError(
            f"data {str(path)!r} is cut off: {FILE} has {stored:,} of {promised:,} bytes; get it "
            "again"
        )
