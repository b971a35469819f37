"""A kill at every file operation of a short run; then the same command again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tools.breaking.hooks import SignalAt, watched
from tools.breaking.operations import CHANGES, Moment, Operation
from tools.breaking.runs import Bench, Case, complete, expect

MOMENTS: tuple[Moment, ...] = ("before", "half", "after")


def points(operations: list[Operation]) -> Iterator[tuple[Operation, Moment]]:
    """Every moment at which a kill can leave something else behind."""
    for operation in operations:
        if operation.name in CHANGES:
            for moment in MOMENTS:
                if moment != "half" or operation.name == "write":
                    yield operation, moment


def cases(bench: Bench) -> Iterator[Case]:
    """Each point once; then a second kill, at each point of the call that resumes."""
    whole = bench.whole()
    for operation, moment in points(whole.operations):
        yield Case(f"killed {moment} {operation}", partial(killed_once, operation, moment))
    middle = whole.operations[len(whole.operations) // 2]
    for second in range(1, len(whole.operations)):
        name = f"killed before {middle}, then at operation {second} of the next call"
        yield Case(name, partial(killed_twice, middle, second))


def killed_once(operation: Operation, moment: Moment, bench: Bench, folder: Path) -> None:
    """A killed run and the same command again come to what an undisturbed run does."""
    run = folder / "run"
    first = bench.train(run, watched(run, SignalAt(operation.number, moment)))
    expect(first.code == -signal.SIGKILL, f"the kill {moment} {operation} lands", first)
    complete(bench, run, f"killed {moment} {operation}")


def killed_twice(operation: Operation, second: int, bench: Bench, folder: Path) -> None:
    """The same with another kill in the call that resumes (which may be over before)."""
    run = folder / "run"
    bench.train(run, watched(run, SignalAt(operation.number)))
    bench.train(run, watched(run, SignalAt(second)))
    complete(bench, run, f"killed before {operation}, then at operation {second}")
