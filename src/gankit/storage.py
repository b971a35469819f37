"""Write files that survive a kill or a power cut, and tensor files with a header and a digest.

A file is written under another name, flushed and then renamed. A tensor file is safetensors, so
reading one runs no code. Its metadata holds one JSON text under `gankit`: the kind of file, the
format version, whatever else its writer needs back, and a digest of all of this and of every
tensor.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from gankit.errors import RunError
from gankit.stored import parse_json

T = TypeVar("T")

FORMAT = 1

PATIENCE = (0.1, 1.0)
"""Seconds to wait before the second and the third try after an error that may pass."""
_MAY_PASS = {
    getattr(errno, name)
    for name in (
        *("EIO", "EAGAIN", "EINTR", "EBUSY", "ESTALE", "ETIMEDOUT", "EREMOTEIO", "ENOTCONN"),
        *("ENETDOWN", "ENETUNREACH", "EHOSTDOWN", "EHOSTUNREACH", "ECONNRESET"),
    )
    if hasattr(errno, name)
}
"""The errors of a network share that is gone for a second."""
_CANNOT_FLUSH = {
    *(errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS),
    *(errno.EACCES, errno.EPERM, errno.EBADF, errno.EISDIR),
}
"""The errors of file systems that cannot flush folders: CIFS, virtual machines' shared folders."""


def patiently(act: Callable[[], T]) -> T:
    """Call `act`, and again after a moment if a network share was gone. Raises OSError."""
    for seconds in PATIENCE:
        try:
            return act()
        except OSError as error:
            if error.errno not in _MAY_PASS:
                raise
            time.sleep(seconds)
    return act()


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole, or leave what was there untouched.

    Raises OSError (disk full, read-only folder); nothing half-written stays behind.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")

    def write() -> None:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)

    try:
        patiently(write)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def list_folder(folder: Path) -> list[Path]:
    """Return what a folder holds, by name; nothing if it is not there.

    Raises RunError if it cannot be listed, where `Path.glob` would find nothing.
    """
    try:
        return patiently(lambda: sorted(folder.iterdir()))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RunError(f"'{folder}' cannot be read: {error.strerror or error}") from None


def checkpoint_files(folder: Path) -> list[Path]:
    """Return the checkpoint files of the run in a folder, oldest first; none if it is no run.

    Raises RunError if they cannot be listed.
    """
    inside = list_folder(folder / "checkpoints")
    found = (path for path in inside if path.match("step-*.safetensors"))
    return [path for path in found if path.stem[5:].isdigit()]


def flush(path: Path) -> None:
    """Flush a file to the disk, so that a power cut loses nothing; ignore a missing file."""
    with suppress(OSError), path.open("rb") as file:
        os.fsync(file.fileno())


_PART = re.compile(r"\..+\.(\d+)\.part")


def sweep_parts(folder: Path) -> None:
    """Remove unfinished files of killed writers in `folder`, but not those of living ones."""
    with suppress(OSError):
        for path in folder.iterdir():
            found = _PART.fullmatch(path.name)
            if found and not process_lives(int(found[1])):
                path.unlink(missing_ok=True)


def process_lives(pid: int) -> bool:
    """Return whether another process of this number runs on this machine."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # not permitted: it exists, and is another user's
        return True
    return True


def append_line(path: Path, text: str) -> None:
    """Append one line to a file, whole or not at all. Raises OSError.

    A last line that a kill tore is ended first, so that it does not spoil this one.
    """
    line = text.encode() + b"\n"

    def write() -> None:
        with path.open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
            torn = size > 0 and file.read(1) != b"\n"
            try:
                file.write(b"\n" + line if torn else line)
                file.flush()
            except OSError:
                with suppress(OSError):
                    file.truncate(size)
                raise

    patiently(write)


def set_aside(path: Path) -> Path:
    """Rename a file that must not be overwritten, in its folder, and return its new path.

    Raises OSError.
    """
    for number in range(1, 10_000):
        new = path.with_name(f"unreadable-{number}-{path.name}")
        if not os.path.lexists(new):
            path.rename(new)
            return new
    raise OSError(errno.EEXIST, f"there are too many 'unreadable-...-{path.name}'")


_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""The errors that reading a damaged file raises."""


def write_tensors(
    path: Path, kind: str, tensors: Mapping[str, Tensor], header: Mapping[str, Any]
) -> None:
    """Write a tensor file of this kind ('artifact', 'checkpoint'). Raises OSError."""
    from safetensors.torch import save

    plain = {name: t.detach().to("cpu").contiguous() for name, t in tensors.items()}
    given = {**header, "kind": kind, "format": FORMAT}
    given.pop("digest", None)
    given = json.loads(json.dumps(given))  # as it will be read back, with tuples as lists
    sealed = json.dumps({**given, "digest": seal(digest(plain), given)})
    write_atomically(path, save(plain, metadata={"gankit": sealed}))


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and the header of a file of this kind.

    Raises RunError if the file is missing, foreign, damaged or of another format version.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = read_file(path, kind)
    try:
        header = _header(path, kind, content)
        tensors: dict[str, Tensor] = load(content)
    except (
        SafetensorError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise RunError(f"'{path}' is damaged or no gankit {kind} ({_brief(error)})") from None
    found, body = header["digest"], digest(tensors)
    rest = {key: value for key, value in header.items() if key != "digest"}
    if found not in (seal(body, rest), body):  # gankit 0.1 wrote the second
        raise RunError(f"'{path}' is damaged: its content does not match its digest")
    return tensors, header


def read_file(path: Path, kind: str) -> bytes:
    """Read the bytes of a regular file. Raises RunError, naming `kind`, if that is impossible."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise RunError(f"'{path}' is no file: a gankit {kind} is wanted here")
        return patiently(path.read_bytes)
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"no {kind} at '{path}'") from None
    except MemoryError:
        raise RunError(f"'{path}' does not fit into memory") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or error
        raise RunError(f"'{path}' cannot be read: {reason}") from None


def check_format(found: object, what: str) -> None:
    """Raise RunError if a format version is not the one that this gankit reads."""
    if found != FORMAT:
        raise RunError(
            f"{what} has format version {str(found)[:40]}; this gankit reads version {FORMAT}: "
            "use the gankit that wrote it, or train again"
        )


def digest(tensors: Mapping[str, Tensor]) -> str:
    """Return a hex digest of the tensors' names, types, shapes and bytes."""
    total = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def seal(body: str, header: Mapping[str, Any]) -> str:
    """Return a hex digest of the tensors' digest and a header, whatever the order of its keys."""
    text = body + json.dumps(header, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of a tensor that holds a NaN or an infinity; None if there is none.

    It takes one pass over memory, for the largest absolute value: a sum of squares would overflow.
    """
    named = [(k, v) for k, v in tensors.items() if v.is_floating_point() and v.numel()]
    for dtype in {value.dtype for _, value in named}:
        names = [name for name, value in named if value.dtype == dtype]
        values = [value.detach() for _, value in named if value.dtype == dtype]
        largest = torch.stack([v.cpu() for v in torch._foreach_norm(values, float("inf"))])
        if not bool(torch.isfinite(largest).all()):
            return names[int(torch.isfinite(largest).logical_not().nonzero()[0])]
    return None


def _header(path: Path, kind: str, content: bytes) -> dict[str, Any]:
    """Return the header of a tensor file, without its tensors."""
    length = int.from_bytes(content[:8], "little")
    stored = parse_json(content[8 : 8 + length].decode())
    text = (stored.get("__metadata__") or {}).get("gankit")
    if text is None:
        raise RunError(f"'{path}' was not written by gankit")
    header: dict[str, Any] = parse_json(text)
    if not isinstance(header, dict) or not isinstance(header.get("digest"), str):
        raise ValueError("its header is none")
    check_format(header.get("format"), f"'{path}'")
    if header.get("kind") != kind:
        raise RunError(f"'{path}' is a gankit {header.get('kind')}; the {kind} is wanted here")
    return header


def _brief(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _flush_folder(folder: Path) -> None:
    """Flush a folder, so that a rename survives a power cut, if the file system can do that."""
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise
