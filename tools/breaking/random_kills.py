"""Kills at random moments, over every family and over two processes, again and again.

A run may be killed several times; what it comes to at last is the undisturbed run, to the bit.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tools.breaking.runs import NARROW, Bench, Case, Fault, contents, differences, expect

from gankit.families import FAMILIES

PATIENCE = 600.0
"""Seconds after which a process that lost the other one hangs: gankit itself waits 120 for it, and
a machine that is busy with other work takes longer over the rest."""
KILLS = 200
PAIRS = 8
STEPS = 24
EVERY = ("--checkpoint-every", "3", "--sample-every", "8", "--set", "output.log_every=2")
PAIR = (
    *("train", "gan", "digits", "--steps", "200", *NARROW, *EVERY),
    *("--precision", "64", "--devices", "2"),
)


def cases(bench: Bench, seed: int) -> Iterator[Case]:
    """Kills of every family in turn, then of one or both of two processes."""
    rng = random.Random(seed)
    drawing = [name for name in FAMILIES.names() if "images" in FAMILIES[name].kinds]
    commands = {name: command_of(name) for name in drawing}
    for number in range(KILLS):
        name = list(commands)[number % len(commands)]
        moments = tuple(round(rng.uniform(0.0, 1.1), 3) for _ in range(rng.choice((1, 1, 2, 3))))
        killed = Killed(name, commands[name], moments)
        yield Case(str(killed), killed.check)
    for number in range(PAIRS):
        pair = Pair(("the first", "the second", "all")[number % 3], round(rng.uniform(0, 1), 3))
        yield Case(str(pair), pair.check)


def command_of(family: str) -> tuple[str, ...]:
    """A tiny run of a family on digits."""
    from tests.conftest import SMALL

    small = [f"--set={key}={value}" for key, value in SMALL.get(family, {}).items() if value]
    zeros = [f"--set={key}=0" for key, value in SMALL.get(family, {}).items() if value == 0]
    budget = ("--steps", str(STEPS), "--batch", "8", "--threads", "1", "--device", "cpu")
    return ("train", family, "digits", *budget, *EVERY, *small, *zeros)


PATH = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path)
"""Where a command of its own finds the gankit that is being broken."""


@dataclass(frozen=True)
class Killed:
    """A run killed at these moments, as shares of what the undisturbed one took."""

    family: str
    command: tuple[str, ...]
    moments: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.family} killed after {', '.join(map(str, self.moments))} of its time"

    def check(self, bench: Bench, folder: Path) -> None:
        run, whole = folder / "run", bench.whole(self.command)
        for moment in self.moments:
            child = bench.start(*self.command, "--out", run, inside=folder)
            time.sleep(moment * whole.seconds)
            child.send(signal.SIGKILL)
            child.wait()
        last = bench.train(run, command=self.command)
        expect(last.code == 0, f"{self}: the same command ends well", last)
        different = differences(run, whole)
        expect(not different, f"{self}: then {'; '.join(different)}", lost=True)


@dataclass(frozen=True)
class Pair:
    """One of two processes killed, or both; the other must end too, and both go on."""

    which: str
    moment: float

    def __str__(self) -> str:
        return f"two processes, {self.which} killed after {self.moment} of their time"

    def check(self, bench: Bench, folder: Path) -> None:
        took, whole = bench.kept("two processes", train_pair)
        run = folder / "run"
        first = start_pair(run)
        time.sleep(self.moment * took)
        others = children_of(first.pid)
        for pid in {"the first": [first.pid], "the second": others}.get(
            self.which, [first.pid, *others]
        ):
            os.kill(pid, signal.SIGKILL)
        wait_for(others, f"{self}: the other ends")
        finish(first, f"{self}: the other ends")
        again = start_pair(run)
        err = finish(again, f"{self}: the same command ends")
        expect(again.returncode == 0, f"{self}: the same command ends well: {err[-300:]!r}")
        now = contents(run)
        different = [key for key in whole if whole[key] != now[key]]
        expect(not different, f"{self}: then {', '.join(different)} differs", lost=True)


def train_pair(folder: Path) -> tuple[float, dict[str, object]]:
    """The seconds that two processes take undisturbed, and what they come to."""
    began = time.monotonic()
    process = start_pair(folder / "run")
    err = finish(process, "two processes, undisturbed")
    expect(process.returncode == 0, f"two processes end well: {err[-300:]!r}")
    return time.monotonic() - began, contents(folder / "run")


def start_pair(run: Path) -> subprocess.Popen[str]:
    """Not a fork: each process starts the other by the command's own words."""
    return subprocess.Popen(
        [sys.executable, "-m", "gankit", *PAIR, "--out", str(run)],
        cwd=run.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": PATH},
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str], what: str) -> str:
    """Wait for it; what it said."""
    try:
        return process.communicate(timeout=PATIENCE)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise Fault(f"{what}: it hangs") from None


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def wait_for(pids: list[int], what: str) -> None:
    """Until none of these processes is left."""
    until = time.monotonic() + PATIENCE
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > until:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise Fault(f"{what}: it hangs")
        time.sleep(0.05)
