"""Budgets become steps: by arithmetic where that is enough, by a clock where it is not."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
import torch

from gankit.choose_recipe import configure
from gankit.families import Task
from gankit.run import Plan
from gankit.settings.config import override
from gankit.training import budget
from gankit.training.budget import extend_plan, plan_budget
from gankit.training.checkpoint import capture
from gankit.training.runtime import Runtime
from gankit.training.state import build_game, build_state

RUNTIME = Runtime(torch.device("cpu"))
CONFIG = override(configure("gan", "toy:ring8"), {"runtime.threads": 1})


class Clock:
    """Time that passes by the steps taken alone."""

    def __init__(self, seconds_per_step):
        self.now, self.seconds_per_step, self.steps = 100.0, seconds_per_step, 0

    def step(self):
        self.now += self.seconds_per_step
        self.steps += 1


def planned(monkeypatch, seconds_per_step, spent=0.0, step=None, runtime=RUNTIME, **changes):
    clock = Clock(seconds_per_step)
    monkeypatch.setattr(budget, "time", SimpleNamespace(monotonic=lambda: clock.now))
    config = override(CONFIG, {k.replace("__", "."): v for k, v in changes.items()})
    state = build_state(build_game(config, Task((2,))), runtime)
    before = capture(state, copy=True)
    plan = plan_budget(
        config, state, step(state, clock) if step else clock.step, runtime, spent, 25
    )
    return plan, clock, before, capture(state)


def test_minutes_are_divided_by_the_seconds_of_a_step(monkeypatch):
    plan, clock, *_ = planned(monkeypatch, 0.05, spent=3.0, training__minutes=2)
    assert plan.seconds_per_step == pytest.approx(0.05)
    measuring = clock.now - 100
    assert plan.steps == pytest.approx((120 * 0.95 - 3 - measuring) / 0.05, abs=1)
    assert measuring < 0.04 * 120


def test_a_step_longer_than_the_budget_is_still_one(monkeypatch):
    assert planned(monkeypatch, 100.0, training__minutes=1)[0].steps == 1


def test_steps_and_images_need_no_clock(monkeypatch):
    assert planned(monkeypatch, 0.01, training__steps=70)[0] == Plan(70, 1)
    plan = planned(monkeypatch, 0.01, training__images=1000, training__batch=10, objective__k=2)[0]
    assert plan == Plan(50, 1)
    assert planned(monkeypatch, 0.01, training__images=3, training__batch=10)[0].steps == 1


def test_whole_lazy_intervals_are_timed(monkeypatch):
    """Every fourth step takes ten times as long: the mean over whole intervals is exact."""

    def step(state, clock):
        def take():
            clock.now += 0.10 if state.step % 4 == 2 else 0.01
            state.step += 1

        return take

    plan = planned(monkeypatch, 0.0, step=step, training__minutes=1, objective__penalty_interval=4)[
        0
    ]
    assert plan.seconds_per_step == pytest.approx((0.10 + 3 * 0.01) / 4)


def test_what_was_tried_is_undone_even_by_an_error(monkeypatch, equal):
    def step(state, clock):
        def take():
            clock.step()
            state.step += 1
            with torch.no_grad():
                for network in (player.network for player in state.players.values()):
                    for p in network.parameters():
                        p.add_(1)
            if clock.steps > 3:
                raise RuntimeError("stop")

        return take

    config = override(CONFIG, {"training.minutes": 1})
    state = build_state(build_game(config, Task((2,))), RUNTIME)
    before = capture(state, copy=True)
    with pytest.raises(RuntimeError, match="stop"):
        plan_budget(config, state, step(state, Clock(0.1)), RUNTIME, 0.0, 25)
    assert equal(before[0], capture(state)[0])
    assert before[1] == capture(state)[1]


def test_the_fastest_number_of_threads_is_taken(monkeypatch):
    """With two threads a step takes a third of the time, with four it takes longer again."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    seconds, threads = {1: 0.03, 2: 0.01, 4: 0.02}, {"now": 4}
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads["now"])
    monkeypatch.setattr(torch, "set_num_threads", lambda n: threads.update(now=n))

    def step(_state, clock):
        def take():
            clock.now += seconds[threads["now"]]

        return take

    plan = planned(monkeypatch, 0.0, step=step, training__minutes=1, runtime__threads="none")[0]
    assert plan.threads == threads["now"] == 2
    assert plan.seconds_per_step == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        ({"training.minutes": 2}, {"training.minutes": 3}, 150),
        ({"training.minutes": 2}, {"training.steps": 400}, 400),
        ({"training.steps": 100}, {"training.minutes": 9}, 100),
        ({"training.steps": 100}, {"training.steps": 250}, 250),
    ],
)
def test_a_resumed_run_is_extended(old, new, steps):
    plan = extend_plan(Plan(100, 2, 0.5), override(CONFIG, old), override(CONFIG, new), 25)
    assert plan == Plan(steps, 1, 0.5)  # threads as asked now
    free = override(CONFIG, new | {"runtime.threads": "none"})
    assert extend_plan(Plan(100, 2), override(CONFIG, old), free, 25).threads == 2


def test_the_clock_here_is_not_the_systems():
    assert budget.time is time


def test_an_epoch_is_as_many_real_images_as_there_are_examples(monkeypatch):
    changes = {"training__epochs": 2, "training__batch": 5, "objective__k": 2}
    assert planned(monkeypatch, 0.01, **changes)[0] == Plan(5, 1)
    assert planned(monkeypatch, 0.01, **changes | {"training__epochs": 0.01})[0] == Plan(1, 1)


def test_nothing_is_timed_before_steps_take_their_usual_time(monkeypatch):
    """A runtime that records steps first: the slow ones come before any is timed."""

    class Recording(Runtime):
        rounds_to_warm = 2

    def step(state, clock):
        def take():
            clock.now += 5.0 if state.step < 1 + 2 * 4 else 0.01
            state.step += 1

        return take

    changes = {"training__minutes": 10, "objective__penalty_interval": 4}
    plan = planned(monkeypatch, 0.0, step=step, runtime=Recording(RUNTIME.device), **changes)[0]
    assert plan.seconds_per_step == pytest.approx(0.01)
