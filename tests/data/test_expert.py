"""Episodes of an expert as data: gankit's own, a user's, and damaged ones."""

from __future__ import annotations

import numpy as np
import pytest

import gankit
from gankit.data.dataset import Subset
from gankit.errors import DataError, GankitError
from gankit.game_types import Task

SEEN = np.zeros((8, 4), np.float32)
GOOD = {"environment": "CartPole-v1", "observations": SEEN, "actions": np.arange(8) % 2}


def test_a_named_expert_and_its_file_are_the_same_moments(tmp_path):
    path = gankit.make_expert("CartPole-v1", every=20).save(tmp_path / "expert.npz")
    named, read = gankit.load_dataset("expert:CartPole-v1"), gankit.load_dataset(path)
    assert (len(read), read.shape, read.kind) == (25, (1, 6), "trajectories")
    assert np.array_equal(named.read(np.arange(25)), read.read(np.arange(25)))
    assert named.fingerprint == read.fingerprint
    assert read.world.name == "CartPole-v1"
    assert read.returns.tolist() == [500]
    assert read.notes == ("1 episode of CartPole-v1, returns 500 on average",)
    wide = [gankit.load_dataset(d, transitions=True) for d in ("expert:CartPole-v1", path)]
    assert wide[0].shape == wide[1].shape == (1, 11)
    assert wide[0].fingerprint == wide[1].fingerprint != read.fingerprint
    assert np.array_equal(wide[0].read(np.arange(25))[..., :6], read.read(np.arange(25)))
    assert Task.stored(Task.of(wide[0]).to_store()) == Task.of(wide[0])


def test_the_test_split_is_of_other_episodes():
    train, test = (
        gankit.load_dataset("expert:Pendulum-v1", split=split) for split in ("train", "test")
    )
    assert len(train) == len(test) == 800
    assert train.fingerprint != test.fingerprint


def test_a_task_knows_its_environment():
    dataset = gankit.load_dataset("expert:CartPole-v1")
    task = Task.of(Subset(dataset))
    assert task.world == dataset.world
    assert Task.stored(task.to_store()) == task
    with pytest.raises(ValueError, match="are no moments of CartPole-v1"):
        Task.stored({**task.to_store(), "shape": [1, 9]})


def test_a_users_own_file_needs_no_returns(tmp_path):
    np.savez(tmp_path / "mine.npz", **GOOD)
    assert gankit.load_dataset(tmp_path / "mine.npz").returns is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"environment": "Pendulum-v1"}, "are 4 numbers each; Pendulum-v1 shows 3"),
        ({"environment": "CartPol-v1"}, "Did you mean 'CartPole-v1'"),
        ({"environment": "os:path-v1"}, "is no environment"),
        ({"environment": np.arange(3)}, "must be a name"),
        ({"observations": SEEN[:, :3]}, "are 3 numbers each"),
        ({"observations": SEEN[0]}, r"must be numbers \[M, O\]"),
        ({"observations": SEEN + np.nan}, "finite"),
        ({"actions": np.full(8, 2)}, "0 to 1, .*, got 2 to 2"),
        ({"actions": np.zeros(8)}, "must be whole numbers"),
        ({"actions": np.zeros(7, int)}, r"\[8\]"),
        ({"actions": None}, "without actions"),
        ({"returns": np.array(["high"])}, "returns in"),
    ],
    ids=lambda changes: "-".join(changes) if isinstance(changes, dict) else "",
)
def test_other_arrays_are_one_clear_line(tmp_path, changes, said):
    arrays = {name: given for name, given in {**GOOD, **changes}.items() if given is not None}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(GankitError, match=said) as caught:
        gankit.load_dataset(tmp_path / "bad.npz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, r"anew by gankit\.make_expert\('CartPole-v1'\)\.save\(FILE\), or add an array next"),
        ({"next_observations": SEEN[:7]}, r"they are \[7, 4\] and bool \[8\]"),
        ({"next_observations": SEEN[:, :3]}, "next_observations in .* are 3 numbers each"),
        ({"next_observations": SEEN, "ends": np.zeros(8)}, "they are .* float64"),
        ({"next_observations": SEEN, "ends": np.zeros(9, bool)}, r"bool \[9\]"),
    ],
)
def test_a_file_that_does_not_say_what_followed_is_one_clear_line(tmp_path, changes, said):
    path = tmp_path / "mine.npz"
    np.savez(path, **GOOD, **changes)
    assert gankit.load_dataset(path).shape == (1, 6)  # who asks for moments does not look at it
    with pytest.raises(DataError, match=said) as caught:
        gankit.load_dataset(path, transitions=True)
    assert "\n" not in str(caught.value)


def test_where_a_users_episodes_ended_may_be_left_out(tmp_path):
    np.savez(tmp_path / "mine.npz", **GOOD, next_observations=SEEN + 1)
    moments = gankit.load_dataset(tmp_path / "mine.npz", transitions=True).read(np.arange(8))
    assert moments[:, 0, 6:].tolist() == [[1, 1, 1, 1, 0]] * 8


def test_actions_beyond_their_limits_are_refused(tmp_path):
    moves = np.full((8, 1), 2.5)
    np.savez(tmp_path / "x.npz", environment="Pendulum-v1", observations=SEEN[:, 1:], actions=moves)
    with pytest.raises(DataError, match=r"within -2 to 2, got 2\.5 to 2\.5"):
        gankit.load_dataset(tmp_path / "x.npz")


def test_a_damaged_file_is_one_clear_line(tmp_path):
    path = gankit.make_expert("CartPole-v1").save(tmp_path / "expert.npz")
    whole = path.read_bytes()
    for cut in (len(whole) // 3, len(whole) - 40):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError, match=r"expert\.npz"):
            gankit.load_dataset(path)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    path.write_bytes(bytes(flipped))
    with pytest.raises(DataError, match=r"expert\.npz"):
        gankit.load_dataset(path)


@pytest.mark.parametrize("option", [{"size": 16}, {"channels": "rgb"}])
def test_options_of_pictures_are_refused(option):
    with pytest.raises(DataError, match="episodes, not images"):
        gankit.load_dataset("expert:CartPole-v1", **option)
