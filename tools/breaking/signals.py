"""Signals that ask a run to stop, at every file operation, and between them.

What is right: one line, an exit code that names the signal, a checkpoint of the last whole step,
and a run that goes on from there to the bit. The second signal may end it on the spot.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tools.breaking.hooks import SignalAt, watched
from tools.breaking.kill import points
from tools.breaking.operations import Moment, Operation
from tools.breaking.processes import Result
from tools.breaking.runs import NARROW, Bench, Case, complete, contents, expect, log_of

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
SAID = re.compile(r"stopp|interrupt|SIG(INT|TERM|HUP|USR1)", re.IGNORECASE)
MEASURED = ("train", "gan", "toy:ring8", "--minutes", "0.03", *NARROW)
"""A budget that has to become a number of steps."""


@dataclass(frozen=True)
class Signal:
    """A signal at one moment of one file operation, so many times."""

    number: signal.Signals
    moment: Moment
    operation: Operation
    times: int = 1

    def __str__(self) -> str:
        often = "" if self.times == 1 else ", twice"
        return f"{self.number.name} {self.moment} {self.operation}{often}"

    def check(self, bench: Bench, folder: Path) -> None:
        run = folder / "run"
        hook = SignalAt(self.operation.number, self.moment, self.number, self.times)
        result = bench.train(run, watched(run, hook))
        steps_taken = len(log_of(run)) == len(bench.whole().contents["log"])
        expect_stopped(self.number, result, str(self), self.times > 1, at_the_end=steps_taken)
        if self.times == 1:
            expect_saved(run, str(self), result)
        # A run that stops shows itself as it is: a picture more, and a film with it.
        more = contents(run).keys() - bench.whole().contents.keys()
        complete(bench, run, str(self), besides=(*more, "film") if more else ())


@dataclass
class SignalAtStep:
    """For `prepare`: a signal within the n-th step that is taken, measured ones counted."""

    number: int
    step: int

    def __call__(self) -> None:
        from gankit.training.session import Session

        take_step, count = Session.step, iter(range(1_000_000))

        def counted(session: Any) -> Any:
            if next(count) == self.step:
                signal.raise_signal(self.number)
            return take_step(session)

        Session.step = counted  # type: ignore[method-assign]


def cases(bench: Bench) -> Iterator[Case]:
    """Each signal at each point; twice; while the budget is measured; under nohup."""
    for operation, moment in points(bench.whole().operations):
        for number in SIGNALS:
            for times in (1, 2):
                sent = Signal(number, moment, operation, times)
                yield Case(str(sent), sent.check)
    for number in SIGNALS:
        for step in (0, 1, 5, 40):
            name = f"{number.name} in step {step} of those that are measured"
            yield Case(name, partial(while_measured, number, step))
    yield Case("SIGHUP under nohup", under_nohup)


def while_measured(number: signal.Signals, step: int, bench: Bench, folder: Path) -> None:
    """Before a plan is made there is nothing to keep; the same command again begins."""
    run, what = folder / "run", f"{number.name} in step {step} of those that are measured"
    result = bench.train(run, SignalAtStep(number, step), command=MEASURED)
    expect_stopped(number, result, what)
    again = bench.train(run, command=MEASURED)
    expect(again.code == 0, f"{what}: the same command again ends well", again)


def under_nohup(bench: Bench, folder: Path) -> None:
    """A signal that whoever started the run has it ignore stays ignored."""
    run = folder / "run"
    ignore = partial(signal.signal, signal.SIGHUP, signal.SIG_IGN)
    result = bench.train(run, ignore, watched(run, SignalAt(60, signal=signal.SIGHUP)))
    expect(result.code == 0, "SIGHUP under nohup: the run goes on", result)
    complete(bench, run, "SIGHUP under nohup")


def expect_stopped(
    number: signal.Signals,
    result: Result,
    what: str,
    twice: bool = False,
    at_the_end: bool = False,
) -> None:
    """The exit code names the signal, and a line says so. One that came after the last step may
    as well be too late."""
    codes = {128 + number, *([-number] if twice else []), *([0] if at_the_end else [])}
    expect(result.code in codes, f"{what}: exit code {128 + number}", result)
    expect("Traceback" not in result.text, f"{what}: no traceback", result)
    if result.code > 0:
        said = [line for line in result.text.splitlines() if SAID.search(line)]
        lines = (0, 1) if twice else (1,)
        expect(len(said) in lines, f"{what}: one line says that it stopped", result)


def expect_saved(run: Path, what: str, result: Result) -> None:
    """The newest checkpoint is of the last step that was taken (each is logged)."""
    logged = max((line["step"] for line in log_of(run)), default=0)
    kept = [int(p.stem.split("-")[1]) for p in run.glob("checkpoints/step-*.safetensors")]
    saved = max(kept, default=0)
    expect(saved >= logged, f"{what}: step {logged} was taken, {saved} saved", result, lost=True)
