"""Ways between latents, by closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.exploring.paths import along_code, along_labels, interpolate
from gankit.trained.latents import Latents


def test_the_arc_is_shoemakes(gans):
    """slerp(x, y; t) = sin((1 - t) a) / sin a x + sin(t a) / sin a y (Shoemake 1985)."""
    gan = gans("dcgan", **{"latent.prior": "normal"})
    keys = gan.latents(2, seed=3)
    x, y = keys.noise.astype(np.float64)
    angle = np.arccos(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    made = interpolate(gan, keys, 5).latents.noise
    for noise, t in zip(made, np.linspace(0, 1, 5), strict=True):
        wanted = np.sin((1 - t) * angle) * x + np.sin(t * angle) * y
        assert np.allclose(noise, wanted / np.sin(angle), atol=1e-5)
    lengths = np.linalg.norm(made, axis=1)
    line = interpolate(gan, keys, 5, way="linear").latents.noise
    assert np.allclose(line[2], (x + y) / 2, atol=1e-6)
    assert np.linalg.norm(line[2]) < 0.9 * lengths[2]  # the line leaves the sphere


@pytest.mark.parametrize("prior", ["uniform", "uniform01", "uniform_unit"])
def test_in_a_cube_the_way_is_the_line(gans, prior):
    gan = gans("dcgan", **{"latent.prior": prior})
    keys = gan.latents(2)
    made = interpolate(gan, keys, 3).latents.noise
    assert np.allclose(made[1], keys.noise.mean(0), atol=1e-6)
    with pytest.raises(ConfigError, match=f"from a cube \\('{prior}'\\).*choose 'linear'"):
        interpolate(gan, keys, 3, way="spherical")


def test_between_two_classes_there_is_a_mixture(gans):
    gan = gans("cgan")
    keys = along_labels(gan, gan.latents(1), ["a", "c"])
    assert keys.labels.tolist() == [0, 2]
    made = interpolate(gan, keys, 5).latents
    assert np.allclose(made.labels[1], [0.75, 0, 0.25])
    assert (made.noise == made.noise[0]).all()
    same = interpolate(gan, gan.latents(2, "b"), 3).latents
    assert same.labels.tolist() == [1, 1, 1]  # plain classes if nothing is mixed
    with pytest.raises(ConfigError, match="outside the 3 classes"):
        along_labels(gan, gan.latents(1), ["a", "z"])


def test_between_the_values_of_a_code(gans):
    gan = gans("infogan")  # codes 2, c
    start = gan.latents(1)
    first, second = gan.game.codes
    made = interpolate(gan, along_code(gan, start, 1), 3).latents.noise
    assert made[:, first.where].tolist() == [[1, 0], [0.5, 0.5], [0, 1]]
    made = interpolate(gan, along_code(gan, start, 2), 3).latents.noise
    assert made[:, second.where.start].tolist() == [-2, 0, 2]
    with pytest.raises(ConfigError, match="there is no code 3"):
        along_code(gan, start, 3)


def test_a_circle_comes_back(gans):
    gan = gans("dcgan")
    keys = gan.latents(3)
    sheet = interpolate(gan, keys, 4, loop=True)
    assert (sheet.columns, sheet.loop) == (12, True)
    noise = sheet.latents.noise
    gap = np.linalg.norm(noise - np.roll(noise, 1, 0), axis=1)
    assert gap.max() < 2 * gap.min()  # the last step, back to the first, is like the others


@pytest.mark.parametrize(
    ("count", "steps", "loop", "said"),
    [
        (1, 5, False, "two ends or more, got 1"),
        (2, 1, False, "steps must be at least 2"),
        (2, 0, True, "steps must be at least 1"),
    ],
)
def test_what_is_no_way(gans, count, steps, loop, said):
    gan = gans("dcgan")
    with pytest.raises(ConfigError, match=said):
        interpolate(gan, gan.latents(count), steps, loop=loop)


def test_latents_of_no_family_take_the_runs_labels(gans):
    gan = gans("cgan")
    made = interpolate(gan, Latents(gan.latents(2).noise), 3).latents
    assert made.labels.shape == (3, 3)
    assert made.family == "cgan"
    assert replace(made, family="").family == ""
