"""DCGAN: real passes at odd sizes, its heads and its refusals."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.settings.config import override


def game(shape, **options):
    changes = {"generator_width": 2, "discriminator_width": 2, **options}
    config = override(configure("dcgan", "digits"), {f"network.{k}": v for k, v in changes.items()})
    return FAMILIES["dcgan"](config, Task(shape))


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 17, 33), (3, 50, 64), (1, 100, 75)], ids=str)
def test_images_and_logits_of_any_size(shape):
    torch.manual_seed(0)
    g = game(shape)
    images = g.generator(torch.randn(3, 100))
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1
    logits = g.discriminator(images)
    assert logits.shape == (3,)
    logits.sum().backward()
    assert all(p.grad is not None for n in (g.generator, g.discriminator) for p in n.parameters())


def test_every_pixel_is_made_by_the_last_layer():
    """What is cut from a stage that is too large leaves no border behind."""
    torch.manual_seed(0)
    images = game((1, 17, 33)).generator(torch.randn(40, 100))
    assert (images.std(0) > 0).all()


def test_the_two_heads_have_one_and_two_outputs():
    assert game((1, 16, 16)).discriminator.head.linear.out_features == 1
    two = game((1, 16, 16), head="v2").discriminator
    assert two.head.linear.out_features == 2
    assert two(torch.zeros(5, 1, 16, 16)).shape == (5,)


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_only_batch_norm_couples_the_samples_of_d(norm):
    torch.manual_seed(0)
    g = game((1, 16, 16), discriminator_norm=norm)
    assert g.coupling == ("batch normalisation" if norm == "batch" else None)
    x = torch.randn(6, 1, 16, 16)
    together, first = g.discriminator(x)[:3], g.discriminator(x[:3])
    assert torch.allclose(together, first, atol=1e-6) is (norm == "none")


def test_depth_and_width_are_set():
    g = game((1, 64, 64), stages=2, generator_width=3, discriminator_width=5, most_channels=7)
    down = [m for m in g.discriminator.modules() if isinstance(m, nn.Conv2d)]
    up = [m for m in g.generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [m.out_channels for m in down] == [5, 7]
    assert [m.in_channels for m in up] == [6, 3]


def test_more_halvings_than_the_image_has_are_refused():
    with pytest.raises(ConfigError, match=r"network\.stages = 5"):
        game((1, 16, 16), stages=5)


def test_channels_as_lists_and_a_normalised_first_layer():
    lists = {"generator_channels": "12,6", "discriminator_channels": "4,8,16", "first_norm": True}
    made = game((1, 28, 28), **lists)
    convolutions = [m for m in made.discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [4, 8, 16]
    assert [
        m.in_channels for m in made.generator.modules() if isinstance(m, nn.ConvTranspose2d)
    ] == [12, 6]
    norms = [m for m in made.discriminator.modules() if isinstance(m, nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [4, 8, 16]
    assert made.generator(torch.randn(2, 100)).shape == (2, 1, 28, 28)
    with pytest.raises(ConfigError, match=r"network\.first_norm would have no effect"):
        game((1, 28, 28), first_norm=True, discriminator_norm="none")
    with pytest.raises(ConfigError, match=r"network\.stages = 6 halves"):
        game((1, 28, 28), discriminator_channels="4,4,4,4,4,4")
