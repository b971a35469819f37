"""The first GAN: points and images, and the ranges of both."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gankit
from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.fitting import fit
from gankit.nn.layers import Maxout
from gankit.recipes import RECIPES
from gankit.settings.config import override

from ..conftest import THREADS

IMAGES = Task((1, 28, 28))


def game(task=IMAGES, **options):
    changes = {f"network.{name}": value for name, value in options.items()}
    return FAMILIES["gan"](override(configure(recipe="gan-mnist-paper"), changes), task)


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


def test_g_starts_at_the_mean_image():
    """The pixel marginals of pylearn2's code: sigmoid(bias) is the mean of the data."""
    g = game(Task((1, 4, 4)), output_bias="marginals", init="1e-8,1e-8")
    examples = torch.rand(500, 1, 4, 4)
    g.meet(examples, None)
    drawn = g.generator(torch.randn(3, 100))
    assert torch.allclose(drawn[0], examples.mean(0), atol=1e-4)


@pytest.mark.parametrize("name", ["gan-tfd-paper", "gan-cifar-paper", "gan-cifar-conv-paper"])
def test_the_papers_other_networks(name):
    config = RECIPES[name]()
    shape = (1, 48, 48) if "tfd" in name else (3, 32, 32)
    with torch.device("meta"):
        g = FAMILIES["gan"](config, Task(shape))
        images = g.generator(torch.zeros(2, 100))
        assert images.shape == (2, *shape)
        assert g.discriminator(images).shape == (2,)
    linear = [m for m in g.generator.modules() if isinstance(m, nn.Linear)]
    assert linear[0].out_features == 8000
    rates = {"gan-tfd-paper": 0.05, "gan-cifar-paper": 0.025, "gan-cifar-conv-paper": 0.004}
    assert config.generator_optimizer.lr == rates[name]
    assert config.discriminator_optimizer.lr == rates[name]
    if "conv" in name:
        up = [m for m in g.generator.modules() if isinstance(m, nn.ConvTranspose2d)]
        assert [(m.in_channels, m.kernel_size, m.stride) for m in up] == [(80, (5, 5), (3, 3))]
        down = [m for m in g.discriminator.modules() if isinstance(m, nn.Conv2d)]
        assert [(m.out_channels, m.kernel_size[0]) for m in down] == [(64, 8), (64, 8), (384, 5)]
        maxout = g.discriminator.layers[-2]
        assert (maxout.units, maxout.pieces) == (500, 5)


@pytest.mark.slow
def test_the_convolutional_one_trains_when_it_is_shrunk(tmp_path):
    small = {
        "network.body": "conv",
        "network.generator_hidden": "16,4",
        "network.channels": "4,4,6",
        "network.discriminator_hidden": "8",
        "training.steps": 2,
        "training.batch": 4,
        "runtime.threads": THREADS,
    }
    fit(override(configure("gan", "digits"), small), tmp_path / "run")
    assert gankit.load(tmp_path / "run").sample(2).shape == (2, 28, 28)
    with pytest.raises(ConfigError, match=r"network\.core = 10"):
        FAMILIES["gan"](override(configure("gan", "digits"), small), Task((1, 48, 48)))
