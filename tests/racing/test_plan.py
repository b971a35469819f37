"""How a budget becomes trials and steps, and which trial goes on."""

from __future__ import annotations

import math

import pytest

from gankit.errors import ConfigError
from gankit.racing.plan import FEWEST_STEPS, TRIALS, Pace, Plan, goes_on, plan_race, rungs

QUICK = Pace(per_step=0.01, per_stop=1.0)


def test_trials_and_steps_need_no_clock():
    assert plan_race(trials=5, steps=90, seconds=None, pace=None) == Plan(5, 90)
    assert Plan(5, 90).final_steps == 270


def test_a_budget_in_time_becomes_trials_of_a_length_that_fills_it():
    plan = plan_race(trials=None, steps=None, seconds=3600, pace=QUICK)
    assert plan.trials == TRIALS
    # A whole trial, 23 that are measured after 1/9, a third of them after 1/3, a ninth at the end.
    searched = 1 + 23 * (1 / 9 + 2 / 27 + 2 / 27)
    stops = 3 + 23 * (1 + 1 / 3 + 1 / 9) + 2
    spent = (searched + 6) * plan.steps * 0.01 + stops * 1.0
    assert spent == pytest.approx(0.95 * 3600, abs=0.2)
    finals = 2 * (plan.final_steps * 0.01 + 1)
    assert plan.seconds == pytest.approx(1.25 * (0.95 * 3600 - finals))


def test_a_slower_machine_has_fewer_steps_and_then_fewer_trials():
    slow = plan_race(trials=None, steps=None, seconds=3600, pace=Pace(0.02, 1.0))
    quick = plan_race(trials=None, steps=None, seconds=3600, pace=QUICK)
    assert slow.trials == quick.trials
    assert slow.steps < quick.steps
    slowest = plan_race(trials=None, steps=None, seconds=3600, pace=Pace(1.5, 1.0))
    assert 4 <= slowest.trials < TRIALS
    assert slowest.steps >= FEWEST_STEPS


def test_what_is_given_is_kept():
    assert plan_race(trials=7, steps=None, seconds=3600, pace=QUICK).trials == 7
    fixed = plan_race(trials=None, steps=6000, seconds=3600, pace=QUICK)
    assert fixed.steps == 6000
    assert plan_race(trials=None, steps=6000, seconds=7200, pace=QUICK).trials > fixed.trials
    both = plan_race(trials=7, steps=300, seconds=3600, pace=QUICK)
    assert (both.trials, both.steps) == (7, 300)
    assert both.seconds is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seconds": 60.0}, "1 minutes are too few here: 4 trials of 180 steps and two final runs"),
        ({"seconds": 60.0, "trials": 9}, "9 trials of 180 steps"),
        ({"seconds": 60.0, "steps": 9000}, "2 trials of 9,000 steps"),
        ({"seconds": 0.0}, "minutes must be above 0"),
        ({"seconds": math.inf}, "minutes must be above 0"),
        ({"seconds": math.nan}, "minutes must be above 0"),
        ({"seconds": 60.0, "trials": 1}, "trials must be from 2"),
        ({"seconds": 60.0, "steps": 0}, "steps must be from 1"),
    ],
)
def test_what_cannot_work_is_one_line(given, said):
    with pytest.raises(ConfigError, match=said) as caught:
        plan_race(**{"trials": None, "steps": None, "pace": Pace(0.1, 1.0), **given})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("steps", "wanted"), [(900, [100, 300, 900]), (9, [1, 3, 9]), (2, [1, 2]), (1, [1])]
)
def test_a_trial_is_measured_three_times_if_it_is_long_enough(steps, wanted):
    assert rungs(steps) == wanted


def test_one_of_three_goes_on():
    assert goes_on(5.0, [])
    assert goes_on(0.9, [1.0])
    assert not goes_on(1.1, [1.0])
    assert not goes_on(1.0, [1.0])
    before = [1.0, 2.0, 3.0, 4.0, 5.0]  # with this one they are six: two go on
    assert goes_on(1.5, before)
    assert not goes_on(2.5, before)


@pytest.mark.parametrize("before", [[], [1.0], [math.inf] * 5])
def test_a_sick_trial_never_goes_on(before):
    assert not goes_on(math.inf, before)
    assert goes_on(10.0, [math.inf] * 5)
