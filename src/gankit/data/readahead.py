"""Worker processes that read batches before they are needed; a worker that dies is replaced.

These are our own processes and pipes. torch's DataLoader would not do: if a worker dies, it raises
wherever the parent happens to be, even in the middle of a step, and cannot go on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, TypeVar

from gankit.data.dataset import Dataset
from gankit.errors import DataError, TrainingError

AHEAD = 2
"""How many positions each worker is asked for before they are needed."""

MOST_DEATHS = 3
"""How many workers may die in a row over one position before an error is raised."""

PATIENCE = 1.0
"""Seconds between two checks of whether the other process is still alive."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Readable(Protocol[T_co]):
    """What a worker reads from. It must be picklable if processes are not forked."""

    @property
    def dataset(self) -> Dataset: ...

    def read(self, position: int) -> T_co: ...


def say_on_stderr(line: str) -> None:
    """Print a line to standard error, for the person at the terminal."""
    print(line, file=sys.stderr)


class ReadAhead(Generic[T]):
    """Worker processes that call `source.read(position)` ahead, for one position after another."""

    def __init__(
        self, source: Readable[T], workers: int, say: Callable[[str], None] = say_on_stderr
    ) -> None:
        """Prepare to read; the workers start with the first `at`.

        Args:
            source: what to read from.
            workers: the number of processes, at least 1.
            say: called with a line for each worker that is replaced.
        """
        self.unreadable: set[str] = set()
        self._source = source
        self._say = say
        self._count = workers
        self._workers: list[_Worker] = []
        self._next: int | None = None
        self._round = 0  # answers of an earlier round are dropped

    def at(self, position: int) -> T:
        """Return `source.read(position)`; quick if the position before was read last.

        Raises:
            DataError: `source.read` raised it.
            TrainingError: a worker failed in another way or cannot be started, or workers died
                `MOST_DEATHS` times over this position.
        """
        if position != self._next:
            self._restart(position)
        number = position % self._count
        try:
            answer = self._answer(number, position)
        except BaseException:  # an interrupt may have come in the middle of an answer
            self.close()
            raise
        self._next = position + 1
        self._ask(number, position + AHEAD * self._count)
        self.unreadable.update(answer.unreadable)
        if answer.failure is not None:
            self._next = None
            raise answer.failure
        return answer.value  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the workers; a later `at` starts new ones."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._next = None

    def _restart(self, position: int) -> None:
        """Begin a round at `position`. The workers stay, but drop what they have ready."""
        self._round += 1
        while len(self._workers) < self._count:
            self._workers.append(self._start())
        for worker in self._workers:
            worker.forget()
        for ahead in range(position, position + AHEAD * self._count):
            self._ask(ahead % self._count, ahead)

    def _answer(self, number: int, position: int) -> _Answer:
        """Return the answer for `position` of this worker, or of those that replace it."""
        for death in range(1, MOST_DEATHS + 1):
            worker = self._workers[number]
            while (answer := worker.receive()) is not None:
                if (answer.round, answer.position) == (self._round, position):
                    worker.asked.popleft()
                    return answer
            cause = worker.cause_of_death()
            if death < MOST_DEATHS:
                self._say(f"a process that reads images died ({cause}): another takes its place")
                self._workers[number] = self._start()
                for asked in worker.asked:
                    self._workers[number].ask(self._round, asked)
        raise TrainingError(
            f"a worker that reads images died {MOST_DEATHS} times over batch {position:,}"
            f" ({cause}): fewer workers need less memory: lower runtime.workers, to 0 for none",
            "runtime.workers",
        )

    def _ask(self, number: int, position: int) -> None:
        self._workers[number].ask(self._round, position)

    def _start(self) -> _Worker:
        others = [worker.connection for worker in self._workers]
        try:
            return _Worker.start(self._source, others)
        except OSError as error:
            raise TrainingError(
                f"a process that reads images cannot be started ({error.strerror or error}):"
                f" lower runtime.workers from {self._count}, to 0 for none",
                "runtime.workers",
            ) from None


@dataclass(frozen=True)
class _Answer:
    """What a worker sends back for one position."""

    round: int
    position: int
    value: Any
    failure: DataError | TrainingError | None
    unreadable: tuple[str, ...]


@dataclass
class _Worker:
    """The parent's end of one process; `asked` holds the positions that are not yet answered."""

    process: BaseProcess
    connection: Connection
    asked: deque[int] = field(default_factory=deque)

    @classmethod
    def start(cls, source: Readable[Any], others: list[Connection]) -> _Worker:
        """Start a process. Raises OSError if the system allows no further process or pipe.

        `others` are the connections to the other workers.
        """
        context: BaseContext = multiprocessing.get_context()
        ours, theirs = context.Pipe()
        # A fork holds copies of our ends; while these are open, no worker notices that we are gone.
        copies = [ours, *others] if context.get_start_method() == "fork" else []
        process = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=(source, theirs, os.getpid(), copies), daemon=True
        )
        try:
            process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours)

    def ask(self, round_: int, position: int) -> None:
        """Ask for a position. A dead worker is noticed only when its answer is needed."""
        self.asked.append(position)
        with suppress(OSError):
            self.connection.send((round_, position))

    def receive(self) -> _Answer | None:
        """Return the next answer, or None if the process is dead."""
        try:
            while not self.connection.poll(PATIENCE):
                if not self.process.is_alive() and not self.connection.poll(0):
                    return None
            answer: _Answer = self.connection.recv()
        except (EOFError, OSError):  # it may die in the middle of an answer
            return None
        return answer

    def forget(self) -> None:
        """Forget all questions and drop the answers that have arrived, so the worker can go on."""
        self.asked.clear()
        with suppress(EOFError, OSError):
            while self.connection.poll(0):
                self.connection.recv()

    def cause_of_death(self) -> str:
        """End a process that no longer answers, and return its signal or its exit code."""
        self.process.join(PATIENCE)
        self.end()
        code = self.process.exitcode or 0
        with suppress(ValueError):
            return signal.Signals(-code).name
        return f"exit code {code}"

    def end(self) -> None:
        """Make sure that the process is gone."""
        self.connection.close()
        self.process.kill()
        self.process.join()


def _serve(
    source: Readable[Any], connection: Connection, parent: int, copies: list[Connection]
) -> None:
    """Run a worker: read what is asked for until the parent is gone or closes the connection."""
    _leave_signals_to_the_parent()
    for copy in copies:
        copy.close()
    waiting: deque[tuple[int, int]] = deque()
    with suppress(EOFError, OSError):  # the parent is gone, or wants no more
        while True:
            while not (connection.poll(0) or waiting or connection.poll(PATIENCE)):
                if os.getppid() != parent:
                    return
            while connection.poll(0):
                waiting.append(connection.recv())
            newest, _ = waiting[-1]
            round_, position = waiting.popleft()
            if round_ == newest:
                connection.send(_read(source, round_, position))


def _leave_signals_to_the_parent() -> None:
    # Ctrl-C and a lost terminal reach the whole process group, but the parent needs batches until
    # it has saved. SIGTERM ends a worker, however the parent handles it.
    for name in ("SIGINT", "SIGHUP", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _read(source: Readable[Any], round_: int, position: int) -> _Answer:
    value: Any = None
    failure: DataError | TrainingError | None = None
    try:
        value = source.read(position)
    except DataError as error:
        failure = error
    except Exception as error:  # another process's traceback helps nobody
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        failure = TrainingError(f"a worker that reads images failed at batch {position:,} ({what})")
    return _Answer(round_, position, value, failure, source.dataset.unreadable)
