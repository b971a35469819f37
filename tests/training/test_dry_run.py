"""The dry run: true numbers, nothing written."""

from __future__ import annotations

import re

import pytest

from gankit.errors import ConfigError, DataError, RunError
from gankit.families import Task
from gankit.fitting import fit
from gankit.training import dry_run
from gankit.training.dry_run import rehearse
from gankit.training.state import PLAYERS, build_game


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(dry_run, "SECONDS", 0.01)


def test_it_reports_data_networks_plan_and_settings(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = small("cgan", "digits", **{"training.steps": 40})
    report = rehearse(config)
    assert report.startswith(
        "data digits: 10,000 grey images 28x28\n10 classes, 1,000 of each: 0, 1, 2"
    )
    game = build_game(config, Task((1, 28, 28), tuple("0123456789")))
    for player in ("generator", "discriminator"):
        count = sum(p.numel() for p in getattr(game, player).parameters())
        assert f"{player}: {count:,} parameters" in report
    assert "plan: simultaneous update, about 40 steps of 8 examples, 0.0 passes over" in report
    assert re.search(r"time: \d+\.\d minutes, [\d.]+ ms a step", report)
    assert len(report.splitlines()) <= 10
    assert "  training.batch = 8" in rehearse(config, verbose=True)
    assert list(tmp_path.iterdir()) == []


def test_the_layers_add_up(small):
    report = rehearse(small("gan", "digits"), verbose=True)
    for section in re.split(r"\n(?=\w)", report):
        total = re.match(r"(?:generator|discriminator): ([\d,]+) parameters", section)
        if total:
            own = re.findall(r"^  \S+ +\w+ +([\d,]+)  ", section, re.MULTILINE)
            assert sum(int(n.replace(",", "")) for n in own) == int(total[1].replace(",", ""))
            break
    else:
        pytest.fail("no network is reported")


def test_images_are_counted_in_steps(small):
    report = rehearse(small("gan", "digits", **{"training.images": 8 * 2 * 25, "objective.k": 2}))
    assert "plan: alternating update, about 25 steps of 16 examples" in report


def test_numbers_that_are_not_finite_are_no_matter_here(small):
    steepest = {
        f"{p}_optimizer.{k}": v for p in PLAYERS for k, v in (("name", "sgd"), ("lr", 1000))
    }
    config = small("gan", "digits", **steepest)
    assert "plan:" in rehearse(config)


def test_it_says_whose_weights_a_run_would_begin_with(small, tmp_path):
    config = small("gan", "toy:ring8")
    fit(config, tmp_path / "old")
    report = rehearse(config, tmp_path / "old")
    begun = "begins with all of the generator and all of the discriminator from "
    assert f"{begun}{tmp_path / 'old'} at step 6\n" in report
    with pytest.raises(RunError, match="No such file"):
        rehearse(config, tmp_path / "nowhere")


def test_a_run_that_would_begin_with_its_own_weights_is_refused_as_at_the_start(small, tmp_path):
    config = small("gan", "toy:ring8")
    fit(config, tmp_path / "old")
    fit(config, tmp_path / "other")
    cases = [
        ("old", "old", RunError, "leave init_from out to go on"),
        ("old", "old/model.safetensors", RunError, "leave init_from out to go on"),
        ("new", "new", ConfigError, "is the new run's own folder"),
        ("other", "old", RunError, "started with its own weights, not with those of"),
    ]
    for out, begin, kind, said in cases:
        for start in (
            lambda out, begin: rehearse(config, tmp_path / begin, folder=tmp_path / out),
            lambda out, begin: fit(config, tmp_path / out, init_from=tmp_path / begin),
        ):
            with pytest.raises(kind, match=said):
                start(out, begin)


def test_what_would_be_refused_is_refused(small):
    with pytest.raises(DataError, match="a batch needs 99999"):
        rehearse(small("gan", "digits", **{"training.batch": 99999}))
    with pytest.raises(ConfigError, match="points"):
        rehearse(small("dcgan", "toy:ring8"))
