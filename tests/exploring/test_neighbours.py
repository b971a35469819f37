"""Samples beside their nearest training examples."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.exploring.neighbours import Nearest, find_neighbours
from gankit.families import Task


def test_the_nearest_digit_in_pixels(gans):
    import gankit

    gan = gans("dcgan", Task((1, 28, 28)))
    latents, said = gan.latents(4), []
    found, by_features = find_neighbours(gan, latents, say=said.append)
    assert (by_features.measure, by_features.pictures.shape) == ("digits", (4, 28, 28))
    images = gankit.load_dataset("digits").read(np.arange(10_000))[:, 0].reshape(10_000, -1) / 255
    samples = gan.sample(latents=latents).reshape(4, -1) / 255
    apart = np.stack([np.linalg.norm(images - sample, axis=1) for sample in samples])
    assert np.allclose(found.distances, apart.min(1), atol=1e-4)
    assert np.array_equal(found.pictures.reshape(4, -1), (images[apart.argmin(1)] * 255).round())
    assert (found.measure, found.searched, found.count) == ("pixels", 10_000, 10_000)
    assert "none is nearer than 1% of those are" in found.describe()


def test_a_copy_is_named():
    usual = np.linspace(1, 2, 100)
    pictures = np.zeros((3, 8, 8), np.uint8)
    found = Nearest("pixels", pictures, np.array([1.5, 0.0, 3.0]), usual, 100, 200)
    assert found.copies.tolist() == [1]
    assert "the nearest of 100 of 200 training examples" in found.describe()
    assert "look at 1: nearer than 1%" in found.describe()


def test_points_have_no_pictures(gans):
    gan = gans("gan", Task((2,)))
    with pytest.raises(ConfigError, match="this run makes points"):
        find_neighbours(gan, gan.latents(2), say=print)
