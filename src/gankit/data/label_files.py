"""Labels in a file beside the pictures or in a folder above: dataset.json, or a table."""

from __future__ import annotations

import csv
import io
import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gankit.data.layout import SPLITS, name_some
from gankit.data.opening import SUFFIXES
from gankit.data.read_options import Split
from gankit.errors import DataError
from gankit.stored import StoredError, as_object, read_json
from gankit.text import reason

JSON = "dataset.json"
"""The file that StyleGAN's tools write: `{"labels": [["00000/img0.png", 3], ...]}`."""
TABLES = (".csv", ".tsv")
FILE_COLUMNS = (
    "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "image_name",
    "path", "img", "img_path", "id", "image_id", "name",
)  # fmt: skip
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "classname", "category", "target")
"""The names of the columns with the files and with the labels. In a table of two columns, the one
beside the files is the label, whatever its name."""
SPLIT_COLUMNS = ("split", "subset", "partition")
"""The names of the column that says which split a file belongs to."""
MOST_TABLES, LONGEST = 20, 2**26
"""The most tables that are tried in one folder, and the most bytes that a table may have."""
OF_A_PARENT = 0.5
"""The share of the pictures that a file above the folder given must label to belong to them."""
COPY = re.compile(r"( \(\d+\)| - copy( \(\d+\))?| copy( \d+)?)\.\w+$", re.IGNORECASE)
"""How browsers and desktops name a copy of a file: it comes after all others."""
TELLING = 10
"""If at least this many pictures have labels and no two are alike, the labels are names or
captions, not classes."""


@dataclass(frozen=True)
class Table:
    """The labels that a file gives to pictures.

    Attributes:
        path: the path of the file.
        labels: the label of each picture that has one, as text, by the picture's path; empty if
            the file says that there are no labels.
        missing: the files that it lists but that are not there.
        problem: why the labels cannot be used; empty if they can.
    """

    path: Path
    labels: Mapping[str, str]
    missing: tuple[str, ...] = ()
    problem: str = ""


def find_table(root: Path, paths: Sequence[str], top: Path, split: Split | None) -> Table | None:
    """Find the file that labels these pictures, in `root` or in a folder above it.

    Args:
        root: the folder that the paths are relative to.
        paths: the paths of the pictures.
        top: the folder that the user gave. Of the folders above it only the nearest is searched,
            and a file there must label at least half of the pictures.
        split: the split of the pictures, if they belong to one; a table named after another split
            is skipped.

    Returns:
        The labels of the first file that fits. If none does, the first table in the folders that
        names files and cannot be used, with its problem; None if there is none.

    Raises:
        DataError: a file of labels in `top`, or between `top` and `root`, is damaged.
    """
    unfit: Table | None = None
    for folder in _folders(root, top):
        outside = folder == top.parent
        for path in _candidates(folder, split):
            try:
                rows = _rows_of(path)
            except DataError:
                if outside:
                    continue
                raise
            if rows is None:
                continue
            table = _matched(path, rows, root, paths)
            enough = len(table.labels) >= OF_A_PARENT * len(paths) if outside else True
            if enough and (table.labels or not rows or table.problem):
                return table
            if not outside and rows:
                some = name_some((file for file, _ in rows), 1)
                problem = f"none of the files that it lists is here: {some}"
                unfit = unfit or Table(path, {}, problem=problem)
    return unfit


def find_split_column(root: Path, paths: Sequence[str]) -> tuple[str, Mapping[str, str]] | None:
    """Find a table in `root` with a column that says which split each picture belongs to.

    Returns the name of the table, and the word in that column by the picture's path; None if there
    is no such table. Raises DataError if it is damaged.
    """
    for path in _candidates(root, None):
        rows = None if path.name == JSON else _table_rows(path, SPLIT_COLUMNS)
        if rows and (words := _matched(path, rows, root, paths).labels):
            return path.name, words
    return None


def table_within(
    name: str, content: bytes, paths: Sequence[str], every: Collection[str]
) -> Table | None:
    """Return the labels that a `dataset.json` inside an archive gives to the pictures below it.

    Args:
        name: its name in the archive.
        content: what it holds.
        paths: the pictures that are to be labelled.
        every: all pictures in the archive.

    Returns:
        None if it holds no labels, or if none of the pictures below it is listed.

    Raises DataError if it is damaged.
    """
    path, above = Path(name), posixpath.join(posixpath.dirname(name), "")
    try:
        rows = _json_rows(path, as_object(content.decode()))
    except (StoredError, UnicodeDecodeError) as error:
        raise DataError(f"label file {name!r} cannot be read: {reason(error)}") from None
    if rows is None:
        return None
    below = [own.removeprefix(above) for own in paths if own.startswith(above)]
    table = _matched(Path(JSON), rows, Path(), below)
    if rows and not (table.labels or table.problem):
        return None
    there = {own.removeprefix(above) for own in every}
    missing = tuple(file for file in table.missing if _slashes(file).strip() not in there)
    labels = {above + own: label for own, label in table.labels.items()}
    return replace(table, path=path, labels=labels, missing=missing)


def _folders(root: Path, top: Path) -> list[Path]:
    root, top = Path(os.path.abspath(root)), Path(os.path.abspath(top))  # noqa: PTH100
    below = [folder for folder in (root, *root.parents) if folder.is_relative_to(top)]
    return [*below, *([top.parent] if top.parent != top else [])]


def _candidates(folder: Path, split: Split | None) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - the names alone
    except OSError:
        return []
    tables = [n for n in names if n.lower().endswith(TABLES) and not n.startswith(".")]
    tables.sort(key=lambda name: COPY.search(name) is not None)  # a space sorts before a dot
    tables = [n for n in tables if split is None or _split_named(n) in (None, split)]
    first = [JSON] if JSON in names else []
    return [folder / name for name in (*first, *tables[:MOST_TABLES])]


def _split_named(name: str) -> Split | None:
    words = re.split(r"[\W_0-9]+", name.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), None)


Rows = list[tuple[str, str]]
"""The file and the label of each row. No rows: the file says that there are no labels."""


def _rows_of(path: Path) -> Rows | None:
    """Return the rows of a file of labels, or None if it is not one.

    Raises DataError if it is damaged.
    """
    if not path.is_file():
        return None
    if path.name != JSON:
        return _table_rows(path)
    try:
        return _json_rows(path, read_json(path))
    except StoredError as error:
        raise DataError(f"label file {str(path)!r} cannot be read: {reason(error)}") from None


def _json_rows(path: Path, content: Mapping[str, Any]) -> Rows | None:
    if "labels" not in content:
        return None
    labels = content["labels"]
    pairs = list(labels.items()) if isinstance(labels, dict) else (labels or [])
    fits = isinstance(pairs, list) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in pairs
    )
    if not fits:
        raise DataError(
            f"label file {str(path)!r} is damaged: 'labels' must be null or a list of [file, label]"
        )
    return [(file, _text(path, label)) for file, label in pairs if label not in (None, "")]


def _text(path: Path, label: Any) -> str:
    """Return a label of dataset.json as text; a list of zeros with a single 1 is its position."""
    if isinstance(label, list) and (label.count(0), label.count(1)) == (len(label) - 1, 1):
        return str(label.index(1))
    if isinstance(label, (int, str)):
        return str(label)
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    raise DataError(
        f"label file {str(path)!r} gives labels that are no classes, such as {str(label)[:40]}: "
        "give whole numbers or names, or null for none"
    )


def _table_rows(path: Path, wanted: Sequence[str] = LABEL_COLUMNS) -> Rows | None:
    """Return the file of each row of a table, and what stands in the first column `wanted`.

    None if the file is no such table. Raises DataError if it is damaged.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return None
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    head = re.split(r"[\r\n]", start.decode(encoding, "replace"), maxsplit=1)[0]
    delimiter = max(",;\t|", key=head.count)
    header = [cell.strip().strip("\"'").lower() for cell in head.strip().split(delimiter)]
    columns, headed = _columns(header, wanted), True
    # A picture in the first line: there is no header.
    if columns is None and len(header) == 2 and wanted is LABEL_COLUMNS:
        pictures = [os.path.splitext(cell)[1] in SUFFIXES for cell in header]  # noqa: PTH122
        if any(pictures):
            columns, headed = (pictures.index(True), pictures.index(True) ^ 1), False
    if columns is None:
        return None
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise ValueError(f"it is longer than {LONGEST:,} bytes")
        text = content.decode(encoding)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except UnicodeDecodeError as error:
        raise DataError(
            f"label file {str(path)!r} is not UTF-8 text (byte {error.start:,}): save it as UTF-8"
        ) from None
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"label file {str(path)!r} cannot be read: {reason(error)}") from None
    found = []
    for number, row in enumerate(rows[headed:], 1 + headed):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) <= max(columns):
            raise DataError(
                f"label file {str(path)!r} is damaged: line {number:,} has {len(row)} of "
                f"{len(header)} columns"
            )
        named, label = row[columns[0]], row[columns[1]].strip()
        if named.strip() and label:
            found.append((named, label))
    return found or None


def _columns(header: Sequence[str], wanted: Sequence[str]) -> tuple[int, int] | None:
    """Return which columns of a table hold the file and what is wanted; None if that is unclear.

    In a table of two columns, the one beside the files is the label, unless it names splits.
    """
    header = [re.sub(r"[\W_]+", "_", name) for name in header]
    file = next((header.index(name) for name in FILE_COLUMNS if name in header), None)
    found = next((header.index(name) for name in wanted if name in header), None)
    if file is not None and found is None and len(header) == 2 and wanted is LABEL_COLUMNS:
        found = None if header[1 - file] in SPLIT_COLUMNS else 1 - file
    return None if file is None or found is None else (file, found)


def _matched(path: Path, rows: Rows, root: Path, paths: Sequence[str]) -> Table:
    """Match rows to pictures, in the way that matches the most pictures.

    A row may name a picture by its path relative to the table, by its path relative to `root`, or
    by its file name alone, with another suffix too: pictures are often converted.
    """
    above = os.path.relpath(root, path.parent).replace(os.sep, "/")
    best: list[tuple[str | None, str, str]] = []
    most = 0
    for key, shorten in (
        (lambda p: posixpath.normpath(posixpath.join(above, p)), posixpath.normpath),
        (lambda p: p, posixpath.normpath),
        (posixpath.basename, posixpath.basename),
    ):
        known = _unique(paths, key)
        found = [(_look_up(known, file, shorten), file, label) for file, label in rows]
        named = len({picture for picture, _, _ in found} - {None})
        if named > most:
            best, most = found, named
    return _table(path, best) if most else Table(path, {}, tuple(file for file, _ in rows))


def _slashes(file: str) -> str:
    return file.replace("\\", "/")


def _look_up(
    known: Mapping[str, str | None], file: str, shorten: Callable[[str], str]
) -> str | None:
    """Return the picture that a row names, as it is written or else as it may be meant."""
    names = [shorten(spelling) for spelling in (file, file.strip(), _slashes(file).strip())]
    stems = (posixpath.splitext(name) for name in names)
    names += [stem for stem, suffix in stems if suffix.lower() in SUFFIXES]
    return next((known[name] for name in names if name in known), None)


def _unique(paths: Iterable[str], key: Callable[[str], str]) -> dict[str, str | None]:
    """Return each picture by its key, with and without its suffix; None if a key has several."""
    known: dict[str, str | None] = {}
    for path in paths:
        whole = key(path)
        for name in {whole, posixpath.splitext(whole)[0]}:
            known[name] = None if name in known else path
    return known


def _table(path: Path, found: Iterable[tuple[str | None, str, str]]) -> Table:
    labels: dict[str, str] = {}
    missing = []
    for picture, file, label in found:
        if picture is None:
            # else it belongs to another split; os.path.exists, which never raises
            if not os.path.exists(path.parent / _slashes(file).strip()):  # noqa: PTH110
                missing.append(file)
        elif labels.setdefault(picture, label) != label:
            why = f"{file!r} has several labels, {labels[picture]!r} and {label!r}"
            return Table(path, {}, problem=why)
    named, problem = _names(labels)
    return Table(path, named, tuple(missing), problem)


def _names(labels: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
    """Return the labels, and why they are not classes if they are not.

    If all labels are numbers, those that end in `.0` lose it: `1.0` becomes `1`. `01` stays.
    """
    texts = set(labels.values())
    if len(labels) >= TELLING and len(texts) == len(labels):
        return {}, "each picture has a label of its own"
    broken = []
    for text in texts:
        try:
            broken += [] if float(text).is_integer() else [text]
        except ValueError:
            return labels, ""
    if broken:
        return {}, f"its labels are numbers that are no classes, such as {min(broken)}"
    return {path: re.sub(r"\.0*$", "", text) for path, text in labels.items()}, ""
