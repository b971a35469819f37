"""What is known of an environment survives a file, and cannot be damaged unseen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.stored import StoredError
from gankit.worlds.world import World, check_name

CHOICES = World(name="CartPole-v1", observations=4, moments=500, choices=2)
VECTORS = World(name="Pendulum-v1", observations=3, moments=200, low=(-2.0,), high=(2.0,))


@pytest.mark.parametrize("world", [CHOICES, VECTORS], ids=lambda world: world.name)
def test_it_survives_a_file(world):
    assert World.stored(json.loads(json.dumps(world.to_store()))) == world


def test_actions_are_written_as_numbers():
    assert CHOICES.written(np.array([1, 0])).tolist() == [[0, 1], [1, 0]]
    assert VECTORS.written(np.array([[0.5]])).tolist() == [[0.5]]
    assert (CHOICES.numbers, VECTORS.numbers) == (6, 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "os:system-v1"},
        {"name": 7},
        {"observations": 0},
        {"observations": 2**40},
        {"moments": 10**9},
        {"choices": 1},
        {"choices": 0},
        {"low": [-1.0], "high": [1.0]},
        {"choices": 0, "low": [-1.0], "high": [-2.0]},
        {"choices": 0, "low": [-1.0, 0.0], "high": [1.0]},
        {"choices": 0, "low": [float("nan")], "high": [1.0]},
    ],
    ids=str,
)
def test_damage_is_seen(changes):
    with pytest.raises((StoredError, ConfigError)):
        World.stored({**CHOICES.to_store(), **changes})
    with pytest.raises(StoredError):
        World.stored("CartPole-v1")


def test_a_name_is_no_module_to_import():
    for name in ("os:system-v1", "../x-v1\n", "CartPole", ""):
        with pytest.raises(ConfigError, match="is no environment"):
            check_name(name)
