"""A trainer that is held by hand takes the steps that `fit` takes, and needs no folder."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch

import gankit
from gankit.data import ArrayDataset
from gankit.settings.config import override
from gankit.storage import read_tensors
from gankit.training.checkpoint import capture
from gankit.training.state import PLAYERS


@pytest.fixture
def made(small):
    """made("gan", **settings) -> a trainer on the ring's points or on digits."""
    trainers = []

    def make(family="gan", source="toy:ring8", **changes):
        config = small(family, source, **changes)
        dataset = gankit.load_dataset(source)
        trainers.append(gankit.Trainer(gankit.build_game(config, dataset), dataset))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.close()


@pytest.mark.parametrize(("family", "source"), [("gan", "toy:ring8"), ("cgan", "digits")])
def test_its_steps_are_those_of_a_run(made, small, tmp_path, equal, newest, family, source):
    trainer = made(family, source)
    for _ in range(6):
        trainer.step()
    gankit.fit(small(family, source), tmp_path / "r")
    assert equal(capture(trainer.state)[0], newest(tmp_path / "r"))
    assert list(tmp_path.iterdir()) == [tmp_path / "r"]


def test_a_step_gives_numbers_by_name(made):
    numbers = made().step()
    assert isinstance(numbers, Mapping)
    assert {"d/adversarial", "g/adversarial", "d_real", "grad_d", "grad_g"} <= set(numbers)
    assert all(isinstance(n, float) and math.isfinite(n) for n in numbers.values())
    assert len(numbers) == len(list(numbers))
    assert "d/adversarial" in repr(numbers)
    with pytest.raises(KeyError):
        numbers["nothing"]


def test_a_budget_in_minutes_is_measured_once_and_leaves_no_trace(made, equal):
    timed, counted = (
        made(**{f"training.{budget}": value, "runtime.threads": 1})
        for budget, value in (("minutes", 0.02), ("steps", 1))
    )
    assert timed.plan.steps >= 1
    assert timed.plan is timed.plan
    assert equal(capture(timed.state)[0], capture(counted.state)[0])
    assert timed.state.step == 0


def test_a_game_for_other_data_is_refused(small):
    game = gankit.build_game(small("gan", "toy:ring8"), gankit.load_dataset("toy:ring8"))
    with pytest.raises(gankit.ConfigError, match="for 2 points of 8 classes, the data is 1x28x28"):
        gankit.Trainer(game, gankit.load_dataset("digits"))


def test_too_little_data_is_refused(small):
    few = ArrayDataset("few", np.zeros((4, 2), np.float32), "f")
    game = gankit.build_game(small("gan", "toy:ring8"), few)
    with pytest.raises(gankit.DataError, match="holds 4 points; a batch needs 8"):
        gankit.Trainer(game, few)
    one = gankit.Dataset.of(np.zeros((1, 16, 16), np.uint8))
    game = gankit.build_game(small("dcgan", **{"training.batch": 2}), one)
    with pytest.raises(gankit.DataError, match="holds 1 readable image; training needs 2 at"):
        gankit.Trainer(game, one)


def test_within_a_step_of_one_process_there_is_no_way_back(made, monkeypatch):
    trainer = made()
    trainer.step()
    assert trainer.make_whole()

    def after_step(_self, _numbers):
        raise MemoryError

    monkeypatch.setattr("gankit.game.Game.after_step", after_step)
    with pytest.raises(MemoryError):
        trainer.step()
    assert not trainer.make_whole()


def test_fit_learns_from_a_data_set_that_is_handed_in(small, tmp_path):
    points = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    config = override(small("gan", "toy:ring8"), {"data.source": "mine"})
    outcome = gankit.fit(config, tmp_path / "r", dataset=ArrayDataset("mine", points, "print"))
    assert outcome.finished
    assert gankit.load(tmp_path / "r").sample(3).shape == (3, 2)
    tensors, _ = read_tensors(tmp_path / "r/model.safetensors", "artifact")
    assert all(torch.isfinite(t).all() for t in tensors.values())


@pytest.mark.parametrize(
    ("changes", "follows_the_budget"),
    [
        ({}, False),
        ({"stabilise.noise": 0.1}, True),
        ({"stabilise.top_k": 0.5}, True),
        ({"stabilise.historical": 0.1, "stabilise.lagged": 0.9}, False),
        ({"stabilise.replay": 0.5}, False),
    ],
)
def test_what_follows_the_budget_besides_schedules(made, equal, changes, follows_the_budget):
    """Their help says so; everything else is the same in the first steps of a longer run."""
    constant = {f"{player}_optimizer.schedule": "constant" for player in PLAYERS}
    reached = []
    for steps in (3, 12):
        trainer = made(**{"training.steps": steps} | constant | changes)
        for _ in range(3):
            trainer.step()
        reached.append(capture(trainer.state, copy=True)[0])
    assert equal(*reached) == (not follows_the_budget)


def test_a_budget_beyond_the_end_of_both_schedules_is_refused(small, tmp_path):
    ending = {"schedule": "linear", "schedule_steps": 5}
    both = {f"{player}_optimizer.{k}": v for player in PLAYERS for k, v in ending.items()}
    with pytest.raises(gankit.ConfigError, match=r"training\.steps must be at most 5 here"):
        gankit.fit(small("gan", "toy:ring8", **both), tmp_path / "r")
    assert list(tmp_path.iterdir()) == []
    shorter = small("gan", "toy:ring8", **both, **{"training.steps": 2})
    assert gankit.fit(shorter, tmp_path / "r").finished
    longer = small("gan", "toy:ring8", **both, **{"training.steps": 9})
    with pytest.raises(gankit.ConfigError, match="at most 5 here"):
        gankit.fit(longer, tmp_path / "r")
    assert gankit.load(tmp_path / "r").step == 2
