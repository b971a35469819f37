"""Keep a second training process out of a run directory: each run has one owner.

The file system's own lock decides, if it has one. In addition, the owner writes its name into the
lock file and touches it every few seconds, so that a start on another machine, or on a file system
without locks, is noticed too.

Whoever may write in the directory can ask the owner to stop, by a file `.stop` in it. A file works
from every machine that sees the directory, from other containers and on every system; a signal
needs the owner's number, which after a kill may be that of another process.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gankit.errors import RunError
from gankit.storage import process_lives

LOCK, STOP = ".lock", ".stop"
BEAT, STALE = 10.0, 60.0
"""Seconds between two touches of the lock file, and seconds without one after which it is free."""
LOOK = 0.5
"""Seconds between two looks for the file that asks the owner to stop."""
SETTLE = 0.2
"""Seconds to wait before reading the name again, if two processes started at the same moment."""


class OwnerLostError(RunError):
    """Another process trains in the directory now."""


class Owner:
    """This process's claim to a run directory.

    Attributes:
        lost: whether another process has put its name in place of this one's.
        asked: whether somebody asked this owner to stop.
    """

    def __init__(self, path: Path, handle: int, name: dict[str, Any]) -> None:
        self.lost = self.asked = False
        self._stop = path.with_name(STOP)
        with suppress(OSError):  # what an earlier owner was asked
            self._stop.unlink(missing_ok=True)
        self._path, self._handle, self._name = path, handle, name
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="gankit-owner")
        self._thread.start()

    def _beat(self) -> None:
        due = time.monotonic() + BEAT
        while not self._over.wait(min(LOOK, BEAT)):
            self.asked = self.asked or self._stop.is_file()
            if time.monotonic() < due:
                continue
            due = time.monotonic() + BEAT
            with suppress(OSError):  # a share that is gone for a moment
                if _read(self._handle) != self._name:
                    self.lost = True
                    return
                _touch(self._handle)

    def is_replaced(self) -> bool:
        """Return whether another lock file stands in the place of this process's own.

        So it is if the directory was moved away while it trained, and another one put in its place.
        """
        try:
            there = self._path.stat()
            if os.path.samestat(there, os.fstat(self._handle)):
                return False
            # Some file systems number a file anew, so the name decides.
            return _named(self._path.read_bytes()) != self._name
        except OSError:  # removed, or a share that is gone for a moment
            return False

    def let_go(self) -> None:
        """Give up the claim, and empty the lock file if it still holds this process's name."""
        self._over.set()
        self._thread.join()
        with suppress(OSError):
            if _read(self._handle) == self._name:
                self._stop.unlink(missing_ok=True)
                os.ftruncate(self._handle, 0)


@contextmanager
def own(folder: Path, say: Callable[[str], None] = lambda _: None) -> Iterator[Owner]:
    """Keep every other training process out of `folder`, which must exist.

    Even a kill releases it. `say` is called with a line if the file system has no locks. Raises
    RunError if another process trains in the folder, and OSError if the lock file cannot be made.
    """
    handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        locked = _lock(handle, folder)
        if not locked:
            say(
                f"'{folder}' is on a file system without locks: a second start in it is noticed by "
                f"the age of {LOCK} alone"
            )
        name = _claim(handle, folder, locked)
        owner = Owner(folder / LOCK, handle, name)
        try:
            yield owner
        finally:
            owner.let_go()
    finally:
        os.close(handle)


def is_owned(folder: Path) -> bool:
    """Return whether a process trains in `folder`, or did a minute ago and was killed.

    The lock file is not opened: on some file systems that would release the lock of this process.
    """
    try:
        found = (folder / LOCK).stat()
    except OSError:
        return False
    return found.st_size > 0 and time.time() - found.st_mtime < STALE


def ask_to_stop(folder: Path) -> None:
    """Ask the process that trains in `folder` to save and end, as SIGTERM would.

    It sees that within a second, and acts after the step in progress. If no process trains there,
    nothing happens: the next one to begin forgets what was asked before. Raises OSError.
    """
    (folder / STOP).touch()


def is_asked_to_stop(folder: Path) -> bool:
    """Return whether the process that trains in `folder` was asked to stop, and has not ended."""
    return (folder / STOP).is_file() and is_owned(folder)


def _lock(handle: int, folder: Path) -> bool:
    """Take the lock; return False if there are none here. Raises RunError if another has it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunError(f"another process is training in '{folder}'") from None
    except OSError:  # ENOLCK, ENOSYS, ENOTSUP: Lustre, some NFS and FUSE
        return False
    return True


def _claim(handle: int, folder: Path, locked: bool) -> dict[str, Any]:
    """Write this process's name into the lock file and return it.

    Raises RunError if the file holds another process's name and was touched recently.
    """
    before, age = _read(handle), time.time() - os.fstat(handle).st_mtime
    if before and age < STALE:
        here = before.get("host") == _host()
        pid = before.get("pid")
        lives = isinstance(pid, int) and process_lives(pid)
        # If this process holds the lock, no other process of this machine has the run.
        if (lives and not locked) if here else True:
            raise RunError(
                f"another process is training in '{folder}': number {pid} on "
                f"{str(before.get('host'))[:60]!r}, {max(0.0, age):.0f} s ago. If it is gone, wait "
                f"until {STALE:.0f} s have passed, or remove {folder / LOCK}"
            )
    name = {"host": _host(), "pid": os.getpid(), "since": time.time_ns()}
    _write(handle, name)
    if not locked:
        time.sleep(SETTLE)
        if _read(handle) != name:
            raise RunError(f"another process is training in '{folder}': it started at this moment")
    return name


def _host() -> str:
    """Return a name for this machine and its process namespace (each container has its own)."""
    spaces = ""
    with suppress(OSError):
        spaces = Path("/proc/self/ns/pid").readlink().name
    return f"{socket.gethostname()} {spaces}".strip()


# All use the one handle: on some file systems, closing another handle would release the lock.


def _read(handle: int) -> dict[str, Any] | None:
    os.lseek(handle, 0, os.SEEK_SET)
    return _named(os.read(handle, 4096))


def _named(content: bytes) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        stored = json.loads(content)
        return stored if isinstance(stored, dict) else None
    return None


def _write(handle: int, name: dict[str, Any]) -> None:
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps(name).encode())


def _touch(handle: int) -> None:
    if os.utime in os.supports_fd:
        os.utime(handle)
