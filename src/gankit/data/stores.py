"""Pictures that lie together in a file: where a folder's path can stand, one of these can too."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

MOST_STORED = 500_000_000
"""The most bytes that the file of one picture may have inside another file: they are read at
once."""


class Store(ABC):
    """Files that hold the files of many pictures.

    `store / name` is one of the pictures, as `folder / name` is one of a folder's. A store can be
    pickled, and read by several threads; it opens its files when they are first needed.
    """

    def __truediv__(self, name: str) -> Entry:
        return Entry(self, name)

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return the content of a picture's file.

        It may raise anything; the message then says in a few words why it cannot be read.
        """


class Entry(NamedTuple):
    """One picture in a store."""

    store: Store
    name: str

    def read(self) -> bytes:
        """Return the content of the picture's file. Raises as `Store.read` does."""
        return self.store.read(self.name)


Root = Path | Store
"""What the names of pictures are relative to."""
Place = str | Path | Entry
"""Where one picture is."""


def check_stored(size: int) -> None:
    """Raise ValueError if a picture's file of so many bytes is too large to be read at once."""
    if size > MOST_STORED:
        raise ValueError(f"too large: its file has {size / 1e6:,.0f} MB")


def unpacked_name(name: str) -> str:
    """Return a name in an archive as it is after unpacking, relative even if it began at `/`."""
    return name.removeprefix("./").lstrip("/")


def named(shards: tuple[Path, ...], shard: Path, name: str) -> str:
    """Return the name of a picture: with that of its file, if there are several."""
    return name if len(shards) == 1 else f"{shard.name}/{name}"


def located(shards: tuple[Path, ...], name: str) -> tuple[Path, str]:
    """Return the file that a picture of this name lies in, and its name there."""
    if len(shards) == 1:
        return shards[0], name
    shard, _, inner = name.partition("/")
    return next(path for path in shards if path.name == shard), inner
