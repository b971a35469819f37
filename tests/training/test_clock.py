"""What is due by the clock, by one that the tests turn."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gankit.training import clock as clock_module
from gankit.training.clock import Clock


@pytest.fixture
def clock(small, monkeypatch):
    """A clock of a run at its beginning; `clock.pass_by(seconds)` is time spent on a step."""
    now = [50.0]
    monkeypatch.setattr(clock_module.time, "monotonic", lambda: now[0])
    made = Clock(small("gan"), SimpleNamespace(step=0, seconds=0.0), now[0])

    def pass_by(seconds):
        now[0] += seconds
        made.tick()

    made.pass_by = pass_by
    return made


def test_a_line_is_due_every_few_seconds(clock):
    assert not clock.line_is_old()
    clock.pass_by(1.9)
    assert not clock.line_is_old()
    clock.pass_by(0.1)
    assert clock.line_is_old()
    clock.images_per_second()  # of the line
    assert not clock.line_is_old()


def test_seconds_that_are_left_out_make_no_line_due(clock):
    clock.pass_by(1.0)
    clock.leave_out(60.0)
    clock.pass_by(60.0)
    assert not clock.line_is_old()


def test_a_long_run_is_not_flooded(clock):
    lines = 0
    for _ in range(100_000):  # a day of steps
        clock.pass_by(0.864)
        if clock.line_is_old():
            clock.images_per_second()
            lines += 1
    assert 200 < lines < 1500
