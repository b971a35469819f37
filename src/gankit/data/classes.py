"""The class of each picture in a folder: from a file of labels, else from its sub-folder."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
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
    root: Path, paths: tuple[str, ...], folders: Iterable[str], table: Table | None
) -> Found:
    """Find the class of each picture in a folder.

    Args:
        root: the folder.
        paths: the paths of all pictures in it, relative to it.
        folders: the names of the folders that lie in it, with pictures or without.
        table: the file of labels that belongs to the pictures, if there is one.
    """
    if table is not None and not table.problem:
        return _by_table(table, os.path.relpath(table.path, root), paths)
    found = _by_folders(root, paths)
    notes = list(found.notes)
    if table is not None:
        notes.append(f"{os.path.relpath(table.path, root)} is not read: {table.problem}")
    tops = set(found.classes.values())
    if tops and (empty := by_nature({*folders} - tops)):
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


def _by_folders(root: Path, paths: tuple[str, ...]) -> Found:
    tops = {path.partition("/")[0] for path in paths if "/" in path}
    if (masks := masks_of(tops)) is not None:
        pictures, made = masks
        note = (
            f"left out, pictures that go with those in '{pictures}' one by one and are no classes: "
            f"{name_some(made)}"
        )
        return Found(tuple(path for path in paths if path.startswith(f"{pictures}/")), {}, [note])
    loose = [path for path in paths if "/" not in path]
    if len(tops) > 1 and len(loose) <= FEW * len(paths):
        notes = [f"left out, in no class sub-folder: {name_some(loose)}"] if loose else []
        kept = tuple(path for path in paths if "/" in path)
        return Found(kept, {path: path.partition("/")[0] for path in kept}, notes + _views(kept))
    return Found(paths, {}, [_one_set(root, paths, loose, len(tops))] if tops else [])


def _one_set(root: Path, paths: tuple[str, ...], loose: Sequence[str], tops: int) -> str:
    """Say why the sub-folders are not classes, and what to do about it."""
    one = "sub-folders are read as one set without labels"
    if tops > 1:
        lie = f"{len(loose):,} pictures lie" if len(loose) > 1 else "1 picture lies"
        return f"{one}, as {lie} beside them: move what is loose, and each sub-folder is a class"
    if not loose and (nested := _nested(paths)) is not None:
        folder, names = nested
        return (
            f"{one}; the classes {name_some(names)} lie in {str(root / folder)!r}: give that folder"
        )
    return one


def _nested(paths: tuple[str, ...]) -> tuple[str, list[str]] | None:
    """Return (the folder whose sub-folders hold all the pictures, the names of those sub-folders).

    None if no folder has several sub-folders that hold all the pictures between them.
    """
    prefix = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    inner = {path[len(prefix) + 1 :].partition("/")[0] for path in paths}
    folders = all("/" in path[len(prefix) + 1 :] for path in paths)
    return (prefix, by_nature(inner)) if folders and len(inner) > 1 else None


def _views(paths: tuple[str, ...]) -> list[str]:
    """Return a warning if two classes hold the same file names, as two views of one thing do."""
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
