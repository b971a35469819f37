"""What a request asks for, as latents."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.errors import ConfigError
from gankit.serving.asking import latents_for
from gankit.trained.drawing import draw_block


def test_a_seed_gives_the_latents_that_sampling_draws(digits):
    latent = latents_for(digits, 300, labels="7", seed=5)
    block = torch.full((250,), 7)
    drawn = [draw_block(digits.game, i, block[:n], n, 5).noise for i, n in ((0, 250), (1, 50))]
    assert torch.equal(latent.noise, torch.cat(drawn))
    assert latent.labels.tolist() == [7] * 300


def test_codes_are_set_and_everything_else_stays(coded):
    drawn = latents_for(coded, 4, seed=1)
    latent = latents_for(coded, 4, seed=1, codes={"1": 2, "2": -0.5})
    category, number = (code.where for code in coded.game.codes)
    assert latent.noise[:, category].tolist() == [[0, 0, 1]] * 4
    assert latent.noise[:, number].tolist() == [[-0.5]] * 4
    size = coded.config.latent.size
    assert torch.equal(latent.noise[:, :size], drawn.noise[:, :size])


def test_latents_are_taken_as_they_are(points):
    given = np.random.default_rng(0).normal(size=(3, points.game.latent_size)).tolist()
    assert latents_for(points, 3, latents=given).noise.tolist() == np.float32(given).tolist()


def test_truncation_moves_the_noise_and_no_code_that_is_set(coded, digits):
    drawn = latents_for(coded, 4, seed=1, codes={"2": -0.5})
    moved = latents_for(coded, 4, seed=1, codes={"2": -0.5}, truncation=0.25)
    size = coded.config.latent.size
    assert torch.allclose(moved.noise[:, :size], 0.25 * drawn.noise[:, :size])
    assert torch.equal(moved.noise[:, size:], drawn.noise[:, size:])
    labelled = latents_for(digits, 3, labels="7", truncation=0)
    assert labelled.labels.tolist() == [7] * 3
    assert not labelled.noise[:, : digits.config.latent.size].any()
    assert torch.equal(latents_for(digits, 3, truncation=1).noise, latents_for(digits, 3).noise)


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("digits", {"labels": "ten"}, "outside the 10 classes"),
        ("digits", {"codes": {"1": 0}}, "this run has none"),
        ("points", {"labels": 1}, "unconditional run"),
        ("coded", {"codes": {"1": 3}}, "a category, 0 to 2, got 3"),
        ("coded", {"codes": {"1": 0.5}}, "a category"),
        ("coded", {"codes": {"0": 0}}, "codes 1 to 2"),
        ("coded", {"codes": {"²": 0}}, "codes 1 to 2"),
        ("coded", {"codes": {"2": float("nan")}}, "a finite number"),
        ("points", {"latents": [[0.0]]}, "1 latents given for 2 samples"),
        ("points", {"latents": [[0.0], [0.0]]}, "latent 0 has 1 numbers, needed are"),
        ("vectors", {}, "this run is asked by a vector"),
        ("points", {"truncation": 1.5}, "psi must be in 0 to 1"),
    ],
)
def test_what_does_not_suit_is_refused(name, asked, message, request):
    with pytest.raises(ConfigError, match=message):
        latents_for(request.getfixturevalue(name), 2, **asked)
