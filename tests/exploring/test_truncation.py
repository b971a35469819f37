"""Truncation moves what has a mean, and holds the rest."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.exploring.truncation import truncate


@pytest.mark.parametrize(
    ("prior", "centre"),
    [("normal", 0.0), ("uniform", 0.0), ("uniform_unit", 0.0), ("uniform01", 0.5)],
)
def test_towards_the_mean_of_the_prior(gans, prior, centre):
    gan = gans("gan", **{"latent.prior": prior})
    latents = gan.latents(4)
    moved = truncate(gan, latents, 0.25).noise
    assert np.allclose(moved, centre + 0.25 * (latents.noise - centre), atol=1e-6)
    assert np.array_equal(truncate(gan, latents, 1).noise, latents.noise)


def test_categories_are_held_and_numbers_move(gans):
    gan = gans("infogan")  # codes 2, c
    latents = gan.latents(4)
    moved = truncate(gan, latents, 0.5).noise
    category, number = (code.where for code in gan.game.codes)
    assert np.array_equal(moved[:, category], latents.noise[:, category])
    assert np.allclose(moved[:, number], latents.noise[:, number] / 2)


@pytest.mark.parametrize("psi", [-0.1, 1.1, float("nan")])
def test_psi_out_of_range(gans, psi):
    gan = gans("gan")
    with pytest.raises(ConfigError, match="psi must be in 0 to 1"):
        truncate(gan, gan.latents(1), psi)
