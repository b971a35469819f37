"""Files that survive: written aside, flushed, renamed; tensors with a header and a digest.

A tensor file is safetensors, so reading one runs no code. Its metadata holds one JSON text
under `gankit`: what kind of file it is, the format version, a digest of every tensor, and
whatever else its writer needs back.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gankit.errors import RunError

FORMAT = 1


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole, or leave what was there untouched.

    Raises OSError (disk full, read-only folder); nothing half-written stays behind.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def write_tensors(
    path: Path, kind: str, tensors: Mapping[str, Tensor], header: Mapping[str, Any]
) -> None:
    """Write a tensor file of this kind ('artifact', 'checkpoint'). Raises OSError."""
    from safetensors.torch import save

    plain = {name: t.detach().to("cpu").contiguous() for name, t in tensors.items()}
    text = json.dumps({"kind": kind, "format": FORMAT, "digest": digest(plain), **header})
    write_atomically(path, save(plain, metadata={"gankit": text}))


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the header of a file of this kind.

    Raises RunError where the file is missing, foreign, damaged or of another format version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            header = _header(path, kind, (file.metadata() or {}).get("gankit"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise RunError(f"no {kind} at '{path}'") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise RunError(f"'{path}' is damaged or no gankit {kind} ({error})") from None
    if header["digest"] != digest(tensors):
        raise RunError(f"'{path}' is damaged: its content does not match its digest")
    return tensors, header


def check_format(found: object, what: str) -> None:
    """Raises RunError where a format version is not the one that this gankit reads."""
    if found != FORMAT:
        raise RunError(
            f"{what} has format version {found}; this gankit reads version {FORMAT}: "
            "use the gankit that wrote it, or train again"
        )


def digest(tensors: Mapping[str, Tensor]) -> str:
    """A hex digest of names, types, shapes and bytes."""
    total = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def _header(path: Path, kind: str, text: str | None) -> dict[str, Any]:
    if text is None:
        raise RunError(f"'{path}' was not written by gankit")
    header: dict[str, Any] = json.loads(text)
    check_format(header.get("format"), f"'{path}'")
    if header.get("kind") != kind:
        raise RunError(f"'{path}' is a gankit {header.get('kind')}; the {kind} is wanted here")
    return header


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system lets folders be flushed."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
