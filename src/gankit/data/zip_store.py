"""Pictures in zip archives: a packed folder, or a data set of StyleGAN's tools."""

from __future__ import annotations

import os
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from gankit.data.label_files import JSON, LONGEST, Table, table_within
from gankit.data.listing import Index, index_listed
from gankit.data.read_options import Split
from gankit.data.stores import Store, check_stored, located, named, unpacked_name
from gankit.data.walk import Finds, is_passed_over, is_picture
from gankit.errors import DataError
from gankit.text import reason

MOST_TIMES, HARMLESS = 200, 1_000_000_000
"""An archive is refused if its pictures take more than so many times its bytes, and more than so
many bytes."""
ENCRYPTED = 1
_LOCAL = struct.Struct("<4s22xHH")  # begins each file: a mark, the bytes of its name and of a note


class Member(NamedTuple):
    """Where a file lies in its archive, and what it must be once it is decompressed."""

    start: int
    packed: int
    size: int
    method: int
    checksum: int


class ZipStore(Store):
    """The pictures in some zip archives; it knows where each lies, and decompresses it alone."""

    def __init__(self, shards: tuple[Path, ...], where: Mapping[str, Member]) -> None:
        self._shards, self._where = shards, where

    def read(self, name: str) -> bytes:
        return unpacked(located(self._shards, name)[0], self._where[name])


def unpacked(archive: Path, member: Member) -> bytes:
    """Return the content of a file in an archive.

    No more bytes than the archive says are ever made of it. Raises ValueError if it is too large,
    damaged or compressed in a way that is not read, and zlib.error if it is damaged.
    """
    check_stored(max(member.packed, member.size))
    with archive.open("rb") as file:
        file.seek(member.start)
        mark, *lengths = _LOCAL.unpack(file.read(_LOCAL.size))
        file.seek(sum(lengths), os.SEEK_CUR)
        content = file.read(member.packed)
    if member.method == zipfile.ZIP_DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, member.size + 1)
    elif member.method != zipfile.ZIP_STORED:
        raise ValueError("compressed in another way than deflate: pack it anew")
    if (mark, len(content)) != (b"PK\3\4", member.size) or zlib.crc32(content) != member.checksum:
        raise ValueError("damaged in its zip archive")
    return content


def index_zip(shards: tuple[Path, ...], split: Split) -> Index:
    """List the pictures of one split in zip archives.

    The folders in an archive are read as those of a folder are (`listing.index_folder`). In a
    single archive the labels may stand in a `dataset.json`, beside or above the pictures; other
    tables are not read.

    Raises DataError if an archive is damaged, encrypted or made to do harm, or if there are no
    pictures.
    """
    finds, where = Finds(), dict[str, Member]()
    table: tuple[str, bytes] | None = None
    for shard in shards:
        for name, member in _members(shard):
            path = named(shards, shard, name)
            if any(map(is_passed_over, path.split("/"))):
                finds.passed.append(path)
            elif is_picture(path):
                finds.add_packed(path, member.size)
                where[path] = member
            elif len(shards) == 1 and posixpath.basename(path) == JSON and table is None:
                table = path, _json(shard, path, member)
            else:
                finds.others[os.path.splitext(path)[1].lower() or "no suffix"] += 1  # noqa: PTH122
    source = f"data {str(shards[0])!r}"

    def find_labels(paths: Sequence[str]) -> Table | None:
        return None if table is None else table_within(*table, paths, where)

    index = index_listed(ZipStore(shards, where), finds, source, split, find_labels)
    return replace(index, labels=None, class_names=()) if len(shards) > 1 else index


def _members(archive: Path) -> list[tuple[str, Member]]:
    """Return the files in an archive with their names, the shallowest first. Raises DataError."""
    try:
        with zipfile.ZipFile(archive) as file:
            every = [info for info in file.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise DataError(
            f"data {str(archive)!r} is no zip archive that can be read: {reason(error)}; if it was "
            "cut off, get it again"
        ) from None
    members = [
        (
            unpacked_name(info.filename.replace("\\", "/")),  # which some tools of Windows write
            Member(
                info.header_offset, info.compress_size, info.file_size, info.compress_type, info.CRC
            ),
        )
        for info in sorted(every, key=lambda info: info.filename.count("/"))
    ]
    if any(info.flag_bits & ENCRYPTED for info in every):
        raise DataError(
            f"data {str(archive)!r} is encrypted: unpack it with its password, and give the folder"
        )
    _refuse_bomb(archive, [member for _, member in members])
    return members


def _refuse_bomb(archive: Path, members: Collection[Member]) -> None:
    """Raise DataError for an archive of far more than it can honestly hold."""
    whole, held = sum(member.size for member in members), archive.stat().st_size
    order = sorted(members)
    overlap = any(
        first.start + _LOCAL.size + first.packed > second.start for first, second in pairwise(order)
    )
    if overlap or (whole > HARMLESS and whole > MOST_TIMES * held):
        raise DataError(
            f"data {str(archive)!r} is a zip bomb: its {held:,} bytes claim to be {whole:,}"
        )


def _json(archive: Path, path: str, member: Member) -> bytes:
    """Return the content of a file of labels. Raises DataError if it cannot be read."""
    try:
        if member.size > LONGEST:
            raise ValueError(f"it is longer than {LONGEST:,} bytes")
        return unpacked(archive, member)
    except (OSError, ValueError, zlib.error, struct.error) as error:
        raise DataError(
            f"label file {path!r} in {str(archive)!r} cannot be read: {reason(error)}"
        ) from None
