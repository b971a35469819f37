"""What the numbers of a latent are."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.exploring.columns import limits, middle, movable, spread


def test_codes_and_noise(gans):
    gan = gans("infogan")  # noise, a code of 2 categories, a number
    size = gan.config.latent.size
    assert movable(gan).tolist() == [True] * size + [False, False, True]
    low, high = limits(gan)
    assert (low[:size] == -1).all()
    assert (low[-1], high[-1]) == (-1, 1)
    latents = gan.latents(3)
    centre = middle(gan, latents).noise
    assert not centre[:, movable(gan)].any()
    assert np.array_equal(centre[:, ~movable(gan)], latents.noise[:, ~movable(gan)])


@pytest.mark.parametrize("prior", ["normal", "uniform", "uniform01", "uniform_unit"])
def test_the_spread_is_that_of_what_is_drawn(gans, prior):
    gan = gans("gan", **{"latent.prior": prior})
    noise = gan.latents(2000).noise
    assert noise.std() == pytest.approx(spread(gan), rel=0.02)
    low, high = limits(gan)
    assert (low <= noise).all()
    assert (noise <= high).all()
    assert middle(gan, gan.latents(1)).noise.mean() == pytest.approx(noise.mean(), abs=0.02)
