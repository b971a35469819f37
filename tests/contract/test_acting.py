"""What holds for every family that acts, found by itself."""

from __future__ import annotations

import math

import gymnasium
import numpy as np
import pytest
import torch

import gankit
from gankit.data.load import load_configured
from gankit.families import FAMILIES
from gankit.fitting import fit

ACTING = [name for name in FAMILIES.names() if FAMILIES[name].acts]
every_family = pytest.mark.parametrize("family", ACTING)
DATA = "expert:CartPole-v1"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """By family, a run of six steps; no test changes one."""
    return {}, tmp_path_factory.mktemp("acting")


@pytest.fixture
def trained(runs, small):
    made, folder = runs

    def train(family):
        if family not in made:
            fit(small(family, DATA), folder / family)
            made[family] = folder / family
        return made[family]

    return train


def numbers(folder):
    """The log without times."""
    lines = gankit.run.Run(folder).metrics()
    return [{k: v for k, v in line.items() if "second" not in k} for line in lines]


@every_family
def test_it_says_what_it_is_and_where_it_comes_from(family):
    assert "Departs" in FAMILIES[family].__doc__
    assert FAMILIES[family].papers


@every_family
@pytest.mark.slow
def test_resumed_equals_undisturbed_to_the_bit(trained, small, family, tmp_path, newest, equal):
    """Nothing of an environment is kept: its episodes are functions of seed and step."""
    changes = {"generator_optimizer.schedule": "constant"}
    fit(small(family, DATA, **changes), tmp_path / "whole")
    fit(small(family, DATA, **changes, **{"training.steps": 3}), tmp_path / "parts")
    assert fit(small(family, DATA, **changes), tmp_path / "parts").trained == 3
    assert equal(newest(tmp_path / "whole"), newest(tmp_path / "parts"))
    assert numbers(tmp_path / "whole") == numbers(tmp_path / "parts")


@every_family
@pytest.mark.slow
def test_its_numbers_are_finite_and_its_samples_are_whole_episodes(trained, family):
    run = trained(family)
    assert all(math.isfinite(v) for line in numbers(run) for v in line.values())
    gan, again = gankit.load(run), gankit.load(run / "model.safetensors")
    a = gan.sample(20, seed=4)
    assert (a.shape, a.dtype) == ((20, 500, 6), np.float32)
    lasts = np.isfinite(a).all(2).sum(1)
    assert (lasts >= 5).all()
    assert np.isnan(a[0, lasts[0] :]).all()
    assert np.array_equal(a[:3], again.sample(3, seed=4), equal_nan=True)  # whatever is beside
    assert not np.array_equal(a[:3], gan.sample(3, seed=5), equal_nan=True)
    played = gan.play(20, seed=4)
    assert np.array_equal(played.as_array(), a, equal_nan=True)


@every_family
@pytest.mark.slow
def test_the_artifact_is_a_policy(trained, family):
    policy = gankit.load(trained(family))
    environment = gymnasium.make("CartPole-v1")
    observation, _ = environment.reset(seed=0)
    for _ in range(5):
        observation, *_ = environment.step(policy.act(observation))
    at_once = policy.act(np.stack([observation] * 3))
    assert (at_once.shape, at_once.dtype) == ((3,), np.int64)
    assert at_once[0] == policy.act(observation)
    drawn = [policy.act(observation, seed=seed) for seed in range(20)]
    assert drawn == [policy.act(observation, seed=seed) for seed in range(20)]
    assert set(map(int, drawn)) <= {0, 1}
    for wrong, said in (
        (np.zeros(3), r"shows \[4\]"),
        (np.zeros((2, 2, 4)), r"shows \[4\]"),
        (np.full(4, np.nan), "finite"),
        ("here", "must be numbers"),
    ):
        with pytest.raises(gankit.ConfigError, match=said):
            policy.act(wrong)


@every_family
@pytest.mark.slow
def test_episodes_that_are_written_are_data_again(trained, family, tmp_path):
    gan = gankit.load(trained(family))
    gankit.trained.export.write_samples(gan, 3, None, 0, tmp_path / "played.npz")
    data = gankit.load_dataset(tmp_path / "played.npz")
    assert np.array_equal(data.returns, gan.play(3).returns)
    assert data.world == gan.game.task.world


@every_family
def test_other_data_is_refused_in_one_line(small, family):
    for source, said in (("digits", "these are images: train"), ("toy:ring8", "points")):
        with pytest.raises(gankit.ConfigError, match=said):
            gankit.build_game(small(family, DATA), gankit.load_dataset(source))
    walks = gankit.data.ArrayDataset("walks", np.zeros((8, 6, 2), np.float32), "walks")
    with pytest.raises(gankit.ConfigError, match="this data names none"):
        gankit.build_game(small(family, DATA), walks)


@every_family
def test_several_processes_are_refused(small, family, tmp_path):
    with pytest.raises(gankit.ConfigError, match="standardise"):
        fit(small(family, DATA, **{"runtime.devices": 2}), tmp_path / "run")


@every_family
@pytest.mark.slow
def test_a_step_in_double_precision_and_of_vectors(small, family):
    changes = {"runtime.precision": "64"}
    if hasattr(FAMILIES[family].Options, "episodes"):
        changes["network.episodes"] = 1
    config = small(family, "expert:MountainCarContinuous-v0", **changes)
    data = load_configured(config.data)
    with gankit.Trainer(gankit.build_game(config, data), data) as trainer:
        trainer.plan = gankit.run.Plan(2, 1)
        assert math.isfinite(sum(trainer.step().values()))
        done = trainer.game.act(torch.zeros(5, 2))
    assert (done.shape, done.dtype) == ((5, 1), np.float32)
    assert (np.abs(done) <= 1).all()
