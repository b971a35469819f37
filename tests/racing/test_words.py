"""A race in words: each line says what a person must know."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from gankit.racing.record import Final
from gankit.racing.words import final_line, next_command, trial_line, verdict_lines
from tests.racing.races import BEST, ENTRIES, FINAL, make_record


@pytest.fixture
def record(small):
    return partial(make_record, small("gan", "toy:ring8"))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "default: 2 at step 90; best 1 (trial 1)"),
        (1, "trial 1: 1 at step 90; best so far; training.batch=16"),
        (2, "trial 2: 9 at step 10; fell behind; best 1 (trial 1); training.batch=64"),
        (3, "trial 3: infinite; sick at step 10: collapse; best 1 (trial 1); training.batch=64"),
    ],
)
def test_a_line_for_each_trial(number, said):
    assert trial_line(ENTRIES, number) == said


def test_a_line_for_each_final_run():
    told = "270 steps in 4 s; kernel distance 2 (1.9 to 2.1 by draws); FD(points) 3"
    assert final_line(FINAL) == f"final run, default: {told}"
    failed = Final(1, 270, 4.4, None, None, None, problem="sick at step 270: collapse")
    assert final_line(failed).endswith("in 4 s; sick at step 270: collapse")


def test_the_verdict_is_honest(record):
    def said(*finals, chosen):
        return " ".join(verdict_lines(record(*finals, chosen=chosen), ENTRIES))

    assert "is better on examples that the trials did not see, and is kept" in said(
        FINAL, BEST, chosen=1
    )
    near = Final(1, 270, 4.4, 1.95, 1.85, 2.05)
    assert "by less than draws differ" in said(FINAL, near, chosen=1)
    worse = Final(1, 270, 4.4, 3.0, 2.9, 3.1)
    assert "the default is no worse, and is kept" in said(FINAL, worse, chosen=0)
    assert "no recipe that was tried came nearer" in said(FINAL, chosen=0)
    failed = Final(0, 270, 4.4, None, None, None, problem="sick at step 9: collapse")
    told = said(failed, BEST, chosen=1)
    assert "the default fails in its final run" in told
    assert "sick at step 9: collapse" in told


def test_what_to_type_next(record):
    command = next_command(Path("my race"), record(FINAL, chosen=0))
    assert command == "gankit train gan toy:ring8 --config 'my race/recipe.toml'"
