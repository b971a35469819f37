"""The log of a run: a line every so many steps, and every so many seconds."""

from __future__ import annotations

import pytest

from gankit.fitting import fit
from gankit.run import Run
from gankit.training.clock import Clock


@pytest.fixture
def rarely(small):
    """A run of 12 steps that logs by its steps only a few of them."""
    return small("gan", "toy:ring8", **{"training.steps": 12, "output.log_every": 50})


def logged(folder):
    return [line["step"] for line in Run(folder).metrics()]


def test_slow_steps_are_all_logged_and_no_bit_changes(rarely, tmp_path, monkeypatch, newest, equal):
    monkeypatch.setattr(Clock, "line_is_old", lambda _: False)
    fit(rarely, tmp_path / "by-steps")
    assert logged(tmp_path / "by-steps") == [3, 6, 9, 12]  # whenever the doctor looks
    monkeypatch.setattr(Clock, "line_is_old", lambda _: True)
    fit(rarely, tmp_path / "by-time")
    assert logged(tmp_path / "by-time") == list(range(1, 13))
    assert equal(newest(tmp_path / "by-steps"), newest(tmp_path / "by-time"))


def test_a_run_that_goes_on_keeps_its_lines(small, rarely, tmp_path, monkeypatch):
    monkeypatch.setattr(Clock, "line_is_old", lambda _: True)
    fit(small("gan", "toy:ring8", **{"training.steps": 7, "output.log_every": 50}), tmp_path / "r")
    fit(rarely, tmp_path / "r")
    assert logged(tmp_path / "r") == list(range(1, 13))
