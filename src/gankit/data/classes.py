"""The class of each picture in a folder: from a file of labels, else from its sub-folder."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gankit.data.label_files import Table
from gankit.data.layout import FEW, by_nature, masks_of, name_some


class Found(NamedTuple):
    """The pictures to read, and their classes.

    Attributes:
        paths: the paths of the pictures, in the order given.
        classes: the class of each picture by its path; empty if there are no classes.
        notes: what the user should know.
        by_table: whether a file of labels decided what is read, and as which class.
    """

    paths: tuple[str, ...]
    classes: Mapping[str, str]
    notes: Sequence[str]
    by_table: bool = False


def classes_of(
    root: Path,
    paths: tuple[str, ...],
    folders: Iterable[str],
    table: Table | None,
    nested: bool,
    known: Collection[str] = (),
) -> Found:
    """Find the class of each picture in a folder.

    Args:
        root: the folder.
        paths: the paths of all pictures in it, relative to it.
        folders: the names of the folders that lie in it, with pictures or without.
        table: the file of labels that belongs to the pictures, if there is one.
        nested: whether to look for classes inside a single sub-folder that holds everything.
        known: names that are known to be classes.
    """
    if table is not None and not table.problem:
        return _by_table(table, os.path.relpath(table.path, root), paths)
    found = _by_folders(paths, nested, known)
    notes = list(found.notes)
    if table is not None:
        notes.append(f"{os.path.relpath(table.path, root)} is not read: {table.problem}")
    tops = {path.partition("/")[0] for path in paths}
    if found.classes and (empty := by_nature({*folders} - tops)):
        notes.append(f"sub-folders without pictures, which are no classes: {name_some(empty)}")
    return found._replace(notes=notes)


def _by_table(table: Table, name: str, paths: tuple[str, ...]) -> Found:
    if not table.labels:
        return Found(paths, {}, [f"{name} gives no labels: read as one set without"])
    notes = [f"labels are read from {name}"]
    if table.missing:
        notes.append(f"listed in {name} and not there: {_counted(table.missing)}")
    if others := [path for path in paths if path not in table.labels]:
        notes.append(f"left out, not listed in {name}: {_counted(others)}")
    kept = tuple(path for path in paths if path in table.labels)
    return Found(kept, table.labels, notes, by_table=True)


def _counted(names: Sequence[str]) -> str:
    return f"{len(names):,} file{'s' * (len(names) != 1)} ({name_some(names)})"


def _by_folders(paths: tuple[str, ...], nested: bool, known: Collection[str]) -> Found:
    prefix = _level(paths, nested, known)
    tops = {path: path[len(prefix) :].rpartition("/")[0].partition("/")[0] for path in paths}
    names = {*tops.values()} - {""}
    if (masks := masks_of(names)) is not None:
        return _without_masks(paths, prefix, *masks, nested, known)
    loose = [path for path in paths if not tops[path]]
    if (len(names) > 1 and len(loose) <= FEW * len(paths)) or (names and names <= {*known}):
        notes = [f"left out, in no class sub-folder: {name_some(loose)}"] if loose else []
        if prefix:
            notes.append(f"the classes are the sub-folders of '{prefix.rstrip('/')}'")
        classes = {path: top for path, top in tops.items() if top}
        return Found(tuple(classes), classes, notes + _views(classes, prefix))
    if not names and "/" not in paths[0]:
        return Found(paths, {}, [])
    one = "sub-folders are read as one set without labels"
    if len(names) > 1:
        lie = f"{len(loose):,} pictures lie" if len(loose) > 1 else "1 picture lies"
        one += f", as {lie} beside them: move what is loose, and each sub-folder is a class"
    return Found(paths, {}, [one])


def _level(paths: tuple[str, ...], nested: bool, known: Collection[str]) -> str:
    """Return the folder whose sub-folders may be classes, with a `/` at its end; empty: the root.

    It is the innermost folder that holds everything, or one above it whose sub-folders are `known`.
    """
    parts = posixpath.commonpath([posixpath.dirname(path) for path in paths]).split("/")
    if not nested or parts == [""]:
        return ""
    depth = next((depth for depth, part in enumerate(parts) if part in known), len(parts))
    return "".join(f"{part}/" for part in parts[:depth])


def _without_masks(
    paths: tuple[str, ...],
    prefix: str,
    pictures: str,
    made: Sequence[str],
    nested: bool,
    known: Collection[str],
) -> Found:
    kept = tuple(path for path in paths if path.startswith(f"{prefix}{pictures}/"))
    found = _by_folders(kept, nested, known) if nested else Found(kept, {}, [])
    note = (
        f"left out, pictures that go with those in '{pictures}' one by one and are no classes: "
        f"{name_some(made)}"
    )
    return found._replace(notes=[note, *(found.notes if found.classes else ())])


def _views(classes: Mapping[str, str], prefix: str) -> list[str]:
    """Return a warning if two classes hold the same file names, as two views of one thing do."""
    stems: dict[str, set[str]] = {}
    for path, name in classes.items():
        rest = path[len(prefix) + len(name) + 1 :]
        stems.setdefault(name, set()).add(posixpath.splitext(rest)[0])
    if len(stems) != 2:
        return []
    first, *others = stems.values()
    telling = len(first) > 1 and not all(re.fullmatch(r"\D{0,8}\d+", stem) for stem in first)
    if not (telling and all(other == first for other in others)):
        return []
    return [
        f"the classes {name_some(by_nature(stems))} hold files of the same names: if they show the "
        "same things they are no classes, give one of the folders alone"
    ]
