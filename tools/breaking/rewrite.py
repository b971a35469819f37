"""Tensor files written again with something changed, and everything else right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from gankit.storage import read_tensors, write_tensors

OWN = ("kind", "format", "digest")
"""What the writer puts into a header itself."""


def rewrite(
    path: Path,
    kind: str,
    tensors: Mapping[str, Tensor] | None = None,
    header: Mapping[str, Any] | None = None,
) -> None:
    """Write the file at `path` again with other tensors, or another header, and a right digest."""
    old_tensors, old_header = read_tensors(path, kind)
    given = old_header if header is None else header
    write_tensors(
        path,
        kind,
        old_tensors if tensors is None else tensors,
        {key: value for key, value in given.items() if key not in OWN},
    )
