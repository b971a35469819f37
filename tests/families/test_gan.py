"""The first GAN: points and images, and the ranges of both."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.config import override
from gankit.families import FAMILIES, Task
from gankit.parts.layers import Maxout
from gankit.recipes import configure

IMAGES = Task((1, 28, 28))


def game(task=IMAGES, **options):
    changes = {f"network.{name}": value for name, value in options.items()}
    return FAMILIES["gan"](override(configure("gan", "digits"), changes), task)


@pytest.mark.parametrize(("output", "low"), [("sigmoid", 0.0), ("tanh", -1.0)])
def test_images_fill_the_value_range_and_stay_in_it(output, low):
    g = game(output=output)
    assert g.value_range == (low, 1.0)
    images = g.generator(1e4 * torch.randn(64, 100))
    assert images.shape == (64, 1, 28, 28)
    assert images.min().item() == pytest.approx(low, abs=1e-3)
    assert images.max().item() == pytest.approx(1, abs=1e-3)


def test_points_have_no_range():
    g = game(Task((2,)))
    assert g.value_range is None
    points = g.generator(1e4 * torch.randn(64, 100))
    assert points.abs().max() > 10


@pytest.mark.parametrize(("activation", "layer"), [("maxout", Maxout), ("leaky", nn.LeakyReLU)])
def test_activations_of_the_discriminator(activation, layer):
    kinds = [type(m) for m in game(activation=activation).discriminator.modules()]
    assert kinds.count(layer) == 2
    assert kinds.count(nn.Dropout) == 3  # on the pixels and on every other layer's input


def test_dropout_is_in_the_discriminator_and_in_training_alone():
    torch.manual_seed(0)
    g, x = game(), torch.rand(4, 1, 28, 28)
    assert not any(isinstance(m, nn.Dropout) for m in g.generator.modules())
    assert not torch.equal(g.discriminator(x), g.discriminator(x))
    g.discriminator.eval()
    assert torch.equal(g.discriminator(x), g.discriminator(x))


def test_no_dropout_is_no_layer():
    assert not any(isinstance(m, nn.Dropout) for m in game(dropout="0,0").discriminator.modules())
