"""D against the best D: the formula, and a trained D close to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.choose_recipe import configure
from gankit.data import load_dataset
from gankit.data.toys import gaussian_density
from gankit.families import Task
from gankit.pictures import heat
from gankit.settings.config import override
from gankit.training.runtime import Runtime
from gankit.training.state import build_game, build_state
from gankit.training.theory import beliefs_at, best_discriminator, can_show, draw_theory

from ..conftest import THREADS


def test_the_best_discriminator_is_proposition_1():
    best = best_discriminator(np.array([1.0, 0.0, 2.0, 0.0]), np.array([1.0, 3.0, 0.0, 0.0]))
    assert best[:3].tolist() == [0.5, 0.0, 1.0]
    assert np.isnan(best[3])


def test_the_density_is_one_and_that_of_the_points():
    x = np.linspace(-3, 6, 9001)
    assert np.trapezoid(gaussian_density(x), x) == pytest.approx(1, abs=1e-6)
    data = load_dataset("toy:gaussian1d")
    points = data.read(np.arange(len(data)))[:, 0]
    counts, edges = np.histogram(points, np.linspace(0.5, 2.5, 11), density=False)
    expected = gaussian_density((edges[1:] + edges[:-1]) / 2) * 0.2 * len(points)
    assert np.abs(counts / expected - 1).max() < 0.06


def opened(source, **changes):
    data = load_dataset(source)
    config = override(configure("gan", source), {"runtime.threads": THREADS, **changes})
    task = Task(data.shape, data.class_names)
    return build_state(build_game(config, task), Runtime(torch.device("cpu"))), data


@pytest.mark.learning
@pytest.mark.slow
def test_for_a_fixed_generator_d_learns_the_best_d():
    """Two known densities, N(1.5, .5) and U(0, 3): D by gradient descent against D*."""
    state, data = opened("toy:gaussian1d")
    discriminator = state.players["discriminator"].network
    optimizer = torch.optim.Adam(discriminator.parameters(), 3e-3)
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    for _ in range(800):
        real = torch.from_numpy(data.read(rng.integers(len(data), size=1024)))
        fake = 3 * torch.rand(1024, 1)
        loss = state.game.loss.discriminator(
            state.game.logits(real, None), state.game.logits(fake, None)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = np.linspace(0.2, 2.8, 50)
    best = best_discriminator(gaussian_density(x), np.full_like(x, 1 / 3))
    # 5 seeds: .02 to .048; before the first step .39 to .54.
    assert np.abs(beliefs_at(state, x[:, None]) - best).max() < 0.15


def test_a_map_is_drawn_of_a_discriminator_that_compares_the_examples_of_a_batch():
    """All places at a time would need numbers for 9,216 x 9,216 pairs: 27 GB."""
    few = {"stabilise.minibatch_kernels": 16, "objective.loss": "non_saturating"}
    state, data = opened("toy:ring8", **few)
    assert draw_theory(state, data).ndim == 3


@pytest.mark.parametrize("source", ["toy:gaussian1d", "toy:ring8"])
def test_the_pictures_are_drawn_and_leave_no_trace(source):
    state, data = opened(source, **{"objective.loss": "minimax"})
    before = {k: v.clone() for k, v in state.players["discriminator"].network.state_dict().items()}
    picture = draw_theory(state, data)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.std() > 5
    after = state.players["discriminator"].network.state_dict()
    assert all(torch.equal(v, before[k]) for k, v in after.items())
    assert state.players["discriminator"].network.training


def test_where_d_means_something_else_nothing_is_claimed():
    for source, loss, shown in (
        ("toy:gaussian1d", "minimax", True),
        ("toy:ring8", "non_saturating", True),
        ("toy:ring8", "relativistic", False),
        ("toy:gaussian1d", "wasserstein", False),
    ):
        state, data = opened(source, **{"objective.loss": loss})
        assert can_show(state.game, data) is shown


def test_a_map_is_blue_white_red_with_y_upwards():
    picture = heat(np.array([[0.0, 1.0], [0.5, np.nan]]), 2)
    assert picture[1, 0].tolist() == [40, 70, 200]  # x 0, y 0: below, left
    assert picture[0, 0].tolist() == [200, 50, 40]
    assert picture[1, 1].tolist() == [255, 255, 255]
    assert picture[0, 1].tolist() == [200, 200, 200]
