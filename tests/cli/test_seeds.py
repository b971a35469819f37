"""`gankit train --seeds`: what is typed, what is printed, and the exit code."""

from __future__ import annotations

import json
import sys
from signal import SIGINT, SIGTERM

import pytest

import gankit.cli
from gankit.cli import seeds as module
from gankit.errors import Interrupted
from gankit.run import Run
from gankit.seeds import SeedRun
from gankit.training.loop import Outcome
from tests.pages.pages import add_scores, make_run

TRAIN = ("train", "gan", "toy:ring8", "--steps", "4", "--out", "runs here", "--seeds")


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """command("train", ...) -> exit code, stdout, stderr; run inside tmp_path."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gankit", *arguments])
        with pytest.raises(SystemExit) as ended:
            gankit.cli.main()
        code = ended.value.code or 0
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def trained(monkeypatch, small, tmp_path):
    """Replace the training by runs that are there already; returns how each is changed."""
    changes: dict[int, dict] = {}

    def fit_seeds(config, folder, seeds, *, init_from, reasons, say):
        found = []
        for seed in seeds:
            place = folder / f"seed-{seed}"
            make_run(place, small("cgan", **{"training.seed": seed}))
            add_scores(place, 6, 20.0 + seed)
            outcome = Outcome(Run(place), 6, 6, 6, 1.0, True)
            found.append(SeedRun(seed, place, outcome) if seed not in changes else
                         SeedRun(**{"seed": seed, "folder": place, "outcome": outcome,
                                    **changes[seed]}))  # fmt: skip
        return found

    monkeypatch.setattr(module, "fit_seeds", fit_seeds)
    return changes


def test_mean_and_interval_are_printed(command, trained):
    code, out, _ = command(*TRAIN, "0-2")
    assert code == 0
    assert "21.00 (18.52 to 23.48)" in out  # s = 1, t(2) = 4.3027
    assert "3 runs" in out
    assert out.endswith("gankit compare --group 'runs here'\n")


def test_a_run_that_failed_is_named_and_the_exit_code_says_so(command, trained):
    trained[1] = {"outcome": None, "problem": "stopped at step 2: d is not finite"}
    code, out, _ = command(*TRAIN, "0,1,2")
    assert code == 1
    assert "seed 1: stopped at step 2: d is not finite" in out
    assert "2 runs" in out


def test_a_run_that_is_not_finished_too(command, trained, tmp_path):
    trained[0] = {"outcome": Outcome(Run(tmp_path), 3, 6, 3, 1.0, True, overtime=True)}
    code, out, _ = command(*TRAIN, "0,1")
    assert code == 1
    assert "seed 0: the time ran out at step 3 of 6; the same command again goes on" in out


def test_ctrl_c_ends_the_whole_and_says_what_to_type(command, trained, tmp_path):
    trained[1] = {"outcome": Outcome(Run(tmp_path), 2, 6, 2, 1.0, True, signal=SIGINT)}
    code, out, _ = command(*TRAIN, "0,1")
    assert code == 130
    assert "stopped by SIGINT at step 2 of 6 of seed 1, 1 of 2 runs done: saved" in out
    again = "train gan toy:ring8 --steps 4 --out 'runs here' --seeds 0,1"
    assert f"go on: gankit {again}\n" in out


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (Interrupted(SIGTERM, "SIGTERM"), 143)]
)
def test_so_does_a_signal_between_two_runs(command, monkeypatch, error, code):
    def interrupted(*given, **more):
        raise error

    monkeypatch.setattr(module, "fit_seeds", interrupted)
    ended, out, err = command(*TRAIN, "0,1")
    assert (ended, out) == (code, "")
    assert "go on: gankit train gan" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("seeds", ["", "a", "1-", "3-1", "0,0", "0-2,1", "-1", "1.5", "0-99999"])
def test_what_are_no_seeds_is_one_line(command, seeds, tmp_path):
    code, out, err = command(*TRAIN[:-1], f"--seeds={seeds}")
    assert (code, out) == (2, "")
    assert "(--seeds)" in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("one", [("--seed", "3"), ("--set", "training.seed=3")])
def test_one_seed_and_several_are_at_odds(command, one):
    code, _, err = command(*TRAIN, "0,1", *one)
    assert code == 2
    assert "--seeds gives the seeds of all runs" in err


def test_the_default_folder_is_not_that_of_a_single_run(command, monkeypatch, tmp_path):
    found = []
    monkeypatch.setattr(module, "train_seeds", lambda config, folder, *more: found.append(folder))
    command("train", "gan", "toy:ring8", "--seeds", "0,1")
    assert str(found[0]) == "runs/gan-toy-ring8-seeds"


@pytest.mark.slow
def test_a_dry_run_says_how_many(command):
    code, out, _ = command(*TRAIN, "0-3", "--dry-run")
    assert code == 0
    assert out.endswith("runs: 4 of these, one after the other, from seeds 0-3\n")


def test_groups_from_the_command_line(command, small, tmp_path):
    for seed in range(3):
        make_run(tmp_path / "all" / f"seed-{seed}", small("cgan", **{"training.seed": seed}))
        add_scores(tmp_path / "all" / f"seed-{seed}", 6, 20.0 + seed)
    code, out, _ = command("compare", "--group", "all", "--rows", "1")
    assert code == 0
    assert "21.00 (18.52 to 23.48)" in out
    assert (tmp_path / "compare.html").exists()
    code, out, _ = command("compare", "--group", "all", "--rows", "1", "--json")
    assert code == 0
    (score,) = json.loads(out)["groups"][0]["scores"]
    assert (score["runs"], score["mean"]) == (3, 21.0)
    assert score["interval"] == pytest.approx([18.516, 23.484], abs=1e-3)
    code, out, _ = command("compare", "all/seed-0", "all/seed-1", "--rows", "1", "--json")
    assert code == 0
    stored = json.loads(out)
    assert [run["scores"]["digits"][0]["value"] for run in stored["runs"]] == [20.0, 21.0]
    assert stored["settings"] == {"training.seed": {"seed-0": "0", "seed-1": "1"}}
