"""`--evaluate-every`: measure a run while it trains, on a copy of its averaged weights.

evaluation.jsonl   one line for each evaluation: its step, its outcome and its cost
scores/            the reports (scores/score.py)

In the background, a process of its own with one thread measures while training goes on. It gets a
file and nothing else, and shares no random state with this process. If it fails, a line says so.
An evaluation that is due while another one runs is left out, and counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import torch

from gankit.features.named import load_network
from gankit.run import Run
from gankit.scores.evaluate import evaluate
from gankit.scores.score import Report, write_report
from gankit.settings.config import OutputConfig
from gankit.trained.artifact import save_artifact
from gankit.training.callbacks import Callback
from gankit.training.session import Session, due
from gankit.training.state import State

SAMPLES = 2000
"""The number of samples, in one draw: enough to see a run go wrong, not to cite a score."""
SHOWN = ("frechet", "coverage", "accuracy", "modes")


@dataclass
class _Background:
    """An evaluation in a process of its own."""

    step: int
    began: float
    held_up: float
    process: subprocess.Popen[str]
    out: IO[str]
    err: IO[str]


class Evaluations(Callback):
    """Measures a run every so many steps and at its end."""

    def __init__(self, run: Run, output: OutputConfig, say: Callable[[str], None]) -> None:
        """Check the settings. Raises GankitError if the feature network cannot be loaded."""
        self._run, self._output, self._say = run, output, say
        self._artifact = run.folder / ".evaluated.safetensors"
        self._log = run.folder / "evaluation.jsonl"
        self._running: _Background | None = None
        self._skipped, self._wrote, self._started_at = 0, False, 0
        if output.evaluate_every and output.evaluate_features is not None:
            load_network(output.evaluate_features)

    def before_step(self, trainer: Session) -> None:
        step, every = trainer.state.step, self._output.evaluate_every
        if step > self._started_at and due(step, every):
            trainer.clock.leave_out(self.begin(trainer.state))
        self.collect()

    def on_start(self, trainer: Session) -> None:
        self._started_at = trainer.state.step

    def on_end(self, trainer: Session) -> None:
        """Measure the last step, and wait for the scores unless a signal asks the run to stop."""
        if not self._output.evaluate_every or trainer.state.step < trainer.plan.steps:
            return

        def wait() -> bool:
            return trainer.signals is None or trainer.signals.received is None

        self.collect(wait)  # those that still run
        self.begin(trainer.state)
        self.collect(wait)

    def begin(self, state: State) -> float:
        """Evaluate the averaged weights, and return the seconds for which training stood still."""
        began = time.monotonic()
        self.collect()
        if self._running is not None:
            self._skipped += 1
            self._note(state.step, "left out: the one before still runs", 0.0, 0.0)
            return time.monotonic() - began
        try:
            averaged = {player: average.network for player, average in state.averages.items()}
            self._wrote = True
            save_artifact(self._artifact, state.game, averaged, state.step)
            if self._output.evaluate_in == "background":
                self._running = self._start(state.step, began)
            else:
                self._between(state.step, began)
        except Exception as error:  # whatever error an evaluation raises, training goes on
            self._failed(state.step, str(error), began, time.monotonic() - began)
        return time.monotonic() - began

    def collect(self, wait: Callable[[], bool] = lambda: False) -> None:
        """Collect the background evaluation's scores if it is done; wait while `wait()` is true."""
        if self._running is None:
            return
        if wait() and self._running.process.poll() is None:
            self._say(f"waiting for the scores of step {self._running.step:,}")
        while self._running.process.poll() is None and wait():
            with suppress(subprocess.TimeoutExpired):
                self._running.process.wait(0.5)
        if self._running.process.poll() is None:
            return
        done, self._running = self._running, None
        out, err = (_read(file) for file in (done.out, done.err))
        try:
            if done.process.returncode:
                raise ValueError((err.strip().splitlines() or ["it was ended"])[-1])
            self._keep(Report.from_json(out, "the report"), done.step, done.began, done.held_up)
        except Exception as error:
            self._failed(done.step, str(error), done.began, done.held_up)

    def close(self) -> None:
        """End an evaluation that still runs, and remove the copy of the weights."""
        if self._running is not None:
            self._running.process.kill()
            self._running.process.wait()
            for file in (self._running.out, self._running.err):
                file.close()
            self._say(f"step {self._running.step:,}: its scores were not waited for")
            self._running = None
        if self._skipped:
            self._say(f"{self._skipped} evaluations left out: each was due while another ran")
        if self._wrote:  # else the file may be that of another process that trains this run
            with suppress(OSError):
                self._artifact.unlink(missing_ok=True)

    def _start(self, step: int, began: float) -> _Background:
        command = [
            *(sys.executable, "-m", "gankit", "evaluate", str(self._artifact), "--json"),
            *("-n", str(SAMPLES), "--draws", "1"),
        ]
        if self._output.evaluate_features is not None:
            command += ["--features", self._output.evaluate_features]
        out, err = (tempfile.TemporaryFile("w+") for _ in range(2))  # noqa: SIM115 - read later
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the run, which then ends this process
        )
        with suppress(OSError, AttributeError):  # training comes first, if priorities can be set
            os.setpriority(os.PRIO_PROCESS, process.pid, 10)
        return _Background(step, began, time.monotonic() - began, process, out, err)

    def _between(self, step: int, began: float) -> None:
        with torch.random.fork_rng():
            report = evaluate(
                self._artifact, features=self._output.evaluate_features, n=SAMPLES, draws=1
            )
        self._keep(report, step, began, time.monotonic() - began)

    def _keep(self, report: Report, step: int, began: float, held_up: float) -> None:
        write_report(self._run.folder, report)
        shown = [
            f"{score.label} {score.value:.4g}" for score in report.scores if score.metric in SHOWN
        ]
        self._say(f"step {step:,}: {'  '.join(shown)}  (scores in {report.seconds:.0f} s)")
        self._note(step, "done", time.monotonic() - began, held_up)

    def _failed(self, step: int, why: str, began: float, held_up: float) -> None:
        why = (why.strip().splitlines() or ["it failed"])[0].removeprefix("gankit: ")
        self._say(f"step {step:,}: no scores: {why}")
        self._note(step, f"failed: {why}", time.monotonic() - began, held_up)

    def _note(self, step: int, outcome: str, seconds: float, held_up: float) -> None:
        """Append to evaluation.jsonl: the seconds in all, and those for which training waited."""
        line: dict[str, Any] = {"step": step, "outcome": outcome, "in": self._output.evaluate_in}
        line |= {"seconds": round(seconds, 2), "held_up": round(held_up, 2)}
        with suppress(OSError), self._log.open("a") as file:
            file.write(json.dumps(line) + "\n")


def _read(file: IO[str]) -> str:
    with file:
        file.seek(0)
        return file.read()
