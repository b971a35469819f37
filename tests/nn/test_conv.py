"""Shapes, sizes and starts of the networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.choose_recipe import configure
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Task
from gankit.nn.layers import Maxout
from gankit.recipes import RECIPES
from gankit.settings.config import override

SIZES = [(16, 16), (17, 33), (28, 28), (50, 64), (100, 75), (31, 31), (256, 256)]
NARROW = {"network.generator_width": 2, "network.discriminator_width": 2}


def game(family, shape, classes=0, **changes):
    config = override(configure(family, "digits"), changes)
    return FAMILIES[family](config, Task(shape, tuple(map(str, range(classes)))))


@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_any_size_comes_out_as_asked_and_goes_in(size, channels, kernel):
    with torch.device("meta"):
        g = game("dcgan", (channels, *size), **NARROW, **{"network.kernel": kernel})
        noise = torch.zeros(2, 100)
        images = g.generator(noise)
        assert images.shape == (2, channels, *size)
        assert g.discriminator(images).shape == (2,)


@pytest.mark.parametrize("shape", [(1, 8, 28), (3, 300, 64), (2,)], ids=str)
@pytest.mark.parametrize("family", ["dcgan", "cgan"])
def test_sizes_out_of_range_are_refused(family, shape):
    with pytest.raises(ConfigError, match=r"16 to 256|points"):
        game(family, shape, 3)


def test_dcgan_is_the_papers_at_64():
    """Figure 1 and section 3: 100 -> 4x4x1024 -> 512 -> 256 -> 128 -> 3; 5x5 kernels, stride 2."""
    with torch.device("meta"):
        g = FAMILIES["dcgan"](RECIPES["dcgan-paper"](), Task((3, 64, 64)))
    up = [m for m in g.generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    down = [m for m in g.discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert g.generator.stem.weight.shape == (1024 * 4 * 4, 100)
    assert [(m.in_channels, m.out_channels) for m in up] == [
        (1024, 512), (512, 256), (256, 128), (128, 3),
    ]  # fmt: skip
    assert [(m.in_channels, m.out_channels) for m in down] == [
        (3, 128), (128, 256), (256, 512), (512, 1024),
    ]  # fmt: skip
    assert {m.kernel_size for m in (*up, *down)} == {(5, 5)}
    assert {m.stride for m in (*up, *down)} == {(2, 2)}
    assert len([m for m in g.generator.modules() if isinstance(m, nn.BatchNorm2d)]) == 4
    assert len([m for m in g.discriminator.modules() if isinstance(m, nn.BatchNorm2d)]) == 3
    assert [m.bias is None for m in up] == [True, True, True, False]  # none before normalisation
    assert [m.bias is None for m in down] == [False, True, True, True]
    assert not any(isinstance(m, (nn.MaxPool2d, nn.AvgPool2d)) for m in g.discriminator.modules())


def test_dcgans_start():
    torch.manual_seed(0)
    g = game(
        "dcgan", (3, 32, 32), **{"network.generator_width": 64, "network.discriminator_width": 64}
    )
    weights = torch.cat([p.flatten() for n, p in g.generator.named_parameters() if "ups" in n])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    gains = torch.cat([m.weight for m in g.generator.norms])
    assert gains.mean().item() == pytest.approx(1, abs=0.01)
    assert gains.std().item() == pytest.approx(0.02, rel=0.15)


def test_gan_is_the_papers_on_mnist():
    g = FAMILIES["gan"](RECIPES["gan-mnist-paper"](), Task((1, 28, 28)))
    assert [m.weight.shape for m in g.generator.modules() if isinstance(m, nn.Linear)] == [
        (1200, 100), (1200, 1200), (784, 1200),
    ]  # fmt: skip
    maxout = [m for m in g.discriminator.modules() if isinstance(m, Maxout)]
    assert [(m.units, m.pieces) for m in maxout] == [(240, 5), (240, 5)]
    assert [m.p for m in g.discriminator.modules() if isinstance(m, nn.Dropout)] == [0.2, 0.5, 0.5]
    for network, limit in ((g.generator, 0.05), (g.discriminator, 0.005)):
        largest = max(float(p.detach().abs().max()) for p in network.parameters())
        assert limit * 0.99 < largest <= limit
    assert g.value_range == (0.0, 1.0)


def test_cgan_is_the_papers_on_mnist():
    g = FAMILIES["cgan"](RECIPES["cgan-mnist-paper"](), Task((1, 28, 28), tuple("0123456789")))
    assert g.generator.noise.weight.shape == (200, 100)
    assert g.generator.label.weight.shape == (10, 1000)
    joint = [m.weight.shape for m in g.generator.joint.modules() if isinstance(m, nn.Linear)]
    assert joint == [(1200, 1200), (784, 1200)]
    maxout = [m for m in g.discriminator.modules() if isinstance(m, Maxout)]
    assert [(m.units, m.pieces) for m in maxout] == [(240, 5), (50, 5), (240, 4)]


def test_the_networks_for_features_have_28672_and_7168():
    """Section 5.1 and 5.2: every convolution's map pooled to 4x4 and flattened."""
    for name, channels, count in (
        ("dcgan-features-paper", [128, 128, 256, 256, 512, 512], 28_672),
        ("dcgan-svhn-paper", [64, 128, 256], 7_168),
    ):
        with torch.device("meta"):
            g = FAMILIES["dcgan"](RECIPES[name](), Task((3, 32, 32)))
            found = []
            for m in g.discriminator.modules():
                if isinstance(m, nn.Conv2d):
                    m.register_forward_hook(lambda _m, _i, out, to=found: to.append(out.shape))
            g.discriminator(torch.zeros(1, 3, 32, 32))
        assert [shape[1] for shape in found] == channels
        assert all(shape[2] >= 4 for shape in found)
        assert sum(16 * shape[1] for shape in found) == count


def test_the_conditional_dcgan_has_y_at_every_layer():
    """The official MNIST code: [z, y] -> 1024, y -> 7x7x128, y -> 64, y -> 1; D backwards."""
    with torch.device("meta"):
        task = Task((1, 28, 28), tuple("0123456789"))
        g = FAMILIES["cgan"](RECIPES["cdcgan-mnist-paper"](), task)
    assert g.generator.hidden[0].weight.shape == (1024, 110)
    assert g.generator.stem.weight.shape == (7 * 7 * 128, 1034)
    up = [m for m in g.generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [(m.in_channels, m.out_channels) for m in up] == [(138, 64), (74, 1)]
    down = [m for m in g.discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels) for m in down] == [(11, 64), (74, 128)]
    dense, norm = g.discriminator.hidden
    assert dense.weight.shape == (1024, 7 * 7 * 128 + 10)
    assert isinstance(norm, nn.BatchNorm1d)
    assert g.discriminator.head.linear.weight.shape == (1, 1034)


@pytest.mark.parametrize(
    ("body", "conditioning"),
    [("mlp", c) for c in ("branches", "concat", "embedding", "projection")]
    + [("conv", c) for c in ("concat", "embedding", "layers", "projection")],
)
def test_every_conditioning_reaches_both_players(body, conditioning):
    torch.manual_seed(0)
    settings = {"network.body": body, "network.conditioning": conditioning, **NARROW}
    g = game("cgan", (1, 16, 16), 3, **settings, **{"network.classifier": "0,0"})
    noise, images = torch.randn(6, 64), torch.randn(6, 1, 16, 16)
    for player, given in ((g.generator, noise), (g.discriminator, images)):
        for p in player.parameters():
            if p.dim() == 2 and p.shape[0] == 3:
                nn.init.normal_(p)  # conditional gains start equal for every label
        player.eval()
        first, second = (player(given, torch.full((6,), label)) for label in (0, 1))
        assert not torch.allclose(first, second)
        assert torch.equal(first, player(given, torch.zeros(6, dtype=torch.long)))


def test_combinations_that_are_none_are_refused():
    with pytest.raises(ConfigError, match="branches"):
        game("cgan", (1, 16, 16), 3, **{"network.conditioning": "branches"})
    with pytest.raises(ConfigError, match="body"):
        game("cgan", (1, 16, 16), 3, **{"network.body": "mlp"})  # the recipe's classifier
    with pytest.raises(ConfigError, match="labels"):
        game("cgan", (1, 16, 16), 0)


@pytest.mark.parametrize(
    ("family", "option", "given"),
    [
        ("gan", "generator_hidden", "16,0"),
        ("gan", "dropout", "0.2,1"),
        ("gan", "dropout", "-0.1,0"),
        ("gan", "pieces", -1),
        ("dcgan", "stages", -1),
        ("dcgan", "kernel", 0),
        ("dcgan", "generator_width", 0),
        ("dcgan", "init", -1),
        ("cgan", "embedding", 0),
        ("cgan", "discriminator_units", -1),
        ("modern", "group", 0),
        ("infogan", "posterior_units", 0),
        ("infogan", "normalised", 0),
        ("gan", "conv_pieces", 0),
        ("gan", "kernels", "8,8,0"),
    ],
)
def test_sizes_that_make_no_network_are_refused_by_name(family, option, given):
    with pytest.raises(ConfigError, match=rf"network\.{option} must be"):
        override(configure(family, "digits"), {f"network.{option}": given})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"activation": "maxout", "pieces": 0}, "pieces of maxout must be at least 1"),
        (
            {"body": "conv", "activation": "leaky", "pieces": 0},
            "pieces of maxout must be at least 1",
        ),
        ({"generator_activations": ""}, "generator_activations: at least one"),
        ({"body": "conv", "generator_hidden": ""}, "need at least one number each"),
        ({"body": "conv", "discriminator_hidden": ""}, "need at least one number each"),
        ({"channels": "", "kernels": ""}, "as many of one as of the other"),
    ],
)
def test_settings_that_make_no_gan_are_refused_with_the_reason(changes, said):
    with pytest.raises(ConfigError, match=said):
        override(configure("gan", "digits"), {f"network.{k}": v for k, v in changes.items()})


@pytest.mark.parametrize("family", ["dcgan", "cgan"])
def test_more_halvings_than_there_are_pixels_are_refused(family):
    assert game(family, (1, 16, 16), 3, **NARROW, **{"network.stages": 4}) is not None
    with pytest.raises(ConfigError, match=r"network\.stages = 5"):
        game(family, (1, 16, 16), 3, **NARROW, **{"network.stages": 5})


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 6, 7])
@pytest.mark.parametrize("family", ["dcgan", "cgan"])
def test_the_deepest_networks_of_any_kernel_work(family, kernel):
    """16 pixels halved four times: what is left is one pixel, and it is seen."""
    changes = {"network.kernel": kernel, "network.stages": 4, **NARROW}
    with torch.device("meta"):
        g = game(family, (1, 16, 19), 3, **changes)
        labels = torch.zeros(2, dtype=torch.long)
        images = g.generator(torch.zeros(2, g.config.latent.size), labels)
        assert images.shape == (2, 1, 16, 19)
        assert g.logits(images, labels).shape == (2,)


def test_branches_without_pieces_are_relu():
    """The tagging experiment's: 500 and 1200 ReLU units before the joint maxout layer."""
    config = override(RECIPES["cgan-mnist-paper"](), {"network.pieces": "0,4"})
    g = FAMILIES["cgan"](config, Task((1, 28, 28), ("a", "b")))
    for branch, units in ((g.discriminator.image, 240), (g.discriminator.label, 50)):
        assert [type(m) for m in branch] == [nn.Linear, nn.ReLU]
        assert branch[0].out_features == units
