"""Scores that can be cited: each with its protocol, kept in the run directory as JSON.

scores/0003000-digits.json          one Report on the artifact at step 3,000, in `digits`' features
scores/0003000-digits-nearest.png   samples above the training examples that they are nearest to
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gankit.errors import RunError
from gankit.pictures import save_png
from gankit.scores.words import in_words
from gankit.storage import FORMAT, check_format, list_folder, write_atomically
from gankit.stored import StoredError, build, parse_json, read_text

Better = Literal["lower", "higher"]
Holds = Literal["draws", "samples", "examples", "episodes"]
HELD: dict[Holds, str] = {
    "draws": "95 % of other draws of samples",
    "samples": "with 95 % confidence, the share of all such samples",
    "examples": "with 95 % confidence, the mean over all such real examples",
    "episodes": "with 95 % confidence, the mean of all such episodes",
}
"""What an interval holds, in words."""
NOT_HELD = "Not in it: another choice of real examples, or another training seed."


@dataclass(frozen=True)
class Score:
    """One measure of a set of samples.

    Attributes:
        metric: its name in `gankit list`.
        label: how it is cited, with its feature network: `FD(digits)`; only the distance in the
            Inception network's features is called FID.
        value: the score; `better` says which way is good.
        interval: a 95 % interval, never beyond the range of the score; None if not known.
        floor: the same measure of real examples against other real ones, at the same counts; None
            if not known.
        holds: what the interval holds: the scores of other `draws` of samples by the same
            generator; or the share of all `samples`, as far as one draw tells; or the mean over all
            real `examples`, or of all `episodes` of a policy. None holds what another training seed
            would change, and only that over examples what another choice of real examples would.
        note: what the score did not look at; empty if there is nothing to say.
        most: the largest value that it can have, such as the number of all modes; None if there is
            none, or if it is not recorded.
    """

    metric: str
    label: str
    value: float
    better: Better
    interval: tuple[float, float] | None = None
    floor: float | None = None
    holds: Holds = "draws"
    note: str = ""
    most: float | None = None

    def __str__(self) -> str:
        """Return `coverage .9 (.88 to .92 by draws; real examples .95; higher is better)`, without
        what is not known."""
        known = []
        if self.interval is not None:
            low, high = self.interval
            known.append(f"{low:.4g} to {high:.4g} by {self.holds}")
        if self.floor is not None:
            known.append(f"real examples {self.floor:.4g}")
        return f"{self.label} {self.value:.4g} ({'; '.join([*known, f'{self.better} is better'])})"


@dataclass(frozen=True)
class Protocol:
    """Everything that a score depends on besides the run; scores compare only if it is the same.

    Attributes:
        network, network_hash: the feature network, and a digest of its weights.
        resize: how images were brought to its size: the filter, or 'none'.
        data, data_hash, split: the real examples: name, fingerprint, 'train' or 'test'.
        n_real, n_fake: the numbers of real examples and of samples that were measured.
        seed: the seed of the samples and of every subset.
        settings: the metrics' own numbers (`k`, `kernel_subsets`, ...).
        gankit: the version of gankit that measured.
    """

    network: str
    network_hash: str
    resize: str
    data: str
    data_hash: str
    split: str
    n_real: int
    n_fake: int
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    gankit: str = ""

    def differences(self, other: Protocol) -> list[str]:
        """Return one line for each field in which two protocols differ."""
        return [
            f"{item.name}: {getattr(self, item.name)} and {getattr(other, item.name)}"
            for item in fields(self)
            if getattr(self, item.name) != getattr(other, item.name)
        ]


@dataclass(frozen=True)
class Report:
    """Every score of one artifact by one protocol.

    Attributes:
        run, family, step: of the run; empty, and 0, for finished samples.
        protocol: what the scores depend on besides.
        scores: the scores.
        seconds: the time that they took.
        nearest: a picture, uint8 [H, W] or [H, W, 3]: samples that lie nearest to a training
            example, each above that example; None if there are none. It is no part of the JSON.
    """

    run: str
    family: str
    step: int
    protocol: Protocol
    scores: tuple[Score, ...]
    seconds: float
    nearest: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        """Return a line for each score, then what they say in words, and the protocol."""
        return "\n".join([*map(str, self.scores), self.in_words(), self.protocol_line()])

    def in_words(self) -> str:
        """Return one line that says how good the samples are, beside real examples."""
        return in_words(self.scores)

    def intervals_hold(self) -> str:
        """Return one line that says what the intervals hold; empty if there are none."""
        held = dict.fromkeys(score.holds for score in self.scores if score.interval is not None)
        said = " or ".join(HELD[holds] for holds in held)
        return f"Each interval holds {said}. {NOT_HELD}" if held else ""

    def notes(self) -> list[str]:
        """Return what scores did not look at, a line for each note."""
        by_note: dict[str, list[str]] = {}
        for score in self.scores:
            if score.note:
                by_note.setdefault(score.note, []).append(score.label)
        return [f"{', '.join(labels)}: {note}" for note, labels in by_note.items()]

    def protocol_line(self) -> str:
        """Return what was measured, how, in one line."""
        protocol, draws = self.protocol, self.protocol.settings.get("draws", 1)
        measured = f"{self.run} at step {self.step:,}: " if self.run else ""
        if any(score.holds == "episodes" for score in self.scores):
            return (
                f"{measured}{protocol.n_fake:,} episodes of {protocol.network}, seed "
                f"{protocol.seed}; {protocol.n_real:,} moments of the expert in {protocol.data}; "
                f"{self.seconds:,.0f} s"
            )
        compared = protocol.settings.get("compared")
        counts = "" if compared is None else f", {compared:,} of each for precision to coverage"
        return (
            f"{measured}{draws} x {protocol.n_fake:,} samples, seed {protocol.seed}; "
            f"{protocol.n_real:,} real ones of {protocol.data} ({protocol.split}){counts}; network "
            f"{protocol.network}, resize {protocol.resize}; {self.seconds:,.0f} s"
        )

    def to_json(self) -> str:
        """Return the text that `from_json` reads."""
        stored = asdict(replace(self, nearest=None))
        del stored["nearest"]
        return json.dumps({"format": FORMAT, **stored}, indent=2)

    @classmethod
    def from_json(cls, text: str, what: str) -> Report:
        """Read what `to_json` wrote. Raises RunError, naming `what`, if it is something else."""
        try:
            stored = parse_json(text)
            if isinstance(stored, dict):
                check_format(stored.get("format"), what)
            return build(cls, stored)
        except StoredError as error:
            raise RunError(f"{what} is damaged ({error})") from None


def report_path(folder: Path, report: Report) -> Path:
    """Return the path at which a run keeps this report."""
    network = "".join(c if c.isalnum() or c in "-_" else "-" for c in report.protocol.network)
    return folder / "scores" / f"{report.step:07d}-{network}.json"


def nearest_path(folder: Path, report: Report) -> Path:
    """Return the path at which a run keeps this report's picture of nearest training examples."""
    path = report_path(folder, report)
    return path.with_name(f"{path.stem}-nearest.png")


def write_report(folder: Path, report: Report) -> Path:
    """Write a report, and its picture, into a run directory; return its path. Raises OSError."""
    path = report_path(folder, report)
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, report.to_json().encode())
    if report.nearest is not None:
        save_png(nearest_path(folder, report), report.nearest)
    return path


def read_reports(folder: Path) -> list[Report]:
    """Return every report of a run that can be read, by step."""
    return find_reports(folder)[0]


def find_reports(folder: Path) -> tuple[list[Report], list[str]]:
    """Return the reports that can be read, by step, and a line for each file that cannot."""
    reports, unread = [], []
    try:
        listed = list_folder(folder / "scores")
    except RunError as error:
        return [], [str(error)]
    for path in (path for path in listed if path.suffix == ".json"):
        try:
            reports.append(Report.from_json(read_text(path), f"'{path}'"))
        except StoredError as error:
            unread.append(f"'{path}' cannot be read: {error}")
        except RunError as error:
            unread.append(str(error))
    return sorted(reports, key=lambda report: report.step), unread
