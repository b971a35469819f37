"""What a trained GAN gives: arrays, tensors, pictures; and what it makes of latents."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gankit
from gankit.trained.drawing import draw_block
from tests.trained.made import made


@pytest.fixture
def digits(small):
    return made(small("cgan"), (1, 28, 28), tuple("0123456789"))


@pytest.fixture
def photos(small):
    return made(small("dcgan"), (3, 32, 32))


@pytest.fixture
def points(small):
    return made(small("gan", "toy:ring8"), (2,))


@pytest.mark.parametrize(
    ("name", "shape", "mode"), [("digits", (3, 28, 28), "L"), ("photos", (3, 32, 32, 3), "RGB")]
)
def test_the_same_samples_in_each_output(name, shape, mode, request):
    gan = request.getfixturevalue(name)
    arrays, tensor, pictures = (gan.sample(3, seed=1, output=o) for o in ("np", "pt", "pil"))
    assert arrays.dtype == np.uint8
    assert arrays.shape == shape
    assert tensor.dtype == torch.uint8
    assert tensor.shape == (3, *gan.shape)
    again = tensor.permute(0, 2, 3, 1).numpy()
    assert np.array_equal(again[..., 0] if len(shape) == 3 else again, arrays)
    assert [p.mode for p in pictures] == [mode] * 3
    assert all(np.array_equal(np.asarray(p), a) for p, a in zip(pictures, arrays, strict=True))


@pytest.mark.parametrize("name", ["digits", "photos", "points"])
def test_a_sample_is_the_same_to_the_bit_however_many_are_drawn(name, request):
    gan = request.getfixturevalue(name)
    every = gan.sample(270, seed=3)
    for n in (1, 2, 3, 5, 16, 17, 250, 251):
        assert np.array_equal(gan.sample(n, seed=3), every[:n]), n


def test_points_are_arrays_or_tensors(points):
    assert torch.equal(points.sample(5, output="pt"), torch.from_numpy(points.sample(5)))
    with pytest.raises(gankit.ConfigError, match="no pictures"):
        points.sample(5, output="pil")


def test_another_output_is_refused(points):
    with pytest.raises(gankit.ConfigError, match="'np', 'pt', 'pil' or 'text', got 'numpy'"):
        points.sample(5, output="numpy")


def test_the_samples_of_a_seed_are_the_images_of_its_latents(digits):
    labels = torch.from_numpy(digits.labels_for(250, 7))
    latent = draw_block(digits.game, 0, labels, 250, seed=4)
    images = digits(latent.noise, 7)
    assert images.shape == (250, 1, 28, 28)
    assert not images.requires_grad
    assert -1 <= images.min() < images.max() <= 1
    pixels = ((images[:, 0] + 1) * 127.5).round().numpy()
    assert np.abs(pixels - digits.sample(250, 7, seed=4)).max() <= 1


def test_arrays_of_either_precision_are_latents(points):
    z = np.random.default_rng(0).normal(size=(4, points.game.latent_size))
    assert torch.equal(points(z), points(torch.from_numpy(z.astype(np.float32))))
    assert torch.equal(points(z), points.generator(torch.from_numpy(z).float(), None))


def test_images_have_a_gradient_by_latents_that_ask_for_one(photos):
    z = torch.randn(2, photos.game.latent_size, requires_grad=True)
    photos(z).square().sum().backward()
    assert z.grad.abs().sum() > 0
    assert all(p.grad is None for p in photos.generator.parameters())


@pytest.mark.parametrize("shape", [(4,), (4, 3), (0, 64), (1, 4, 64)])
def test_latents_of_another_shape_are_refused(digits, shape):
    with pytest.raises(gankit.ConfigError, match=r"latents must be \[N, "):
        digits(torch.zeros(shape))


def test_latents_and_labels_that_do_not_suit_are_refused(digits, photos):
    size = digits.game.latent_size
    with pytest.raises(gankit.ConfigError, match="floating-point"):
        digits(torch.zeros(2, size, dtype=torch.int64))
    with pytest.raises(gankit.ConfigError, match="outside"):
        digits(torch.zeros(2, size), 10)
    with pytest.raises(gankit.ConfigError, match="unconditional"):
        photos(torch.zeros(2, photos.game.latent_size), 1)


def test_it_says_what_it_is(digits):
    assert repr(digits) == "<gankit.GAN cgan 1x28x28 after 0 steps>"
