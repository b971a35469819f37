"""Latents of given images: what is found, and what is said if it is not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gankit.errors import ConfigError, DataError
from gankit.exploring.inversion import invert, read_images
from gankit.features.named import Pixels
from gankit.features.network import FeatureNetwork

QUICK = {"pool": 40, "starts": 2, "steps": 25}


def test_the_class_is_searched_or_given(gans):
    gan = gans("cgan")
    images = gan.sample(3, "b", seed=4)
    given = invert(gan, images, labels="b", **QUICK)
    assert given.latents.labels.tolist() == [1, 1, 1]
    each = invert(gan, images, labels=["a", "c", "a"], **QUICK)
    assert each.latents.labels.tolist() == [0, 2, 0]
    assert (each.errors <= each.nearest_errors).all()
    searched = invert(gan, images, **QUICK)
    assert set(searched.latents.labels.tolist()) <= {0, 1, 2}


def test_noise_stays_in_the_prior(gans):
    white = np.full((2, 16, 16), 255, np.uint8)  # which no untrained generator makes
    for prior, most in (("uniform", 1.0), ("uniform01", 1.0), ("normal", 8 + 2.2)):
        gan = gans("dcgan", **{"latent.prior": prior, "latent.size": 64})
        found = invert(gan, white, pool=20, starts=2, steps=60).latents.noise
        if prior == "normal":
            assert np.linalg.norm(found, axis=1).max() <= most + 1e-4
        else:
            assert np.abs(found).max() <= most
            assert found.min() >= (0 if prior == "uniform01" else -1)


def test_one_hot_codes_are_held(gans):
    gan = gans("infogan")
    found = invert(gan, gan.sample(3), **QUICK).latents.noise[:, gan.game.codes[0].where]
    assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, found.round().tolist()))
    assert (found.sum(1) == 1).all()


def test_no_step_is_the_nearest_sample(gans):
    gan = gans("dcgan")
    images = gan.sample(3, seed=8)
    found = invert(gan, images, pool=40, starts=2, steps=0)
    assert np.array_equal(found.errors, found.nearest_errors)
    assert "not found, hardly nearer than that sample: 0, 1, 2" in found.describe()
    samples = gan.sample(latents=found.nearest).astype(float)
    assert np.allclose(np.sqrt(np.square(samples - images).mean((1, 2))), found.errors)


def test_features_take_part(gans):
    gan = gans("dcgan")
    images = gan.sample(2, seed=3)
    found = invert(gan, images, features=Pixels(), **QUICK)
    assert (found.errors <= found.nearest_errors).all()


class Opaque(FeatureNetwork):
    """Features that numpy makes, as those of a file."""

    name = "opaque"

    def forward(self, images):
        return images.detach().flatten(1), None


@pytest.mark.parametrize(
    ("images", "changes", "said"),
    [
        (np.zeros((2, 16, 16), np.float32), {}, "images must be uint8"),
        (np.zeros((0, 16, 16), np.uint8), {}, r"shape \[0, 16, 16\] given"),
        (np.zeros((2, 16, 17), np.uint8), {}, r"\[2, 16, 17\] given; this run needs \[N, 16, 16\]"),
        (np.zeros((2, 16, 16), np.uint8), {"starts": 0}, "starts must be in 1 to pool"),
        (np.zeros((2, 16, 16), np.uint8), {"starts": 99}, "starts must be in 1 to pool"),
        (np.zeros((2, 16, 16), np.uint8), {"features": Opaque()}, "cannot be differentiated"),
        (np.zeros((2, 16, 16), np.uint8), {"labels": "a"}, "unconditional run"),
        (np.zeros((2, 16, 16), np.uint8), {"seed": -1}, "seed must be in"),
    ],
)
def test_what_cannot_be_inverted(gans, images, changes, said):
    with pytest.raises(ConfigError, match=said):
        invert(gans("dcgan"), images, **(QUICK | changes))


def test_images_from_a_folder_a_file_and_a_name(gans, image_folder, tmp_path):
    from gankit.families import Task

    colour = gans("dcgan", Task((3, 16, 16)))
    assert read_images(colour, str(image_folder), None, 5).shape == (5, 16, 16, 3)
    one = image_folder / "dark" / "0.png"
    assert read_images(colour, str(one), None, 5).shape == (1, 16, 16, 3)
    grey = gans("dcgan", Task((1, 28, 28)))
    assert read_images(grey, "digits", "test", 3).shape == (3, 28, 28)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and nothing else")
    with pytest.raises(DataError, match=r"broken\.png' cannot be read"):
        read_images(colour, str(tmp_path / "broken.png"), None, 5)
    with pytest.raises(DataError, match="no known data set"):
        read_images(colour, str(tmp_path / "nowhere"), None, 5)
    Image.new("L", (40, 30)).save(tmp_path / "wide.png")
    assert read_images(grey, str(tmp_path / "wide.png"), None, 5).shape == (1, 28, 28)
