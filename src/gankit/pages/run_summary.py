"""Read everything that the pages show of a run, finished or not, and write numbers as text."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.doctor.diagnosis import Diagnosis, read_diagnosis
from gankit.errors import RunError
from gankit.pages.chart import short
from gankit.run import Record, Run
from gankit.scores.score import Report, Score, find_reports
from gankit.stored import StoredError, read_json
from gankit.training.pace import in_words


@dataclass(frozen=True)
class Facts:
    """The content of a run directory.

    Attributes:
        folder: the run directory.
        gankit: the version of gankit that began the run.
        record: the content of run.json.
        log: every logged line of metrics.jsonl.
        pictures, texts: the paths of the pictures, and of the texts, in samples/, by step.
        reports: the reports of scores, by step.
        diagnosis: the doctor's last diagnosis; None if it never looked.
        unread: one line for each file that is there and cannot be read.
    """

    folder: Path
    gankit: str
    record: Record
    log: Sequence[dict[str, Any]]
    pictures: Sequence[Path]
    reports: Sequence[Report]
    diagnosis: Diagnosis | None
    unread: Sequence[str] = ()
    texts: Sequence[Path] = ()

    @property
    def step(self) -> int:
        """The last step that the log, a picture or a text shows."""
        last = self.log[-1]["step"] if self.log else 0
        shown = [int(path.stem) for path in (*self.pictures[-1:], *self.texts[-1:])]
        return max(last, *shown, 0)

    @property
    def speed(self) -> float:
        """Images per second, the median over the log; NaN if nothing is logged."""
        rates = [line.get("images_per_second") for line in self.log]
        known = [rate for rate in rates if rate is not None]
        return statistics.median(known) if known else math.nan

    @property
    def seconds(self) -> float:
        """The seconds spent on steps, up to the last logged one; NaN if nothing is logged."""
        last = self.log[-1].get("seconds") if self.log else None
        return math.nan if last is None else float(last)

    def newest_reports(self) -> dict[str, Report]:
        """Return the newest report in each feature network, by the network's name."""
        return {report.protocol.network: report for report in self.reports}

    def curve(self, key: str) -> tuple[list[int], list[float]]:
        """Return steps and values of one logged number; for `d` or `g`, the player's whole loss."""
        steps, values = [], []
        for line in self.log:
            found = [v for k, v in line.items() if k == key or k.startswith(f"{key}/")]
            if found:
                steps.append(line["step"])
                values.append(math.nan if None in found else float(sum(found)))
        return steps, values

    def logged(self) -> list[str]:
        """Return the name of every logged number, in order of appearance."""
        found = dict.fromkeys(key for line in self.log for key in line)
        return [key for key in found if key not in ("step", "seconds")]


def read_facts(folder: Path) -> Facts:
    """Read a run directory. Raises RunError if it is missing, not a run, or damaged."""
    run = Run(folder)
    if not run.record_path.exists():
        what = "holds no run" if folder.is_dir() else "is not there, or is no folder"
        raise RunError(f"'{folder}' {what}: give the folder of a run")
    record = run.record()
    assert record is not None
    reports, unread = find_reports(folder)
    diagnosis, pictures, texts = None, [], []
    try:  # the rest of the page needs neither
        pictures, texts = run.pictures(), run.texts()
    except RunError as problem:
        unread.append(str(problem))
    try:
        diagnosis = read_diagnosis(folder)
    except RunError as problem:
        unread.append(str(problem))
    return Facts(
        folder=folder,
        gankit=_version(run),
        record=record,
        log=run.metrics(),
        pictures=pictures,
        texts=texts,
        reports=reports,
        diagnosis=diagnosis,
        unread=unread,
    )


def _version(run: Run) -> str:
    """Return the version of gankit that began the run, or `unknown`."""
    try:
        found = read_json(run.record_path).get("gankit")
    except StoredError:
        found = None
    return found if isinstance(found, str) else "unknown"


def terms_of_losses(keys: Iterable[str]) -> list[str]:
    """Return the logged numbers that are terms of a player's loss, such as `d/adversarial`."""
    return [key for key in keys if key.startswith(("d/", "g/"))]


def minutes(seconds: float) -> str:
    """Return a time in words, such as `2 min 5 s`; `not logged` if it is not finite."""
    return in_words(seconds) if math.isfinite(seconds) else "not logged"


def number(value: float) -> str:
    """Return a score to four significant digits, with trailing zeros."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.4g}"


def rate(speed: float) -> str:
    """Return a speed as `3,412 images/s`; `not logged` if it is not finite."""
    return f"{short(speed)} images/s" if math.isfinite(speed) else "not logged"


def interval(score: Score) -> str:
    """Return a score's interval as `12.3 to 13.1`, or `not known`."""
    if score.interval is None:
        return "not known"
    return " to ".join(number(end) for end in score.interval)


def protocol_line(report: Report) -> str:
    """Return everything that the scores of a report depend on, in one line."""
    p = report.protocol
    settings = "".join(f", {key} {value}" for key, value in p.settings.items())
    return (
        f"Step {report.step:,}, network '{p.network}' ({p.network_hash[:12]}), resize {p.resize}; "
        f"{p.n_fake:,} samples against {p.n_real:,} {p.split} examples of {p.data} "
        f"({p.data_hash[:12]}), seed {p.seed}{settings}; gankit {p.gankit}, "
        f"{minutes(report.seconds)}."
    )


def verdict(seen: Facts) -> str:
    """Return the doctor's verdict as `healthy`, `sick: collapse` or `too early to say`.

    It is `not examined` if the doctor has not looked yet, `turned off` if it is not to.
    """
    if seen.diagnosis is None:
        return "not examined" if seen.record.config.output.doctor else "turned off"
    return "; ".join(v.name for v in seen.diagnosis.verdicts) or "healthy"
