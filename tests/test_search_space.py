"""What a race may try: the default is in it, and every value of it can be played."""

from __future__ import annotations

import pytest
import torch

from gankit.data import load_dataset
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.game import Game
from gankit.search_space import Among, Between, among, around
from gankit.settings.config import override
from gankit.settings.schema import flatten
from gankit.training.update import choose_update

from .conftest import families_of


def test_a_range_and_a_choice_hold_what_lies_in_them():
    assert around(0.01, 4) == Between(0.0025, 0.04)
    assert around(0.01, 4).holds(0.01)
    assert not around(0.01, 4).holds(0.05)
    assert not around(0.01, 4).holds("none")
    assert among(32, 16, 32, 64) == Among((32, 16, 64))
    assert among("none", "hinge").holds("hinge")
    assert not among("none", "hinge").holds("wgan")
    assert (str(Between(0.0025, 0.04)), str(Among((32, 16)))) == ("0.0025 to 0.04", "32, 16")


def ends(part):
    return part.values if isinstance(part, Among) else (part.low, part.high)


@pytest.mark.parametrize("family", families_of("images"))
def test_every_value_can_be_played(family, small):
    config, task = small(family), Task((1, 28, 28), tuple("0123456789"))
    space = FAMILIES[family].search_space(config, task)
    flat = flatten(config)
    assert {"generator_optimizer.lr", "training.batch", "stabilise.augment"} <= space.keys()
    assert all(part.holds(flat[key]) for key, part in space.items())
    for turn in range(max(len(ends(part)) for part in space.values())):
        tried = {key: ends(part)[turn % len(ends(part))] for key, part in space.items()}
        with torch.device("meta"):
            choose_update(FAMILIES[family](override(config, tried), task))


def test_points_are_not_augmented(small):
    config = small("gan", "toy:ring8")
    space = FAMILIES["gan"].search_space(config, Task.of(load_dataset("toy:ring8")))
    assert "stabilise.augment" not in space
    assert space["objective.penalty_weight"].holds(config.objective.penalty_weight)


def test_what_plays_no_part_is_not_tried(small):
    task = Task((1, 28, 28), ("a", "b"))
    perceptrons = override(small("cgan"), {"network.body": "mlp", "objective.penalty": "none"})
    space = Game.search_space.__func__(FAMILIES["cgan"], perceptrons, task)
    assert "objective.penalty_weight" not in space
    assert not [key for key in FAMILIES["cgan"].search_space(perceptrons, task) if "width" in key]


def test_a_family_of_one_loss_keeps_it(small):
    task = Task((1, 28, 28))
    assert "objective.loss" not in FAMILIES["began"].search_space(small("began"), task)
    assert "objective.loss" in FAMILIES["dcgan"].search_space(small("dcgan"), task)


def test_a_value_out_of_range_would_be_refused(small):
    with pytest.raises(ConfigError):
        override(small("dcgan"), {"training.batch": 1})
