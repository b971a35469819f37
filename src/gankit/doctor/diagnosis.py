"""The doctor's findings on a run, as plain objects, and their file: RUN/doctor.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from gankit.errors import RunError
from gankit.storage import FORMAT, check_format, write_atomically
from gankit.stored import StoredError, build, parse_json, read_text
from gankit.text import from_home
from gankit.version import __version__

NAME = "doctor.json"


@dataclass(frozen=True)
class Verdict:
    """One thing that is wrong with a run, or that it is too early to say.

    Attributes:
        sign: the sign's name in docs/doctor.md.
        severity: `sick` if the samples suffer, or will; `warning` if it is worth knowing;
            `too early` if nothing can be said yet: `seen` then says what is missing.
        seen: what was seen, with numbers.
        since_step: the first step from which it was seen without a break; None if only the
            finished samples show it.
        means: what the sign usually means.
        remedy: options of `gankit train` to add to the run's own command, ready to be pasted;
            empty if no option helps: `means` then says what does.
    """

    sign: str
    severity: Literal["sick", "warning", "too early"]
    seen: str
    since_step: int | None
    means: str
    remedy: str

    @property
    def brief(self) -> str:
        """The verdict in one line."""
        return f"{self.sign}: {self.seen}" + (f"; try {self.remedy}" if self.remedy else "")

    @property
    def name(self) -> str:
        """The severity and the sign, such as `sick: collapse`, or `too early to say`."""
        return self.sign if self.severity == "too early" else f"{self.severity}: {self.sign}"

    @property
    def title(self) -> str:
        """The name, and since when, such as `sick: collapse, since step 350`."""
        since = "" if self.since_step is None else f", since step {self.since_step:,}"
        return self.name + since

    def lines(self) -> list[str]:
        """Return the verdict as lines for a person to read."""
        said = [self.title, f"  seen:  {self.seen}", f"  means: {self.means}"]
        return [*said, f"  try:   {self.remedy}"] if self.remedy else said


@dataclass(frozen=True)
class Diagnosis:
    """Everything that one look at a run found.

    Attributes:
        step: the last step that was looked at.
        verdicts: the verdicts, sick ones first; empty for a healthy run. If it is too early to
            say, that is a verdict too.
        looked_for: the signs that were looked for.
        unseen: the signs that could not be looked for, each with the reason.
    """

    step: int
    verdicts: tuple[Verdict, ...]
    looked_for: tuple[str, ...]
    unseen: Mapping[str, str]

    @property
    def healthy(self) -> bool:
        return not self.verdicts

    @property
    def too_early(self) -> bool:
        return any(verdict.severity == "too early" for verdict in self.verdicts)

    @property
    def signs(self) -> tuple[Verdict, ...]:
        """The verdicts that are signs of sickness."""
        return tuple(verdict for verdict in self.verdicts if verdict.severity != "too early")

    @property
    def health(self) -> str:
        """The diagnosis in a word or two: `healthy`, `sick`, `warning` or `too early to say`."""
        if self.healthy:
            return "healthy"
        return "too early to say" if self.too_early else self.verdicts[0].severity

    def to_json(self) -> str:
        """Return the text that `from_json` reads."""
        known = {"healthy": self.healthy, "health": self.health}
        stored = {"format": FORMAT, "gankit": __version__, **known, **asdict(self)}
        return json.dumps(stored, indent=2)

    @classmethod
    def from_json(cls, text: str, what: str) -> Diagnosis:
        """Read what `to_json` wrote. Raises RunError, naming `what`, if it is something else."""
        try:
            stored = parse_json(text)
            if isinstance(stored, dict):
                check_format(stored.get("format"), what)
            return build(cls, stored)
        except StoredError as error:
            raise RunError(f"{what} is damaged ({error})") from None

    def __str__(self) -> str:
        count = len(self.looked_for)
        if self.healthy:
            said = [f"healthy at step {self.step:,}: none of {count} signs of sickness"]
        elif self.too_early:
            said = [f"at step {self.step:,}: {self.health}", *self.verdicts[0].lines()[1:]]
        else:
            said = [f"at step {self.step:,}: {len(self.signs)} of {count} signs of sickness"]
        said += [line for verdict in self.signs for line in verdict.lines()]
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.unseen.items():
            by_reason.setdefault(reason, []).append(name)
        unseen = [f"not looked for: {', '.join(names)}: {why}" for why, names in by_reason.items()]
        return "\n".join([*said, *unseen])


def write_diagnosis(folder: Path, diagnosis: Diagnosis) -> Path:
    """Write a diagnosis into a run directory. Raises RunError if it cannot be written."""
    path = folder / NAME
    try:
        write_atomically(path, diagnosis.to_json().encode())
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"'{path}' cannot be written ({reason}); the run is intact") from None
    return path


def read_diagnosis(folder: str | Path) -> Diagnosis | None:
    """Read the doctor's last diagnosis of a run; None if it never looked. Raises RunError."""
    path = from_home(folder) / NAME
    if not path.exists():
        return None
    try:
        return Diagnosis.from_json(read_text(path), f"'{path}'")
    except StoredError as error:
        raise RunError(f"'{path}' cannot be read: {error}") from None
