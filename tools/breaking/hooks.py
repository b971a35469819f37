"""What is done at a file operation: it is written down, or the process is killed, told, failed.

All of them are plain data, so that they can be sent to a process; `watched` makes one a step of
its preparation.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from tools.breaking.operations import Hook, Moment, Operation, watch
from tools.breaking.processes import Call


def watched(folder: Path, *hooks: Hook) -> Call:
    """For `prepare`: show the process's file operations below `folder` to each hook in turn."""
    return partial(watch, str(folder), hooks)


@dataclass
class WriteDown:
    """Writes every operation into a file elsewhere, one line each."""

    path: Path

    def __call__(self, moment: Moment, operation: Operation) -> None:
        if moment == "before":
            with self.path.open("a") as file:
                file.write("\t".join(map(str, operation)) + "\n")

    def read(self) -> list[Operation]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        parts = (line.split("\t") for line in lines)
        return [Operation(int(number), name, path) for number, name, path in parts]


@dataclass
class SignalAt:
    """Sends a signal to its own process at one moment of one operation, so many times."""

    number: int
    moment: Moment = "before"
    signal: int = signal.SIGKILL
    times: int = 1

    def __call__(self, moment: Moment, operation: Operation) -> None:
        if moment == self.moment and operation.number == self.number:
            for _ in range(self.times):
                os.kill(os.getpid(), self.signal)


@dataclass
class SignalWhen:
    """Sends a signal to its own process the `count`-th time that a path meets an operation."""

    name: str
    pattern: str
    count: int = 1
    signal: int = signal.SIGKILL
    moment: Moment = "before"

    def __call__(self, moment: Moment, operation: Operation) -> None:
        if moment == self.moment and operation.name == self.name:
            self.count -= fnmatch(operation.path, self.pattern)
            if self.count == 0:
                self.count -= 1
                os.kill(os.getpid(), self.signal)


@dataclass
class Fail:
    """Raises an OSError at operations: from number `first` on, in all or the next `times`.

    A write fails half-way, with half of its bytes in the file.
    """

    error: int
    first: int = 0
    times: int = 1_000_000
    names: Sequence[str] = ()
    pattern: str = "*"

    def __call__(self, moment: Moment, operation: Operation) -> None:
        if moment != ("half" if operation.name == "write" else "before"):
            return
        wanted = not self.names or operation.name in self.names
        if operation.number >= self.first and wanted and fnmatch(operation.path, self.pattern):
            self.times -= 1
            if self.times >= 0:
                raise OSError(self.error, os.strerror(self.error), operation.path)


@dataclass
class PauseAt:
    """Stands still before one operation, from when it has made `here` until `go` is there."""

    number: int
    here: Path
    go: Path

    def __call__(self, moment: Moment, operation: Operation) -> None:
        if moment == "before" and operation.number == self.number:
            self.here.touch()
            while not self.go.exists():
                time.sleep(0.002)


def without_locks(error: int) -> None:
    """For `prepare`: a file system that knows no locks."""
    import fcntl

    def refuse(*given: object) -> None:
        raise OSError(error, os.strerror(error))

    fcntl.flock = fcntl.lockf = refuse  # type: ignore[assignment]
