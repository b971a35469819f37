"""How a race spends its budget: how many trials, of how many steps, and how long the final runs.

A plan is in steps of the default recipe, so a race is the same on a slower machine. A trial is
measured after a ninth and a third of its steps, and goes on if it is among the best third so far:
asynchronous successive halving (Li et al. 2018, arXiv 1810.05934).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gankit.errors import ConfigError

RUNGS = (1 / 9, 1 / 3, 1.0)
"""The shares of a trial's steps after which it is measured."""
KEPT = 3
"""Of so many trials that were measured after the same share of their steps, one goes on."""
TRIALS, FEWEST_TRIALS = 24, 4
"""How many trials a race has, and how few if the budget is small."""
FINAL = 3
"""How many times as long as a trial a final run is. There are two: the default, and the best."""
FEWEST_STEPS = 180
"""The fewest steps of a trial if the budget decides; fewer say too little."""
MOST_TRIALS, MOST_STEPS = 10_000, 10**8
RESERVE = 0.05
"""The share of a time budget that is kept for pages and timing noise."""
PATIENCE = 1.25
"""No trial begins once the trials have taken this many times their share of the budget."""


@dataclass(frozen=True)
class Pace:
    """How long things take here, as measured with the default recipe.

    Attributes:
        per_step: seconds of a training step.
        per_stop: seconds that it takes to begin a run or go on with it, and to measure it.
    """

    per_step: float
    per_stop: float


@dataclass(frozen=True)
class Plan:
    """What a race does.

    Attributes:
        trials: how many recipes are tried, the default among them.
        steps: the length of a trial, in steps of the default recipe.
        seconds: how long all trials may take; None: as long as they need.
    """

    trials: int
    steps: int
    seconds: float | None = None

    @property
    def final_steps(self) -> int:
        """The length of a final run, in steps of the default recipe."""
        return FINAL * self.steps


def plan_race(
    *,
    trials: int | None,
    steps: int | None,
    seconds: float | None,
    pace: Pace | None,
) -> Plan:
    """Decide what a race does.

    Args:
        trials, steps: as in `Plan`; None: as many as the budget allows.
        seconds: the budget of the whole race; None if both are given.
        pace: how long things take; needed if there is a budget.

    Raises ConfigError if a number is out of range, or the budget too small.
    """
    check_budget(trials, steps, seconds)
    if seconds is None:
        assert trials is not None
        assert steps is not None
        return Plan(trials, steps)
    assert pace is not None
    usable = (1 - RESERVE) * seconds
    if trials is None and steps is not None:
        fitting = (n for n in range(2, 10 * TRIALS) if _cost(n, steps, pace) <= usable)
        trials = max(fitting, default=None)
        if trials is None:
            raise _too_few(seconds, 2, steps, pace)
    elif steps is None:
        counts = (trials,) if trials is not None else range(TRIALS, FEWEST_TRIALS - 1, -1)
        lengths = {count: _longest(count, usable, pace) for count in counts}
        trials = next((n for n in counts if lengths[n] >= FEWEST_STEPS), None)
        if trials is None:
            raise _too_few(seconds, counts[-1], FEWEST_STEPS, pace)
        steps = min(lengths[trials], MOST_STEPS)
    assert trials is not None
    assert steps is not None
    finals = 2 * (FINAL * steps * pace.per_step + pace.per_stop)
    return Plan(trials, steps, PATIENCE * max(0.0, usable - finals))


def rungs(steps: int) -> list[int]:
    """Return the steps after which a trial of this length is measured, ascending."""
    return sorted({max(1, round(share * steps)) for share in RUNGS})


def goes_on(value: float, before: Sequence[float]) -> bool:
    """Return whether a trial goes on after a measurement.

    Args:
        value: its distance; the smaller the better. Infinity never goes on.
        before: the distances that earlier trials had there.
    """
    better = sum(other <= value for other in before)
    return value < float("inf") and better < max(1, (len(before) + 1) // KEPT)


def check_budget(trials: int | None, steps: int | None, seconds: float | None) -> None:
    """Raise ConfigError if a number is out of range."""
    if trials is not None and not 2 <= trials <= MOST_TRIALS:
        raise ConfigError(f"trials must be from 2 to {MOST_TRIALS:,}, got {trials:,}", "trials")
    if steps is not None and not 1 <= steps <= MOST_STEPS:
        raise ConfigError(f"steps must be from 1 to {MOST_STEPS:,}, got {steps:,}", "steps")
    if seconds is not None and not 0 < seconds < float("inf"):
        raise ConfigError(f"minutes must be above 0 and finite, got {seconds / 60:g}", "minutes")


def _stops(trials: int) -> list[float]:
    """Return how many trials are expected at each measurement: all, a third, a ninth.

    The default is always trained to the end.
    """
    return [1 + (trials - 1) / KEPT**i for i in range(len(RUNGS))]


def _lengths(trials: int) -> float:
    """Return the steps of a whole race for each step that a trial is long."""
    parts = [b - a for a, b in zip((0.0, *RUNGS), RUNGS, strict=False)]
    searched = sum(n * part for n, part in zip(_stops(trials), parts, strict=True))
    return searched + 2 * FINAL


def _cost(trials: int, steps: int, pace: Pace) -> float:
    """Return the seconds that a race is expected to take."""
    stops = sum(_stops(trials)) + 2
    return _lengths(trials) * steps * pace.per_step + stops * pace.per_stop


def _longest(trials: int, usable: float, pace: Pace) -> int:
    """Return how many steps so many trials may have, if a race may take `usable` seconds."""
    return int((usable - _cost(trials, 0, pace)) / (_lengths(trials) * pace.per_step))


def _too_few(seconds: float, trials: int, steps: int, pace: Pace) -> ConfigError:
    least = _cost(trials, steps, pace) / (1 - RESERVE) / 60
    return ConfigError(
        f"{seconds / 60:.3g} minutes are too few here: {trials} trials of {steps:,} steps and two "
        f"final runs take about {least:.2g}; give more, or say both trials and steps",
        *("minutes", "trials", "steps"),
    )
