"""Chains, calibration and the D that they ask."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gankit
from gankit.errors import ConfigError, RunError
from gankit.exploring.filtering import (
    best,
    calibrate,
    calibration_z,
    metropolis_hastings,
    read_critic,
)
from gankit.fitting import fit


def test_chains_converge_to_the_exact_target():
    """q is uniform over five states, p is known: chains must visit each with the chance of p."""
    p = np.array([0.05, 0.1, 0.15, 0.3, 0.4])
    random, chains = np.random.default_rng(0), 40_000
    states = random.integers(5, size=(chains, 40))
    weights = np.log(p / 0.2)
    chosen, accepted = metropolis_hastings(
        np.full(chains, weights[0]), weights[states], random.random(states.shape)
    )
    assert (chosen >= 0).all()
    counts = np.bincount(states[np.arange(chains), chosen], minlength=5)
    z = (counts - chains * p) / np.sqrt(chains * p * (1 - p))
    assert np.abs(z).max() < 4
    # In equilibrium a proposal is accepted with the mean of min(1, w'/w) over p and q.
    exact = np.minimum(1, p[None] / p[:, None]).mean(1) @ p
    assert accepted == pytest.approx(exact, abs=0.02)


def test_a_normal_target_from_a_wider_one():
    """p = N(1, 1), q = N(0, 2^2): the mean and the spread of the chains' ends are those of p."""
    random = np.random.default_rng(1)
    x = random.normal(0, 2, (20_000, 60))
    log_ratio = -0.5 * (x - 1) ** 2 + 0.5 * (x / 2) ** 2
    chosen, _ = metropolis_hastings(np.full(len(x), -50.0), log_ratio, random.random(x.shape))
    ends = x[np.arange(len(x)), chosen]
    assert ends.mean() == pytest.approx(1, abs=0.04)
    assert ends.std() == pytest.approx(1, abs=0.03)


def test_a_chain_that_accepts_nothing_says_so():
    chosen, accepted = metropolis_hastings(
        np.array([90.0, 0.0]), np.zeros((2, 3)), np.full((2, 3), 0.5)
    )
    assert chosen.tolist() == [-1, 2]
    assert accepted == 0.5


def test_calibration_is_scikit_learns_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    real, fake = random.normal(3, 2, 400), random.normal(0, 1, 400)
    x, y = np.concatenate([real, fake])[:, None], np.repeat([1, 0], 400)
    reference = LogisticRegression(C=1e6, tol=1e-10, max_iter=1000).fit(x, y)
    slope, shift = calibrate(real, fake)
    assert slope == pytest.approx(reference.coef_.item(), rel=0.01)
    assert shift == pytest.approx(reference.intercept_.item(), rel=0.01)
    assert abs(calibration_z(slope * real + shift, slope * fake + shift)) < 0.1
    assert abs(calibration_z(real, fake)) > 2


@pytest.mark.parametrize(
    ("real", "fake"),
    [
        (np.ones(20), np.zeros(20)),
        (np.zeros(20), np.zeros(20)),
        (np.full(20, 1e6), np.full(20, -1e6)),
    ],
    ids=["separate", "equal", "huge"],
)
def test_calibration_ends_whatever_d_says(real, fake):
    slope, shift = calibrate(real, fake)
    assert np.isfinite([slope, shift]).all()
    assert np.isfinite(calibration_z(slope * real + shift, slope * fake + shift))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from tests.conftest import SMALL, THREADS

    folder = tmp_path_factory.mktemp("runs") / "cgan"
    settings = {"training.steps": 3, "training.batch": 8, "runtime.threads": THREADS}
    fit(gankit.override(gankit.configure("cgan", "digits"), SMALL["cgan"] | settings), folder)
    return folder


@pytest.mark.slow
def test_d_comes_from_the_checkpoint_and_its_choice_from_its_answers(run):
    gan, said = gankit.load(run), []
    found = best(gan, 6, path=run, say=said.append, proposals=12, seed=3)
    assert "checkpoint of step 3" in found.source
    assert found.latents.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert 0 <= found.accepted <= 1
    again = best(gan, 6, path=run, say=said.append, proposals=12, seed=3)
    assert np.array_equal(again.latents.noise, found.latents.noise)
    critic, _ = read_critic(gan, run)
    images = gan.sample(4)
    alone = [critic(images[i : i + 1], torch.tensor([i])) for i in range(4)]
    assert np.allclose(critic(images, torch.arange(4)), np.concatenate(alone), atol=1e-4)
    one = best(gan, 4, path=run, say=said.append, proposals=3, labels=7)
    assert one.latents.labels.tolist() == [7] * 4
    assert all("\n" not in line for line in said)


@pytest.mark.slow
def test_without_d_it_is_said(run, tmp_path):
    gan = gankit.load(run)
    alone = tmp_path / "model.safetensors"
    alone.write_bytes((run / "model.safetensors").read_bytes())
    with pytest.raises(RunError, match="holds the generator alone: give the run directory"):
        best(gankit.load(alone), 2, path=alone, say=print)
    with pytest.raises(ConfigError, match="n times proposals must be in 1 to"):
        best(gan, 0, path=run, say=print)
    with pytest.raises(ConfigError, match="n times proposals must be in 1 to"):
        best(gan, 10**6, path=run, say=print)


def test_the_artifact_of_a_family_that_judges_holds_d(gans, tmp_path):
    critic, source = read_critic(gans("infogan"), tmp_path)
    assert "of the artifact" in source
    assert critic(np.zeros((3, 16, 16), np.uint8), None).shape == (3,)


def test_a_d_that_compares_samples_has_no_answer_to_one(gans, tmp_path):
    gan = gans("ssgan", **{"stabilise.minibatch_kernels": 4})
    with pytest.raises(ConfigError, match="compares the samples of a batch"):
        read_critic(gan, tmp_path)
