"""The lines of a table in a CSV file: what the tools that go on where they were stopped share."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a table, text by column; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_lines(path: Path, lines: Sequence[Line], columns: Sequence[str] = ()) -> None:
    """Write a table anew, with the columns of its first line unless they are given."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns or lines[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
