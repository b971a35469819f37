"""A race in words: the lines that a terminal and race.html share."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from gankit.racing.journal import Entry
from gankit.racing.plan import Plan
from gankit.racing.record import Final, Record
from gankit.settings.text import typed

RECIPE = "recipe.toml"


def name_of(number: int) -> str:
    """Return `default` or `trial 7`."""
    return "default" if number == 0 else f"trial {number}"


def distance_text(distance: float) -> str:
    """Return a distance in four digits."""
    return "infinite" if math.isinf(distance) else f"{distance:.4g}"


def whole(entries: Sequence[Entry]) -> list[Entry]:
    """Return the trials that were trained to their end."""
    return [entry for entry in entries if entry.whole]


def best_of(entries: Sequence[Entry]) -> Entry | None:
    """Return the trial that came nearest, of those trained to their end; None if none is finite."""
    finite = [entry for entry in whole(entries) if math.isfinite(entry.distance)]
    return min(finite, key=lambda entry: (entry.distance, entry.number), default=None)


def changes_text(entry: Entry, default: Entry) -> str:
    """Return what a trial has in place of the default's settings: `training.batch=16, ...`."""
    changed = {k: v for k, v in entry.changes.items() if v != default.changes[k]}
    return ", ".join(f"{key}={typed(value)}" for key, value in changed.items())


def plan_line(plan: Plan) -> str:
    """Return a line about what is to come: how many trials and final runs, and their length."""
    return (
        f"trials: {plan.trials:,} of {plan.steps:,} steps of the default's cost, most of which end "
        f"earlier; then up to two final runs of {plan.final_steps:,}"
    )


def trial_line(entries: Sequence[Entry], number: int) -> str:
    """Return a line about a trial that has ended: its distance, the best so far, what it tried."""
    entry, best = entries[number], best_of(entries)
    at = f" at step {entry.step:,}" if math.isfinite(entry.distance) else ""
    parts = [f"{name_of(number)}: {distance_text(entry.distance)}{at}"]
    if entry.problem:
        parts.append(entry.problem)
    elif not entry.whole:
        parts.append("fell behind")
    if best is not None and best.number == number:
        parts.append("best so far" if number else "")
    elif best is not None:
        parts.append(f"best {distance_text(best.distance)} ({name_of(best.number)})")
    parts.append(changes_text(entry, entries[0]))
    return "; ".join(part for part in parts if part)


def final_line(final: Final) -> str:
    """Return a line about a final run."""
    told = f"final run, {name_of(final.number)}: {final.steps:,} steps in {final.seconds:,.0f} s; "
    if final.distance is None:
        return told + final.problem
    distance = (
        f"kernel distance {final.distance:.4g} ({final.low:.4g} to {final.high:.4g} by draws)"
    )
    return told + "; ".join((distance, *final.scores))


def verdict_lines(record: Record, entries: Sequence[Entry]) -> list[str]:
    """Return what the final runs say, and what is kept and why. The race must be at its end."""
    finals = {final.number: final for final in record.finals}
    if len(finals) == 1:
        found = "no recipe that was tried came nearer than the default, which is kept"
        return [f"{found}. {_measured(finals[0])}"]
    best = next(number for number in finals if number)
    changed = changes_text(entries[best], entries[0])
    default, other = finals[0], finals[best]
    said = [f"trial {best} came nearest of {len(entries)}: {changed}"]
    if record.chosen == 0:
        kept = (
            "on examples that the trials were not measured on the default is no worse, and is kept"
        )
    elif math.isinf(default.far):
        kept = "the default fails in its final run; the recipe that was found is kept"
    else:
        kept = "the recipe that was found is better on examples that the trials did not see"
        kept += (
            ", and is kept" if _apart(default, other) else ", by less than draws differ: it is kept"
        )
    return [*said, f"{kept}. {_measured(default)}; {_measured(other)}"]


def next_command(folder: Path, record: Record) -> str:
    """Return what to type to train by the recipe that is kept."""
    config = record.config
    recipe = str(folder / RECIPE)
    words = ["gankit", "train", config.family, config.data.source, "--config", recipe]
    return shlex.join(words)


def _measured(final: Final) -> str:
    distance = distance_text(final.far) if not final.problem else final.problem
    return f"{name_of(final.number)}: {distance}"


def _apart(a: Final, b: Final) -> bool:
    """Return whether the intervals of two final runs are apart."""
    ends = (a.low, a.high, b.low, b.high)
    if any(end is None for end in ends):
        return False
    low_a, high_a, low_b, high_b = (float(end or 0.0) for end in ends)
    return high_a < low_b or high_b < low_a
