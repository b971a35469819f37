"""Sweeps: what is held stays, what is swept is what was asked."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.data.pixels import to_pixels
from gankit.errors import ConfigError
from gankit.exploring.sheets import draw
from gankit.exploring.sweeps import sweep


def test_a_category_has_a_column_for_each_value_and_a_number_its_steps(gans):
    gan = gans("infogan")  # codes 2, c
    start = gan.latents(3)
    assert draw(gan, sweep(gan, start, code=1)).shape == (3, 2, 16, 16)
    noise = sweep(gan, start, code=2, span=2.0, steps=5).latents.noise.reshape(3, 5, -1)
    where = gan.game.codes[1].where.start
    assert noise[:, :, where].tolist() == [[-2, -1, 0, 1, 2]] * 3
    others = np.delete(noise, where, 2)
    assert np.array_equal(others, np.delete(start.noise, where, 1)[:, None].repeat(5, 1))


def test_every_dimension_from_one_latent_in_rows_with_names(gans):
    gan = gans("cgan")
    sheet = sweep(gan, gan.latents(1), dimension="all", steps=3)
    size = gan.config.latent.size
    noise = sheet.latents.noise.reshape(size, 3, -1)
    for i in range(size):
        changed = np.flatnonzero(noise[i, 0] != noise[i, 2])
        assert changed.tolist() == [i]
    assert sheet.names[3] == "dimension 3"
    with pytest.raises(ConfigError, match="from one latent, got 2"):
        sweep(gan, gan.latents(2), dimension="all")


@pytest.mark.parametrize(
    ("family", "changes", "said"),
    [
        ("infogan", {"code": 3}, "has 2 codes, there is no code 3"),
        ("cgan", {"code": 1}, "has 0 codes"),
        ("cgan", {"dimension": 64}, "dimension must be in 0 to 63"),
        ("infogan", {"code": 1, "dimension": 1}, "both given"),
    ],
)
def test_what_is_not_there_is_said(gans, family, changes, said):
    gan = gans(family)
    with pytest.raises(ConfigError, match=said):
        sweep(gan, gan.latents(1), **changes)


@pytest.mark.parametrize(
    ("prior", "ends"),
    [
        ("normal", (-2.0537, 2.0537)),
        ("uniform", (-1.0, 1.0)),
        ("uniform01", (0.0, 1.0)),
        ("uniform_unit", (-1.7320508, 1.7320508)),
    ],
)
def test_the_noise_is_swept_over_what_training_has_seen(gans, prior, ends):
    gan = gans("gan", **{"latent.prior": prior})
    start = gan.latents(3)
    images = draw(gan, sweep(gan, start, dimension=2, steps=5))
    for column, value in ((0, ends[0]), (-1, ends[1])):
        noise = start.noise.copy()
        noise[:, 2] = value
        drawn = to_pixels(gan(noise), gan.game.value_range).astype(int)
        assert np.abs(images[:, column].astype(int) - drawn).max() <= 1
    wider = sweep(gan, start, span=3.0, dimension=2, steps=5)
    assert wider.latents.noise[4, 2] == (3.5 if prior == "uniform01" else 3.0)
