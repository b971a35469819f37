"""Episodes are functions of their seeds and of what is done."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from gankit.errors import ConfigError, MissingExtraError
from gankit.worlds.episodes import OF_EPISODES, OF_MOMENTS
from gankit.worlds.play import Stage, in_turn, world_of
from gankit.worlds.world import World


def lean(seen, moment):
    """Push to where the pole falls, at the first moments alone."""
    return (seen[:, 2] > 0).astype(np.int64) if moment < 20 else np.zeros(len(seen), np.int64)


def test_an_episode_does_not_depend_on_those_beside_it():
    stage = Stage(world_of("CartPole-v1"))
    together, alone = stage.play(lean, [3, 4, 5]), stage.play(lean, [4])
    assert len(set(together.lengths)) > 1
    middle = together[1:2]
    for name in (*OF_MOMENTS, *OF_EPISODES):
        assert np.array_equal(getattr(middle, name), getattr(alone, name)), name
    assert together.returns.tolist() == together.lengths.tolist()  # it pays 1 a moment
    assert together.ended.all()


def test_what_follows_a_moment_is_the_next_one_or_the_end():
    played = Stage(world_of("CartPole-v1")).play(lean, [3, 4])
    final = np.cumsum(played.lengths) - 1
    within = np.delete(np.arange(played.lengths.sum()), final)
    assert np.array_equal(played.next_observations[within], played.observations[within + 1])
    assert np.array_equal(played.next_observations[final], played.last)
    assert played.ends.nonzero()[0].tolist() == final.tolist()
    thin = played.thinned(3)
    assert np.array_equal(thin.next_observations[0], played.observations[1])
    assert thin.transitions.shape == (len(thin.actions), thin.world.transition)


def test_an_episode_that_meets_the_limit_has_not_ended():
    stage = Stage(world_of("Pendulum-v1"))
    played = stage.play(lambda seen, _: np.zeros((len(seen), 1), np.float32), [0])
    assert (played.lengths.item(), played.ended.item()) == (200, False)
    assert not played.ends.any()
    assert (played.returns < 0).all()


def test_moments_are_put_in_turn():
    values = np.arange(6).reshape(3, 2)  # two episodes of three moments
    assert in_turn(values, np.array([1, 3])).tolist() == [0, 1, 3, 5]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CartPole-v9", "cannot be made"),
        ("CartPol-v1", r"Did you mean 'CartPole-v1'\?"),
        ("FrozenLake-v1", "gankit plays where a vector is seen"),
        ("nothing here", "is no environment"),
    ],
)
def test_what_cannot_be_played_is_one_line(name, said):
    with pytest.raises(ConfigError, match=said) as caught:
        world_of(name)
    assert "\n" not in str(caught.value)


def test_another_environment_of_the_name_is_refused():
    world = World(name="CartPole-v1", observations=7, moments=500, choices=2)
    with pytest.raises(ConfigError, match="is another one than was learned"):
        Stage(world).play(lean, [0])


def test_without_gymnasium_there_is_one_line_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gankit\[gym\]'"):
        world_of("CartPole-v1")
