"""List the files in a folder and below, or those that a glob pattern matches; open none of them."""

from __future__ import annotations

import errno
import glob
import json
import os
import stat
from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol, Self

from gankit.data.opening import SUFFIXES

RUN_RECORD = "run.json"
RUN_FILES = frozenset((RUN_RECORD, ".lock", "metrics.jsonl", "events.jsonl", "model.safetensors"))
RUN_FOLDERS = frozenset(("checkpoints", "samples"))
"""The names that mark a run directory: `gankit train` writes them. Tests check that a real run is
recognised by them."""

SYSTEMS = frozenset(
    ("@eadir", "@recycle", "@recently-snapshot", "@sharebin", "@tmp", "#recycle", "#snapshot",
     "$recycle.bin", "recycler", "system volume information", "lost+found", "__macosx",
     "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "__pycache__",
     "network trash folder", "temporary items", "thumbs", "_thumbs", "thumbnails", "_thumbnails")
)  # fmt: skip
"""Names, in lower case, that file systems, network drives and viewers put beside pictures without
hiding them: thumbnails, bins, indexes. Names that begin with a dot are hidden anyway."""


def is_passed_over(name: str) -> bool:
    """Return whether a file or folder of this name is hidden or a system's, and not a user's."""
    return name.startswith(".") or name.lower() in SYSTEMS


def is_picture(path: str) -> bool:
    """Return whether a file's name has the suffix of a picture."""
    return os.path.splitext(path)[1].lower() in SUFFIXES  # noqa: PTH122 - called for each file


class Wanted(Protocol):
    """The names that a walk looks for."""

    def takes(self, name: str) -> bool:
        """Return whether a file of this name is wanted."""

    def enter(self, name: str) -> Wanted | None:
        """Return what is wanted in a sub-folder of this name, or None if nothing is."""


@dataclass(frozen=True)
class Everything:
    """Every name that is not passed over."""

    def takes(self, name: str) -> bool:
        return not is_passed_over(name)

    def enter(self, name: str) -> Self | None:
        return None if is_passed_over(name) else self


@dataclass(frozen=True)
class Pattern:
    """The names that a glob pattern matches, read as a shell reads it: `**` is any depth.

    A wildcard does not match a hidden name, unless its part of the pattern begins with a dot, nor a
    name in `SYSTEMS`. A name that equals a part of the pattern always matches that part, whatever
    brackets it holds.

    Attributes:
        parts: the parts of the pattern below its fixed part.
        places: the numbers of the parts that the next name may match.
    """

    parts: tuple[str, ...]
    places: frozenset[int]

    @classmethod
    def of(cls, parts: tuple[str, ...]) -> Self:
        return cls(parts, _with_any_depth(parts, {0}))

    def takes(self, name: str) -> bool:
        last = len(self.parts) - 1
        return last in self.places and _matches(self.parts[last], name)

    def enter(self, name: str) -> Pattern | None:
        reached = set()
        for place in self.places:
            if _matches(self.parts[place], name):
                reached.add(place if self.parts[place] == "**" else place + 1)
        places = _with_any_depth(self.parts, reached)
        return Pattern(self.parts, places) if places else None


def _with_any_depth(parts: tuple[str, ...], places: Iterable[int]) -> frozenset[int]:
    """Add the places after each `**`, which may stand for no folder at all."""
    reached: set[int] = set()
    for place in places:
        reached.add(place)
        while place < len(parts) and parts[place] == "**":
            place += 1
            reached.add(place)
    return frozenset(place for place in reached if place < len(parts))


def _matches(part: str, name: str) -> bool:
    if part == "**":
        return not is_passed_over(name)
    visible = part.startswith(".") or not is_passed_over(name)
    return name == part or (visible and fnmatchcase(name, part))


def split_pattern(pattern: str) -> tuple[Path, tuple[str, ...]]:
    """Return (the fixed part of a glob pattern, the parts from its first wildcard on).

    A folder that exists wins over a wildcard: if there is a folder `photos[2024]`, it is the fixed
    part of `photos[2024]/*.png`.
    """
    root, parts = Path(), Path(pattern).parts
    for number, part in enumerate(parts):
        if glob.has_magic(part) and not os.path.isdir(root / part):  # noqa: PTH112 - never raises
            return root, parts[number:]
        root /= part
    return root, ()


@dataclass
class Finds:
    """What a walk finds, as paths relative to its root, with `/` between the parts.

    Attributes:
        pictures: the bytes of each file that has the suffix of a picture.
        others: how many other files there are with each suffix.
        runs: the folders that `gankit train` wrote.
        dangling: the links that point nowhere.
        circular: the links that lead to themselves, or to a folder that they lie in.
        again: the links to a folder that is read anyway, under its own name or another link's.
        special: the pipes, sockets and devices that have the suffix of a picture.
        closed: the files and folders that cannot be accessed.
        passed: the names that are hidden, or that a file system, a network drive or a viewer put
            there.
        repeated: the names that an archive holds once more; the last picture of a name is read, as
            it is the one that stays when the archive is unpacked.
        folders: the folders in the root itself, without those passed over.
    """

    pictures: dict[str, int] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)
    runs: list[str] = field(default_factory=list)
    dangling: list[str] = field(default_factory=list)
    circular: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    def add(self, path: str, status: os.stat_result) -> None:
        """Add a file, or anything else that is not a folder."""
        if not is_picture(path):
            suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 - called for each file
            self.others[suffix or "no suffix"] += 1
        elif stat.S_ISREG(status.st_mode):
            self.pictures[path] = status.st_size
        else:
            self.special.append(path)

    def add_packed(self, path: str, size: int) -> None:
        """Add a picture in an archive, which may hold several of one name."""
        if path in self.pictures:
            self.repeated.append(path)
        self.pictures[path] = size

    def add_failure(self, path: str, error: OSError, is_link: bool) -> None:
        """Note a path that cannot be accessed, unless it was removed in the meantime."""
        if error.errno == errno.ELOOP:
            self.circular.append(path)
        elif not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            self.closed.append(path)
        elif is_link:
            self.dangling.append(path)


@dataclass(frozen=True)
class _Folder:
    path: str
    prefix: str  # what the paths of its entries begin with
    wanted: Wanted


def walk(root: str, wanted: Wanted) -> Finds:
    """List what is wanted under `root`; each folder is read once, whatever links lead to it.

    Raises OSError if `root` itself cannot be listed.
    """
    finds, seen = Finds(), set()
    folders, links = [_Folder(root, "", wanted)], deque[_Folder]()
    while folders or links:
        # Links come last, so that a folder that lies here is known by its own name, not a link's.
        linked = not folders
        folder = links.popleft() if linked else folders.pop()
        try:
            status = os.stat(folder.path)  # noqa: PTH116 - paths are built once for many files
            known = (status.st_dev, status.st_ino, folder.wanted)
            back = linked and _leads_back(folder.path)
            if back or known in seen:
                (finds.circular if back else finds.again).append(folder.prefix.rstrip("/"))
                continue
            seen.add(known)
            with os.scandir(folder.path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if not folder.prefix:
                raise
            finds.add_failure(folder.prefix.rstrip("/"), error, linked)
            continue
        if folder.prefix and is_run(folder.path, {entry.name for entry in entries}):
            finds.runs.append(folder.prefix.rstrip("/"))
            continue
        _sort_out(entries, folder, finds, folders, links)
    return finds


def _sort_out(
    entries: list[os.DirEntry[str]],
    folder: _Folder,
    finds: Finds,
    folders: list[_Folder],
    links: deque[_Folder],
) -> None:
    """Add the files of one folder to the finds, and its sub-folders to those still to be read."""
    for entry in entries:
        path = folder.prefix + entry.name
        inner, takes = folder.wanted.enter(entry.name), folder.wanted.takes(entry.name)
        if inner is None and not takes:
            if is_passed_over(entry.name):
                finds.passed.append(path)
            continue
        try:
            status = entry.stat()
        except OSError as error:
            finds.add_failure(path, error, entry.is_symlink())
            continue
        if not stat.S_ISDIR(status.st_mode):
            if takes:
                finds.add(path, status)
        elif inner is not None:
            if not folder.prefix:
                finds.folders.append(entry.name)
            waiting = links if entry.is_symlink() else folders
            waiting.append(_Folder(entry.path, f"{path}/", inner))


def _leads_back(link: str) -> bool:
    """Return whether a link to a folder leads to a folder that the link itself lies in."""
    target = os.path.realpath(link)
    here = os.path.realpath(os.path.dirname(link))  # noqa: PTH120
    return os.path.commonpath([target, here]) == target


def is_run(folder: str | Path, names: Collection[str]) -> bool:
    """Return whether `gankit train` wrote this folder, judging by its names and its run.json.

    If the record is damaged, half-written or lost, the names beside it decide.
    """
    files, folders = RUN_FILES.intersection(names), RUN_FOLDERS.intersection(names)
    if RUN_RECORD not in files:
        return len(files) > 1 and bool(folders)
    if folders and (len(files) > 1 or folders == RUN_FOLDERS):
        return True
    try:
        with open(os.path.join(folder, RUN_RECORD), "rb") as file:  # noqa: PTH118, PTH123
            record = json.loads(file.read(10_000_000))
    except (OSError, ValueError, RecursionError):
        return bool(folders)  # a damaged record: another program's could be read
    return isinstance(record, dict) and {"config", "plan"} <= record.keys()
