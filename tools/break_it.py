"""Break gankit on purpose, for as long as asked: every kind of harm, case after case.

    python tools/break_it.py --minutes 60
    python tools/break_it.py --only kill --only damage --minutes 10 --seed 3
    python tools/break_it.py --only disk --case "ENOSPC at operation 28"

Each fault is one line with what brings it about again. A table ends it: `cases` of how many there
are, `faults`, and `lost`: faults by which work was gone. Exit code 1 where there was one. The tests
in tests/reliability run a few of the same cases.
"""

from __future__ import annotations

import argparse
import random
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.breaking.kinds import KINDS, all_cases
from tools.breaking.processes import Forks
from tools.breaking.runs import Bench, Case, Fault, Lost

import gankit

HEADING = f"{'kind':<10} {'cases':>13} {'faults':>7} {'lost':>6} {'seconds':>8}"


@dataclass
class Row:
    """What became of one kind."""

    kind: str
    cases: int = 0
    there: int = 0
    faults: int = 0
    lost: int = 0
    seconds: float = 0.0


def main() -> int:
    """Run the campaign. Returns the exit code."""
    options = read_options()
    chosen = options.only or list(KINDS)
    print(f"breaking {Path(gankit.__file__).parent}", flush=True)
    until = time.monotonic() + 60 * options.minutes
    scratch = Path(tempfile.mkdtemp(prefix="break-it-"))
    bench, rows = Bench(scratch, Forks(scratch)), []
    for place, kind in enumerate(chosen):
        share = (until - time.monotonic()) / (len(chosen) - place)
        rows.append(break_one(bench, kind, share, options))
        print(line_of(rows[-1]), flush=True)
    bench.forks.close()
    if options.keep:
        print(f"the folders of the cases with a fault are in {bench.scratch}")
    else:
        shutil.rmtree(bench.scratch)
    print_table(rows)
    return int(any(row.faults for row in rows))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Break gankit on purpose.")
    parser.add_argument("--minutes", type=float, default=30, help="for all kinds together")
    parser.add_argument("--only", action="append", choices=[*KINDS], metavar="NAME", help="a kind")
    parser.add_argument("--case", default="", help="only cases whose name holds this")
    parser.add_argument("--seed", type=int, default=0, help="of the cases' order and of mutations")
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time")
    parser.add_argument("--keep", action="store_true", help="the folders of cases with a fault")
    return parser.parse_args()


def break_one(bench: Bench, kind: str, seconds: float, options: argparse.Namespace) -> Row:
    """Try the cases of a kind in an order of the seed's, until they or the seconds are over."""
    began = time.monotonic()
    cases = [c for c in all_cases(kind, bench, options.seed) if options.case in c.name]
    random.Random(options.seed).shuffle(cases)
    row = Row(kind, there=len(cases))
    waiting = iter(cases)

    def work() -> None:
        while time.monotonic() < began + seconds and (case := next(waiting, None)):
            row.cases += 1
            report(case, try_out(bench, case), row, options.seed)

    with ThreadPoolExecutor(options.jobs) as pool:
        for done in [pool.submit(work) for _ in range(options.jobs)]:
            done.result()
    row.seconds = time.monotonic() - began
    return row


def try_out(bench: Bench, case: Case) -> Exception | None:
    """What went wrong, if anything did."""
    try:
        bench.try_out(case)
    except Exception as problem:
        return problem
    return None


def report(case: Case, problem: Exception | None, row: Row, seed: int) -> None:
    """Count it, and say in one line how to see it again."""
    if problem is None:
        return
    row.faults += 1
    row.lost += isinstance(problem, Lost)
    what = str(problem) if isinstance(problem, Fault) else f"{type(problem).__name__}: {problem}"
    again = f"--only {row.kind} --seed {seed} --case {shlex.quote(case.name)}"
    print(
        f"{'LOST' if isinstance(problem, Lost) else 'FAULT'} {what}  [{again}]".replace("\n", " ")
    )
    sys.stdout.flush()


def print_table(rows: Sequence[Row]) -> None:
    print(f"\n{HEADING}")
    total = Row("all")
    for row in rows:
        for name in ("cases", "there", "faults", "lost", "seconds"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
    for row in (*rows, total):
        print(line_of(row))


def line_of(row: Row) -> str:
    cases = f"{row.cases} of {row.there}"
    return f"{row.kind:<10} {cases:>13} {row.faults:>7} {row.lost:>6} {row.seconds:>8.0f}"


if __name__ == "__main__":
    sys.exit(main())
