"""The fast forms against torch's own, in float64: results, gradients, second gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.nn import convolutions
from gankit.nn.convolutions import FastConv2d, FastConvTranspose2d

PAIRS = [
    (FastConv2d, nn.Conv2d, 1, 5),
    (FastConv2d, nn.Conv2d, 3, 5),
    (FastConv2d, nn.Conv2d, 6, 5),
    (FastConvTranspose2d, nn.ConvTranspose2d, 5, 1),
    (FastConvTranspose2d, nn.ConvTranspose2d, 5, 3),
    (FastConvTranspose2d, nn.ConvTranspose2d, 6, 5),
]


@pytest.mark.parametrize("at_once", [16_000_000, 1000])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(8, 8), (7, 10)])
@pytest.mark.parametrize(("kernel", "stride", "pad"), [(4, 2, 1), (5, 2, 2), (3, 1, 1)])
@pytest.mark.parametrize(("fast", "plain", "inputs", "outputs"), PAIRS)
def test_same_as_torch(
    monkeypatch, fast, plain, inputs, outputs, kernel, stride, pad, size, bias, at_once
):
    monkeypatch.setattr(convolutions, "WIDE", 30)  # so that 6 x 5 channels are
    monkeypatch.setattr(convolutions, "MOST_PATCH_BYTES", at_once)
    torch.manual_seed(0)
    extra = {"output_padding": kernel % 2 * (stride - 1)} if "Transpose" in fast.__name__ else {}
    a = fast(inputs, outputs, kernel, stride, pad, bias=bias, **extra).double()
    b = plain(inputs, outputs, kernel, stride, pad, bias=bias, **extra).double()
    b.load_state_dict(a.state_dict())
    for layer in (a, b):
        layer.to(memory_format=torch.channels_last)
    x = torch.randn(3, inputs, *size, dtype=torch.float64)
    results = []
    for layer in (a, b):
        given = x.clone().requires_grad_()
        out = layer(given)
        seed = torch.sin(torch.arange(out.numel(), dtype=torch.float64)).view(out.shape)
        (slope,) = torch.autograd.grad((out**2 * seed).sum(), given, create_graph=True)
        (slope**2).sum().backward()
        results.append(
            [out.detach(), slope.detach(), given.grad, *(p.grad for p in layer.parameters())]
        )
        if bias:
            assert layer.bias.grad is not None
    for found, wanted in zip(*results, strict=True):
        assert found.shape == wanted.shape
        assert torch.allclose(found, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("product", [convolutions.ONEDNN_PRODUCT, None])
def test_a_wide_layer_in_single_precision(monkeypatch, product):
    monkeypatch.setattr(convolutions, "ONEDNN_PRODUCT", product)
    torch.manual_seed(0)
    layer = convolutions.conv2d(250, 400, 4, 2, 1, True)
    x = torch.randn(2, 250, 8, 8)
    layer(x).square().sum().backward()
    exact = nn.Conv2d(250, 400, 4, 2, 1).double()
    exact.load_state_dict(layer.state_dict())
    exact(x.double()).square().sum().backward()
    for found, wanted in zip(layer.parameters(), exact.parameters(), strict=True):
        assert torch.allclose(found.grad.double(), wanted.grad, rtol=1e-4, atol=1e-3)


def test_the_right_form_is_chosen():
    assert type(convolutions.conv2d(3, 64, 4, 2, 1, True)) is FastConv2d
    assert type(convolutions.conv2d(64, 128, 4, 2, 1, True)) is nn.Conv2d
    assert type(convolutions.conv2d(256, 512, 4, 2, 1, True)) is FastConv2d
    assert type(convolutions.doubling_conv(64, 3, 4, True)) is FastConvTranspose2d
    assert type(convolutions.doubling_conv(128, 64, 4, True)) is nn.ConvTranspose2d
    assert type(convolutions.doubling_conv(512, 256, 5, True)) is FastConvTranspose2d


@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_doubling_doubles(kernel):
    for inputs, outputs in ((4, 1), (4, 3), (400, 300)):
        layer = convolutions.doubling_conv(inputs, outputs, kernel, True)
        assert layer(torch.zeros(1, inputs, 5, 6)).shape == (1, outputs, 10, 12)
