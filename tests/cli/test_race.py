"""`gankit race`: what is typed, what is printed, and the exit code."""

from __future__ import annotations

import sys
from signal import SIGINT

import pytest

import gankit.cli
from gankit.racing import race as module
from gankit.racing.race import Race
from tests.racing.races import BEST, ENTRIES, FINAL, make_record


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """command("race", ...) -> exit code, stdout, stderr; run inside tmp_path."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gankit", *arguments])
        with pytest.raises(SystemExit) as ended:
            gankit.cli.main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture
def raced(monkeypatch):
    """Replace the race by one that is over; returns what it was asked for."""
    asked = {}

    def race(config, folder, *, say, **given):
        asked.update(given, config=config, folder=folder)
        say("trial 1: 1 at step 90")
        chosen = None if asked.get("stop") else 1
        record = make_record(config, FINAL, BEST, chosen=chosen)
        return Race(folder, record, tuple(ENTRIES[:2]), SIGINT if asked.get("stop") else None)

    monkeypatch.setattr(module, "race", race)
    return asked


def test_it_prints_what_is_kept_and_what_to_type(command, raced):
    code, out, err = command("race", "digits", "--hours", "2", "--out", "my race")
    assert code == 0
    why, trial = err.splitlines()
    assert why.startswith("cgan, because: 10,000 grey images 28x28, 10 classes")
    assert trial == "trial 1: 1 at step 90"
    assert "is better on examples that the trials did not see" in out
    assert "  'my race/recipe.toml'\n  'my race/race.html'\n" in out
    assert out.endswith("  gankit train cgan digits --config 'my race/recipe.toml'\n")
    assert (raced["minutes"], raced["trials"], raced["steps"]) == (120, None, None)


def test_the_family_may_be_named_first(command, raced):
    command("race", "dcgan", "digits", "--trials", "3", "--steps", "9", "--seed", "7")
    assert raced["config"].family == "dcgan"
    assert str(raced["folder"]) == "runs/race-digits"
    assert (raced["trials"], raced["steps"], raced["seed"]) == (3, 9, 7)
    command("race", "toy:ring8", "--recipe", "toy-gan")
    assert raced["config"].family == "gan"
    assert str(raced["folder"]) == "runs/race-toy-ring8"


def test_what_is_typed_is_not_tried(command, raced):
    command("race", "digits", "--holdout", "0.2", "--set", "training.batch=16")
    assert raced["config"].training.batch == 16
    assert set(raced["fixed"]) == {"data.holdout", "training.batch"}


def test_ctrl_c_says_what_to_type(command, raced):
    raced["stop"] = True
    code, out, _ = command("race", "digits", "--hours", "2")
    assert code == 130
    assert (
        out == "stopped by SIGINT, 2 of 4 trials done: saved\ngo on: gankit race digits --hours 2\n"
    )


def test_so_does_ctrl_c_between_two_runs(command, monkeypatch):
    def interrupted(*given, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "race", interrupted)
    code, _, err = command("race", "digits")
    assert code == 130
    assert "go on: gankit race digits" in err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("digits", "--hours", "1", "--minutes", "1"), "both budgets"),
        (("digits", "--trials", "1"), "trials must be from 2 to 10,000, got 1 (--trials)"),
        (("digits", "--minutes", "0"), "(--minutes)"),
        (("nowhere",), "no known data set"),
        (("digits", "--set", "training.bach=3"), "unknown setting"),
    ],
)
def test_what_cannot_work_is_one_line(command, typed, said, tmp_path):
    code, out, err = command("race", *typed)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_without_optuna_it_says_what_to_install(command, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, _, err = command("race", "digits")
    assert (code, err) == (
        2,
        "gankit: a race needs more than is installed: pip install 'gankit[race]'\n",
    )
    assert not list(tmp_path.iterdir())
