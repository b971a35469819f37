"""How much time is left, by a clock that the tests turn."""

from __future__ import annotations

import pytest

from gankit.training.pace import Pace, in_words


def test_it_is_known_from_the_first_ten_steps_or_the_first_seconds():
    quick, slow = Pace(0, 0.0), Pace(0, 0.0)
    for step in range(1, 10):
        quick.note(step, 0.01 * step)
        assert quick.left(1000) is None
    quick.note(10, 0.1)
    assert quick.left(1000) == pytest.approx(9.9)
    assert slow.left(100) is None
    slow.note(1, 5.0)
    assert slow.left(100) == pytest.approx(495)


def test_a_measured_step_is_believed_until_there_is_a_better_measure():
    pace = Pace(0, 0.0, 0.5)
    assert pace.left(100) == pytest.approx(50)
    pace.note(1, 4.0)
    assert pace.left(100) == pytest.approx(396)


def test_it_counts_down_while_a_step_is_taken_and_no_further():
    pace = Pace(0, 0.0)
    pace.note(1, 5.0)
    assert [pace.left(3, waited) for waited in (0, 3, 5, 60)] == pytest.approx([10, 7, 5, 5])
    pace.note(3, 15.0)
    assert pace.left(3, 1.0) == 0


def test_what_was_trained_before_a_resumption_does_not_count():
    pace = Pace(500, 9000.0)
    for step in range(1, 11):
        pace.note(500 + step, 9000.0 + step)
    assert pace.left(610) == pytest.approx(100)


def test_it_follows_a_pace_that_changes():
    pace, seconds = Pace(0, 0.0), 0.0
    for step in range(1, 1001):
        seconds += 0.1 if step <= 500 else 1.0
        pace.note(step, seconds)
    assert pace.left(1100) == pytest.approx(100)


@pytest.mark.parametrize("usual", [0.01, 2.0])
def test_an_hour_in_which_the_process_stood_still_does_not_count(usual):
    pace = Pace(0, 0.0)
    for step in range(1, 101):
        pace.note(step, usual * step)
    pace.note(101, 3600 + usual * 101)
    assert pace.left(201) == pytest.approx(100 * usual)


def test_a_run_that_goes_back_is_measured_from_there():
    pace = Pace(0, 0.0)
    for step in range(1, 51):
        pace.note(step, float(step))
    pace.note(41, 51.0)
    pace.note(51, 61.0)
    assert pace.left(100) == pytest.approx(49)


def test_times_in_words():
    times = {0.4: "0 s", 59.4: "59 s", 60: "1 min 0 s", 3599: "59 min 59 s", 3661: "1 h 1 min"}
    assert {seconds: in_words(seconds) for seconds in times} == times
