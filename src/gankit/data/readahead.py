"""Batches read by worker processes before they are asked for; a worker that dies is replaced.

Processes and pipes of our own, not a DataLoader: that one raises wherever the parent happens to
be when a worker dies, in the middle of a step too, and does not go on.
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
"""Positions that each worker is asked for before they are needed."""

MOST_DEATHS = 3
"""Workers that may die one after another, without a batch in between, before it is given up."""

PATIENCE = 1.0
"""Seconds between two looks at whether the other process is still there."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Readable(Protocol[T_co]):
    """What a worker reads from; where processes are not forked, it must pickle."""

    @property
    def dataset(self) -> Dataset: ...

    def read(self, position: int) -> T_co: ...


def say_on_stderr(line: str) -> None:
    """Tell the person at the terminal."""
    print(line, file=sys.stderr)


class ReadAhead(Generic[T]):
    """`source.read(position)` for one position after another, by processes that work ahead."""

    def __init__(
        self, source: Readable[T], workers: int, say: Callable[[str], None] = say_on_stderr
    ) -> None:
        """`workers`: at least 1. `say` is told of each worker that is replaced."""
        self.unreadable: set[str] = set()
        self._source = source
        self._say = say
        self._count = workers
        self._workers: list[_Worker] = []
        self._next: int | None = None
        self._round = 0  # answers of a former round are dropped

    def at(self, position: int) -> T:
        """What `source.read(position)` returns; quick if the last position came just before.

        Raises:
            DataError: `source.read` raised it.
            TrainingError: a worker failed otherwise, cannot be started, or workers died
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
        """End the workers; a later `at` starts others."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._next = None

    def _restart(self, position: int) -> None:
        """Begin a round at `position`; the workers stay, and what they had ready is dropped."""
        self._round += 1
        while len(self._workers) < self._count:
            self._workers.append(self._start())
        for worker in self._workers:
            worker.forget()
        for ahead in range(position, position + AHEAD * self._count):
            self._ask(ahead % self._count, ahead)

    def _answer(self, number: int, position: int) -> _Answer:
        """What this worker, or the ones that take its place, answer for `position`."""
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
    """The parent's end of one process; `asked`: the positions that it has not answered yet."""

    process: BaseProcess
    connection: Connection
    asked: deque[int] = field(default_factory=deque)

    @classmethod
    def start(cls, source: Readable[Any], others: list[Connection]) -> _Worker:
        """Raises OSError if there can be no further process or pipe."""
        context: BaseContext = multiprocessing.get_context()
        ours, theirs = context.Pipe()
        # A fork holds copies of our ends; while those are open, nobody sees that we are gone.
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
        """Ask for a position; a worker that is dead is found out when its answer is wanted."""
        self.asked.append(position)
        with suppress(OSError):
            self.connection.send((round_, position))

    def receive(self) -> _Answer | None:
        """The next answer; None when the process is dead."""
        try:
            while not self.connection.poll(PATIENCE):
                if not self.process.is_alive() and not self.connection.poll(0):
                    return None
            answer: _Answer = self.connection.recv()
        except (EOFError, OSError):  # in the middle of an answer, too
            return None
        return answer

    def forget(self) -> None:
        """Drop what was asked, and what is answered already, so that the worker can go on."""
        self.asked.clear()
        with suppress(EOFError, OSError):
            while self.connection.poll(0):
                self.connection.recv()

    def cause_of_death(self) -> str:
        """How a process went that no longer answers: a signal or an exit code."""
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
    """In a worker: read what is asked for until nobody asks any more."""
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
    # Ctrl-C and a lost terminal go to the whole group; the parent still wants batches until it
    # has saved. SIGTERM ends a worker, whatever the parent had chosen for itself.
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
    except Exception as error:  # a traceback of another process helps nobody
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        failure = TrainingError(f"a worker that reads images failed at batch {position:,} ({what})")
    return _Answer(round_, position, value, failure, source.dataset.unreadable)
