"""Episodes: their parts, their padding, their file."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.worlds.episodes import Episodes, join_episodes
from gankit.worlds.world import World

WORLD = World(name="CartPole-v1", observations=4, moments=5, choices=2)


def episodes(lengths=(2, 5, 3)):
    count, moments = len(lengths), sum(lengths)
    return Episodes(
        world=WORLD,
        observations=np.arange(4 * moments, dtype=np.float32).reshape(moments, 4),
        actions=np.arange(moments) % 2,
        next_observations=np.arange(4, 4 * moments + 4, dtype=np.float32).reshape(moments, 4),
        ends=np.isin(np.arange(moments), np.cumsum(lengths) - 1),
        returns=np.array(lengths, float),
        lengths=np.array(lengths),
        seeds=np.arange(count),
        ended=np.ones(count, bool),
        last=np.zeros((count, 4), np.float32),
    )


def test_as_an_array_the_end_of_each_is_followed_by_nan():
    array = episodes().as_array()
    assert array.shape == (3, 5, 6)
    assert np.isfinite(array).all(2).sum(1).tolist() == [2, 5, 3]
    assert array[1, 0].tolist() == [8, 9, 10, 11, 1, 0]


def test_some_of_them_and_all_of_them_again():
    every = episodes()
    assert np.array_equal(every[1:2].observations, every.observations[2:7])
    again = join_episodes([every[:1], every[1:]])
    assert np.array_equal(again.moments, every.moments)
    assert again.returns.tolist() == every.returns.tolist()


def test_thinned_they_keep_the_first_moment_and_their_returns():
    thin = episodes().thinned(2)
    assert thin.observations[:, 0].tolist() == [0, 8, 16, 24, 28, 36]
    assert (thin.lengths.tolist(), thin.returns.tolist()) == ([1, 3, 2], [2, 5, 3])


def test_the_file_holds_what_was_seen_and_done(tmp_path):
    path = episodes().save(tmp_path / "new" / "expert.npz")
    with np.load(path) as kept:
        assert set(kept) == {
            "environment", "observations", "actions", "next_observations", "ends", "returns",
            "lengths", "seeds",
        }  # fmt: skip
        assert str(kept["environment"]) == "CartPole-v1"
    with pytest.raises(ConfigError, match=r"name\.npz"):
        episodes().save(tmp_path / "expert.csv")
