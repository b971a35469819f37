"""EfficientNet-Lite: its shapes, its padding, and normalisation as part of its convolutions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.nn.efficientnet_lite import Classifier, EfficientNetLite, SameConv2d, fold


@pytest.mark.parametrize("size", [(16, 16), (64, 64), (33, 50)], ids=str)
def test_each_map_has_half_the_size_of_the_one_before(size):
    maps = EfficientNetLite()(torch.randn(2, 3, *size))
    sides = [[-(-side // 2**halvings) for side in size] for halvings in (2, 3, 4, 5)]
    assert [list(m.shape[2:]) for m in maps] == sides
    assert [m.shape[1] for m in maps] == [24, 40, 112, 320]


def test_the_larger_ones_are_wider_and_deeper():
    sizes = [sum(p.numel() for p in EfficientNetLite(*s).parameters())
             for s in ((1, 1), (1, 1.1), (1.1, 1.2))]  # fmt: skip
    assert sizes == sorted(sizes)
    assert [m.shape[1] for m in EfficientNetLite(1.1, 1.2)(torch.zeros(1, 3, 32, 32))] == [
        24, 48, 120, 352,
    ]  # fmt: skip


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize("kernel", [3, 5])
def test_padding_is_even_and_an_odd_pixel_lies_last(side, kernel):
    """As TensorFlow's SAME, in which the weights were trained."""
    layer = SameConv2d(1, 1, kernel, 2)
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    seen = layer(torch.ones(1, 1, side, side))[0, 0]
    missing = (-(-side // 2) - 1) * 2 + kernel - side
    before, after = missing // 2, missing - missing // 2
    assert seen.shape == (-(-side // 2),) * 2
    assert seen[0, 0] == (kernel - before) ** 2
    assert seen[-1, -1] == (kernel - after) ** 2


@pytest.mark.parametrize("size", [(8, 6), (8, 7), (7, 9)], ids=str)
@pytest.mark.parametrize("kernel", [3, 5])
def test_channels_by_themselves_are_padded_alike(size, kernel):
    """They have a way of their own, which has to come to the same."""
    layer = SameConv2d(4, 4, kernel, 2, groups=4).double()
    x = torch.randn(2, 4, *size, dtype=torch.float64, requires_grad=True)
    one_by_one = []
    for channel in range(4):
        alone = SameConv2d(1, 1, kernel, 2).double()
        alone.load_state_dict(
            {name: t[channel : channel + 1] for name, t in layer.state_dict().items()}
        )
        one_by_one.append(alone(x[:, channel : channel + 1]))
    seen, expected = layer(x), torch.cat(one_by_one, 1)
    assert torch.allclose(seen, expected, atol=1e-12)
    draws = torch.randn_like(expected)
    gradients = [
        torch.autograd.grad(out, x, draws, retain_graph=True)[0] for out in (seen, expected)
    ]
    assert torch.allclose(*gradients, atol=1e-12)


def test_a_folded_normalisation_does_what_it_did():
    convolution, norm = nn.Conv2d(4, 6, 3, bias=False), nn.BatchNorm2d(6, eps=1e-3).eval()
    for tensor in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(tensor)
    nn.init.uniform_(norm.running_var, 0.1, 2)
    weight, bias = fold(convolution.weight, norm.state_dict())
    x = torch.randn(2, 4, 5, 5)
    expected = norm(convolution(x))
    assert torch.allclose(torch.nn.functional.conv2d(x, weight, bias), expected, atol=1e-5)


def test_the_classifier_gives_features_and_logits():
    features, logits = Classifier(320, classes=7)(torch.randn(2, 320, 2, 3))
    assert features.shape == (2, 1280)
    assert logits.shape == (2, 7)
