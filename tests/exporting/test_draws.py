"""Latents drawn outside gankit are those that it draws."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.exporting.draws import Draw, draws_of, first_blocks
from gankit.game_types import Latent
from gankit.randomness import Purpose, rng
from tests.exporting.made import PERCEPTRON, untrained


@pytest.mark.parametrize("prior", ["normal", "uniform", "uniform01", "uniform_unit"])
def test_each_prior(small, prior):
    game = untrained(small("dcgan", **{"latent.prior": prior})).game
    (draw,) = draws_of(game)
    assert draw == Draw(prior, game.latent_size)
    drawn = draw.drawn(250, rng(1, Purpose.SAMPLES))
    np.testing.assert_array_equal(drawn, first_blocks(game, 2)[1])
    known = {"rng": rng(1, Purpose.SAMPLES), "np": np}
    np.testing.assert_array_equal(eval(draw.python(250), known), drawn)


def test_codes_and_masks_follow_the_noise(small):
    game = untrained(small("infogan", **{"network.codes": "3,c"})).game
    noise = Draw(game.config.latent.prior, game.config.latent.size)
    assert draws_of(game) == (noise, Draw("category", 3), Draw("uniform", 1))
    game = untrained(small("cgan", **PERCEPTRON, **{"network.generator_dropout": 0.5})).game
    assert draws_of(game)[1:] == (Draw("uniform01", 12),)


def test_a_family_that_draws_in_a_way_of_its_own_is_noticed(small):
    game = untrained(small("dcgan")).game
    drawn = game.latent

    def mirrored(count, labels, random):
        latent = drawn(count, labels, random)
        return Latent(-latent.noise, latent.labels)

    game.latent = mirrored
    assert draws_of(game) is None
