"""Every file operation of this process below a folder, shown to a hook before and after.

The functions of `os`, `io` and `fcntl` are replaced in this process, for good: only for a process
that was forked for one case.
"""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

Moment = Literal["before", "half", "after"]
CHANGES = ("open", "write", "fsync", "rename", "unlink", "mkdir", "rmdir", "lock", "truncate")
"""The operations that may change something; `read` (opening to read) and `list` do not."""


class Operation(NamedTuple):
    """One file operation. `path` is relative to the folder, and '.' for the folder itself."""

    number: int
    name: str
    path: str

    def __str__(self) -> str:
        return f"operation {self.number} ({self.name} {self.path})"


Hook = Callable[[Moment, Operation], None]
"""Called with each moment of each operation. What it raises, the operation raises. `half` is a
moment of writing alone: half of the bytes are in the file."""


def watch(folder: str, hooks: Sequence[Hook]) -> None:
    """Show every file operation at or below `folder` to each hook, from now on."""
    watched = _Watched(folder, hooks)
    watched.replace(os, "open", _kind_of_handle)
    watched.replace(os, "fsync", "fsync")
    watched.replace(os, "fdatasync", "fsync")
    watched.replace(os, "mkdir", "mkdir")
    watched.replace(os, "rmdir", "rmdir")
    watched.replace(os, "truncate", "truncate")
    watched.replace(os, "ftruncate", "truncate")
    watched.replace(os, "listdir", "list")
    watched.replace(os, "scandir", "list")
    for name in ("unlink", "remove"):
        watched.replace(os, name, "unlink")
    for name in ("replace", "rename", "link", "symlink"):
        watched.replace(os, name, "rename", place=1)
    watched.replace_open()
    watched.replace_write()
    watched.replace_others()


class _Watched:
    def __init__(self, folder: str, hooks: Sequence[Hook]) -> None:
        self.folder, self.hooks, self.count = os.path.realpath(folder), hooks, 0

    def hook(self, moment: Moment, operation: Operation) -> None:
        for hook in self.hooks:
            hook(moment, operation)

    def where(self, path: Any, folder_handle: int | None = None) -> str | None:
        """Relative to the folder; None where it lies elsewhere."""
        if isinstance(path, int):
            path = Path(f"/proc/self/fd/{path}").readlink()
        elif folder_handle is not None:
            path = Path(f"/proc/self/fd/{folder_handle}").readlink() / os.fsdecode(path)
        try:
            found = os.path.relpath(os.path.abspath(os.fsdecode(path)), self.folder)  # noqa: PTH100
        except TypeError:
            return None
        # A name that holds the process's own number is the same in every process.
        return None if found.startswith("..") else found.replace(f".{os.getpid()}.", ".PID.")

    def perform(self, name: str, where: str | None, act: Callable[[], Any]) -> Any:
        if where is None:
            return act()
        operation = self.next(name, where)
        self.hook("before", operation)
        try:
            return act()
        finally:  # the system may refuse it: a folder that is there already
            self.hook("after", operation)

    def next(self, name: str, where: str) -> Operation:
        self.count += 1
        return Operation(self.count, name, where)

    def write(self, where: str | None, content: Any, put: Callable[[Any, bool], Any]) -> int:
        """`put(part, more)` both halves of `content`."""
        if where is None:
            put(content, False)
            return len(content)
        operation, middle = self.next("write", where), len(content) // 2
        self.hook("before", operation)
        put(content[:middle], True)
        self.hook("half", operation)
        put(content[middle:], False)
        self.hook("after", operation)
        return len(content)

    def replace(self, module: Any, function: str, name: Any, place: int = 0) -> None:
        if not hasattr(module, function):
            return
        plain = getattr(module, function)

        def replaced(*given: Any, **named: Any) -> Any:
            path = given[place] if len(given) > place else named.get("dst", named.get("path", "."))
            kind = name(*given, **named) if callable(name) else name
            handle = named.get("dst_dir_fd" if place else "dir_fd")
            where = self.where("." if path is None else path, handle)
            return self.perform(kind, where, lambda: plain(*given, **named))

        setattr(module, function, replaced)
        for offered in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if plain in offered:
                offered.add(replaced)

    def replace_open(self) -> None:
        plain = io.open

        def replaced(file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
            where = None if isinstance(file, int) and file < 3 else self.where(file)
            if where is None:
                return plain(file, mode, *given, **named)
            kind = "open" if set(mode) & set("wax+") else "read"
            opened = self.perform(kind, where, lambda: plain(file, mode, *given, **named))
            return _File(opened, self, where)

        io.open = builtins.open = replaced  # type: ignore[assignment]

    def replace_write(self) -> None:
        plain = os.write

        def replaced(handle: int, content: Any) -> int:
            def put(part: Any, more: bool) -> None:
                plain(handle, part)

            return self.write(self.where(handle) if handle > 2 else None, content, put)

        os.write = replaced

    def replace_others(self) -> None:
        import fcntl

        import safetensors

        for module, function, name in (
            (fcntl, "flock", "lock"),
            (fcntl, "lockf", "lock"),
            (safetensors, "safe_open", "read"),
        ):
            self.replace(module, function, name)


def _kind_of_handle(path: Any, flags: int, *given: Any, **named: Any) -> str:
    return "open" if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC) else "read"


class _File:
    """An open file whose writing is watched; else it is what it wraps."""

    def __init__(self, file: Any, watched: _Watched, where: str) -> None:
        self._file, self._watched, self._where = file, watched, where

    def write(self, content: Any) -> int:
        def put(part: Any, more: bool) -> None:
            self._file.write(part)
            if more:
                self._file.flush()

        return self._watched.write(self._where, content, put)

    def truncate(self, *given: Any) -> Any:
        return self._watched.perform("truncate", self._where, lambda: self._file.truncate(*given))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *problem: object) -> None:
        self._file.close()

    def __iter__(self) -> Any:
        return iter(self._file)

    def __next__(self) -> Any:
        return next(self._file)
