"""What a race is agreed to be before its first trial: what may be tried, for how long."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gankit.data import Dataset
from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES, Task
from gankit.fitting import fit
from gankit.racing.judge import Judge, Parts
from gankit.racing.plan import FINAL, Pace, Plan, plan_race
from gankit.racing.record import Budget, Record, check_same, in_words
from gankit.run import describe
from gankit.search_space import Among, Space
from gankit.settings.config import Config, override
from gankit.settings.schema import flatten
from gankit.settings.text import typed
from gankit.training.optimizers import check_length

MINUTES = 60.0
"""The budget of a race if none is given."""
REHEARSAL = 0.1
"""Minutes for which the default recipe is trained to see how long things take."""


def allowed_space(
    space: Space | None, config: Config, train: Dataset, fixed: Collection[str]
) -> Space:
    """Return what may be tried on these data. Raises ConfigError if that cannot work."""
    given = space
    if given is None:
        given = FAMILIES[config.family].search_space(config, Task.of(train))
    flat = flatten(config)
    for key, part in given.items():
        override(config, {key: flat.get(key)})  # it is a setting
        if not part.holds(flat[key]):
            raise ConfigError(
                f"{key} = {typed(flat[key])} is not among what the race tries ({part}), but the "
                "default recipe is the first trial",
                "space",
            )
    allowed = {key: _that_fit(part, key, train) for key, part in given.items() if key not in fixed}
    if not allowed:
        raise ConfigError("nothing is left to try: fix fewer settings", "space", "fixed")
    return allowed


def _that_fit(part: Any, key: str, train: Dataset) -> Any:
    """Leave out batches that are larger than the data."""
    if key == "training.batch" and isinstance(part, Among):
        return Among(tuple(v for v in part.values if int(v) <= len(train)))
    return part


def agree(
    folder: Path,
    begun: Record | None,
    config: Config,
    parts: Parts,
    judge: Judge,
    allowed: Space,
    asked: Budget,
) -> Record:
    """Return the record of a new race, or of one that goes on, perhaps with a larger budget.

    Raises RunError if the race in the folder is another one.
    """
    data, space = describe(parts.train), in_words(allowed)
    if begun is not None:
        check_same(folder, begun, config, data, judge.name, space)
        if not asked.said or asked == begun.asked:
            return begun
        if asked.steps not in (None, begun.plan.steps):
            raise RunError(
                f"'{folder}' holds a race of trials of {begun.plan.steps:,} steps: leave steps "
                "out, or choose another folder",
                *("steps", "folder"),
            )
        pace = begun.pace
        if asked.minutes is not None and pace is None:
            pace = _rehearse(config, parts, judge)
        trials = begun.plan.trials if asked == Budget(steps=asked.steps) else asked.trials
        plan = _plan(replace(asked, trials=trials, steps=begun.plan.steps), pace)
        return replace(begun, asked=asked, plan=plan, pace=pace, chosen=None)
    if asked.minutes is None and (asked.trials is None or asked.steps is None):
        asked = replace(asked, minutes=MINUTES)
    pace = None if asked.minutes is None else _rehearse(config, parts, judge)
    plan = _plan(asked, pace)
    check_length(config, FINAL * plan.steps)
    return Record(
        config=config,
        data=data,
        held_out=(len(parts.seen), len(parts.unseen)),
        features=judge.name,
        floor=judge.floor,
        space=space,
        asked=asked,
        plan=plan,
        pace=pace,
    )


def _plan(asked: Budget, pace: Pace | None) -> Plan:
    seconds = None if asked.minutes is None else 60 * asked.minutes
    return plan_race(trials=asked.trials, steps=asked.steps, seconds=seconds, pace=pace)


def _rehearse(config: Config, parts: Parts, judge: Judge) -> Pace:
    """Train and measure the default recipe for a few seconds, and keep nothing but the times."""
    with TemporaryDirectory() as folder:
        place, began = Path(folder) / "rehearsal", time.monotonic()
        short = override(config, {"training.minutes": REHEARSAL})
        outcome = fit(short, place, dataset=parts.train, quiet=True)
        if outcome.signal is not None:
            raise KeyboardInterrupt
        judge.distance(place)
        measured = outcome.run.record()
        assert measured is not None
        per_step = measured.plan.seconds_per_step or 0.0
        if outcome.step:  # more steps than were timed before the first one
            per_step = outcome.seconds / outcome.step
        return Pace(per_step, time.monotonic() - began - outcome.seconds)
