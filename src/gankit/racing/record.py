"""race.json: what a race was asked for and what it decided, and at its end what it found."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES
from gankit.owner import LOCK
from gankit.racing.journal import Entry
from gankit.racing.plan import Pace, Plan
from gankit.search_space import Space
from gankit.settings.config import Config, differences, from_dict, to_dict
from gankit.storage import FORMAT, check_format, list_folder, write_atomically
from gankit.stored import StoredError, build, read_json
from gankit.trained.artifact import check_homes, homes
from gankit.version import __version__

NAME = "race.json"


@dataclass(frozen=True)
class Budget:
    """What a user asked for; None: not said."""

    minutes: float | None = None
    trials: int | None = None
    steps: int | None = None

    @property
    def said(self) -> bool:
        return self != Budget()


@dataclass(frozen=True)
class Final:
    """A final run.

    Attributes:
        number: the trial whose recipe it has; 0: the default.
        steps, seconds: how long it trained.
        distance, low, high: its distance to the held-out examples that no trial was measured
            against, and the 95 % interval of another draw; None: it was sick or not finite.
        scores: other scores on these examples, in words.
        problem: what was wrong with it; empty if nothing.
    """

    number: int
    steps: int
    seconds: float
    distance: float | None
    low: float | None
    high: float | None
    scores: tuple[str, ...] = ()
    problem: str = ""

    @property
    def far(self) -> float:
        """The distance; infinite if there is none."""
        return math.inf if self.distance is None else self.distance


@dataclass(frozen=True)
class Record:
    """The content of race.json.

    Attributes:
        config: the default recipe.
        data: what run.json says of the data that is trained on.
        held_out: the number of examples in the two parts that are not.
        features: the feature network.
        floor: the distance between the two parts.
        space: what is tried for each setting, in words.
        asked: the budget that was asked for.
        plan: what was decided.
        pace: how long things took when that was decided; None if the budget was in steps.
        finals: the final runs, if they are measured.
        chosen: the number of the trial whose recipe is kept; None: that is not known yet.
    """

    config: Config
    data: Mapping[str, Any]
    held_out: tuple[int, int]
    features: str
    floor: float
    space: Mapping[str, str]
    asked: Budget
    plan: Plan
    pace: Pace | None = None
    finals: tuple[Final, ...] = ()
    chosen: int | None = None


def read_record(folder: Path) -> Record | None:
    """Return the content of race.json; None if no race has begun in this folder.

    Raises RunError if the folder holds something else, or a race that is damaged or of another
    version.
    """
    path = folder / NAME
    if not path.exists():
        _check_unused(folder)
        return None
    try:
        stored = read_json(path)
        check_format(stored.get("format"), f"the race '{folder}'")
        check_homes(stored, folder)
        family = FAMILIES[stored["config"]["family"]]
        config = from_dict(stored["config"], family.Options)
        rest = {key: stored[key] for key in _STORED if key in stored}
        return Record(
            config=config,
            data=dict(rest["data"]),
            held_out=tuple(map(int, rest["held_out"])),  # type: ignore[arg-type]
            features=str(rest["features"]),
            floor=float(rest["floor"]),
            space={key: str(part) for key, part in rest["space"].items()},
            asked=build(Budget, rest["asked"]),
            plan=build(Plan, rest["plan"]),
            pace=None if rest.get("pace") is None else build(Pace, rest["pace"]),
            finals=tuple(build(Final, final) for final in rest.get("finals", ())),
            chosen=rest.get("chosen"),
        )
    except ConfigError:  # a setting or family that this version does not know: no damage
        raise
    except (StoredError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"'{path}' is damaged ({error})", "folder") from None


_STORED = (
    "data", "held_out", "features", "floor", "space", "asked", "plan", "pace", "finals", "chosen",
)  # fmt: skip


def write_record(folder: Path, record: Record, entries: list[Entry]) -> None:
    """Write race.json, with what is known of each trial for other programs. Raises RunError."""
    plain = asdict(record)
    content = {
        "format": FORMAT,
        "gankit": __version__,
        **homes(record.config),
        "config": to_dict(record.config),
        **{key: plain[key] for key in _STORED},
        "trials": [_plain(entry) for entry in entries],
    }
    try:
        write_atomically(folder / NAME, json.dumps(content, indent=2).encode())
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"'{folder / NAME}' cannot be written: {reason}") from None


def check_same(folder: Path, begun: Record, config: Config, data: Mapping[str, Any],
               features: str, space: Mapping[str, str]) -> None:  # fmt: skip
    """Raise RunError, listing each difference, if a race is not the one that begun in a folder."""
    found = differences(begun.config, config, but=("data.source",))
    if data["fingerprint"] != begun.data["fingerprint"]:
        found.append(
            f"the data itself: {begun.data['count']:,} examples in the race, {data['count']:,} "
            "other ones now"
        )
    if features != begun.features:
        found.append(f"features: {begun.features!r} in the race, {features!r} asked")
    for key in sorted(space.keys() | begun.space.keys()):
        before, now = begun.space.get(key, "nothing"), space.get(key, "nothing")
        if before != now:
            found.append(f"tried for {key}: {before} in the race, {now} asked")
    if found:
        lines = "\n  ".join(found)
        raise RunError(
            f"'{folder}' holds a race with other settings: choose another folder, or go back to "
            f"its own\n  {lines}",
            "folder",
        )


def in_words(space: Space) -> dict[str, str]:
    """Return what is tried for each setting, in words."""
    return {key: str(part) for key, part in space.items()}


def _check_unused(folder: Path) -> None:
    """Raise RunError if a folder holds more than what a killed start leaves behind."""
    if folder.exists() and not folder.is_dir():
        raise RunError(f"'{folder}' is a file: choose another folder", "folder")
    left = [path.name for path in list_folder(folder)]
    found = [name for name in left if name != LOCK and not name.startswith(f".{NAME}.")]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        raise RunError(
            f"'{folder}' holds no race, but {found[0]}{more}: choose another folder", "folder"
        )


def _plain(entry: Entry) -> dict[str, Any]:
    """Return a trial for JSON, which has no infinity."""
    known = asdict(entry)
    known["distances"] = {
        str(place): value if math.isfinite(value) else None
        for place, value in entry.distances.items()
    }
    return {**known, "distance": entry.distance if math.isfinite(entry.distance) else None}
