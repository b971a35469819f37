"""What the page of `gankit watch` shows of one run, read from its directory alone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gankit.doctor.diagnose import look_at
from gankit.errors import GankitError
from gankit.owner import is_asked_to_stop, is_owned
from gankit.pages.html import Html, facts, join, warning
from gankit.pages.report import columns_of, curves, doctor, health, over
from gankit.pages.run_summary import Facts, minutes, number, rate, read_facts
from gankit.run import Run
from gankit.text import reason
from gankit.training.pace import MARKS, Pace

READ = ("run.json", "metrics.jsonl", "events.jsonl", "doctor.json", "samples", "scores")
"""The files and folders of a run that say by their size and time whether something is new."""


@dataclass(frozen=True)
class Parts:
    """What is read of a run, and what is made of it for as long as nothing is new."""

    seen: Facts
    curves: Html
    doctor: Html
    columns: Html


class Look:
    """Looks at one run again and again; what has not changed is not read again.

    Whatever is missing, damaged or removed, `now` returns, and says so.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._parts: Parts | None = None
        self._mark: object = None

    def now(self) -> dict[str, Any]:
        """Return the state of the run, ready for JSON.

        `state` is waiting, training, stopping, finished, ended or unreadable, and `said` is that in
        words. `head`, `doctor`, `curves` and `columns` are markup; `pictures` are the steps of the
        run's pictures, as their files are named; `share` is how much of the run is done.
        """
        try:
            with self._lock:
                mark = _mark(self.folder)
                if self._parts is None or mark != self._mark:
                    self._parts, self._mark = None, mark
                    self._parts = _read(self.folder)
                parts = self._parts
            if parts is None:
                return {"state": "waiting", "said": "no run has begun here yet"}
            return _describe(parts)
        except GankitError as problem:
            return {"state": "unreadable", "said": str(problem)}
        except Exception as problem:  # another process may do anything to its files
            return {"state": "unreadable", "said": f"it cannot be read now: {reason(problem)}"}


def _mark(folder: Path) -> object:
    """Return something that differs when a file of the run has changed."""
    found: list[object] = [is_owned(folder)]
    for name in READ:
        with suppress(OSError):
            seen = (folder / name).stat()
            found.append((name, seen.st_mtime_ns, seen.st_size))
    return found


def _read(folder: Path) -> Parts | None:
    if not os.path.lexists(folder / "run.json"):
        return None
    seen = _examined(read_facts(folder))
    return Parts(
        seen,
        curves(seen),
        join(*map(warning, seen.unread), *doctor(seen)),
        join(*over(columns_of(seen))),
    )


def _examined(seen: Facts) -> Facts:
    """Let the doctor read the log, if it has not looked since and is not turned off."""
    looked = -1 if seen.diagnosis is None else seen.diagnosis.step
    if not seen.record.config.output.doctor or looked >= seen.step:
        return seen
    why = "the run is still training" if is_owned(seen.folder) else "the run was not ended"
    return replace(seen, diagnosis=look_at(Run(seen.folder), seen.record, lambda _: (None, why)))


def _describe(parts: Parts) -> dict[str, Any]:
    seen = parts.seen
    state, said = _state(seen)
    return {
        "state": state,
        "said": said,
        "share": min(1.0, seen.step / seen.record.plan.steps),
        "head": facts(_facts(seen)),
        "doctor": parts.doctor,
        "curves": parts.curves,
        "columns": parts.columns,
        "pictures": [path.stem for path in seen.pictures],
    }


def _state(seen: Facts) -> tuple[str, str]:
    """Return the state of a run that has begun, as a word and in words."""
    if is_asked_to_stop(seen.folder):
        return "stopping", "asked to stop: it ends after the step in progress, and saves"
    if is_owned(seen.folder):
        ago = _seconds_since_a_line(seen)
        return "training", "training" + (f", last logged {minutes(ago)} ago" if ago >= 15 else "")
    if seen.step >= seen.record.plan.steps:
        return "finished", "finished"
    return "ended", f"not training; its command goes on from step {seen.step:,} or a little before"


def _facts(seen: Facts) -> Iterable[tuple[str, str]]:
    yield "Step", f"{seen.step:,} of {seen.record.plan.steps:,}"
    yield "Time in steps", minutes(seen.seconds)
    left = _seconds_left(seen) if is_owned(seen.folder) else None
    if left is not None:
        yield "Time left", minutes(left)
    if seen.log:
        yield "Speed", rate(float(seen.log[-1].get("images_per_second") or "nan"))
    for report in seen.newest_reports().values():
        for score in report.scores[:1]:
            yield f"{score.label}, step {report.step:,}", number(score.value)
    yield "Doctor", health(seen)


def _seconds_left(seen: Facts) -> float | None:
    """Return the seconds until the last step, by the pace of the last logged lines, if known."""
    steps, guess = seen.record.plan.steps, seen.record.plan.seconds_per_step
    lines = [line for line in seen.log[-MARKS:] if line.get("seconds") is not None]
    if not lines:
        return None if guess is None else guess * steps
    pace = Pace(lines[0]["step"], lines[0]["seconds"], guess)
    for line in lines[1:]:
        pace.note(line["step"], line["seconds"])
    left = pace.left(steps)
    if left is None:
        return None
    # No longer than a line usually takes: an evaluation, which lasts longer, does not count down.
    usual = float(lines[-1]["seconds"] - lines[max(0, len(lines) - 2)]["seconds"])
    return max(0.0, left - min(_seconds_since_a_line(seen), max(0.0, usual)))


def _seconds_since_a_line(seen: Facts) -> float:
    """Return the seconds since the run logged its last line; 0 if it has logged none."""
    try:
        return max(0.0, time.time() - Run(seen.folder).metrics_path.stat().st_mtime)
    except OSError:
        return 0.0
