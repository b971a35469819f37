"""How long the command line takes to begin: `gankit --help`, and `gankit train` to its first step.

    python benchmarks/startup.py [--rounds 5] [--family dcgan] [--data digits]

Each is a process of its own, in turns (A B A B ...). A training process is watched until the log
holds its first step, and then ended. `train --steps` knows how many steps it takes; `train
--minutes` first times some steps, to turn the minutes into a number of them, for up to a thirtieth
of the budget. `torch` is a process that imports torch alone: no training begins sooner.

One line of JSON is printed: seconds of the clock, which other programs on the machine prolong, and
of the process's own time on a processor, which they hardly do; medians with the least and the
largest; what the machine is. The aims are .3 s for the help and 4 s for the first step.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from telling import machine, spread

GANKIT = [sys.executable, "-m", "gankit"]
AIMS = {"help": 0.3, "train --steps": 4.0}
LOOKS = 0.005
"""Seconds between two looks whether a step is logged, or the process has ended."""


def holds_something(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


def run(command: list[str], until: Path | None = None) -> tuple[float, float]:
    """Return the seconds, by the clock and of a processor, that a process took.

    With `until` it is ended as soon as this file holds something.
    """
    with tempfile.TemporaryFile() as told:
        started, begun, ended = time.perf_counter(), False, 0
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told)
        while not ended:
            time.sleep(LOOKS)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if until is not None and not (ended or begun) and holds_something(until):
                process.kill()
                begun = True
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        if process.returncode and not begun:
            raise SystemExit(f"{shlex.join(command)}: {told.read().decode().strip()}")
    return seconds, used.ru_utime + used.ru_stime


def first_step(family: str, data: str, *budget: str) -> tuple[float, float]:
    """Return what `gankit train` takes to log its first step."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "run"
        asked = ["--out", str(out), "--threads", "1", "--set", "output.log_every=1"]
        return run([*GANKIT, "train", family, data, *budget, *asked], out / "metrics.jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--family", default="dcgan")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--only", help="of help, torch, train --steps, train --minutes")
    asked = parser.parse_args()
    actions = {
        "help": lambda: run([*GANKIT, "--help"]),
        "torch": lambda: run([sys.executable, "-c", "import torch"]),
        "train --steps": lambda: first_step(asked.family, asked.data, "--steps", "100000"),
        "train --minutes": lambda: first_step(asked.family, asked.data, "--minutes", "2"),
    }
    names = list(actions) if asked.only is None else asked.only.split(",")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(asked.rounds):
        for name in names:
            found[name].append(actions[name]())
    line = {
        "benchmark": "startup",
        "family": asked.family,
        "data": asked.data,
        "rounds": asked.rounds,
        "clock_s": {name: spread([a for a, _ in pairs], 2) for name, pairs in found.items()},
        "cpu_s": {name: spread([b for _, b in pairs], 2) for name, pairs in found.items()},
        "aims_s": AIMS,
    }
    print(json.dumps(line | machine(1)))


if __name__ == "__main__":
    main()
