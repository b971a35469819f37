"""Layers that torch does not have."""

from __future__ import annotations

import torch
from torch import nn

from gankit.nn.layers import ConditionalBatchNorm2d, Maxout, MaxoutConv, OneHot, frozen


def test_one_hot():
    assert OneHot(10)(torch.tensor([5])).tolist() == [[0, 0, 0, 0, 0, 1, 0, 0, 0, 0]]


def test_maxout_is_the_largest_of_its_pieces():
    torch.manual_seed(0)
    layer, x = Maxout(4, 3, 5), torch.randn(2, 4)
    weight, bias = layer.linear.weight.view(3, 5, 4), layer.linear.bias.view(3, 5)
    expected = [
        [max((weight[u, p] @ r + bias[u, p]).item() for p in range(5)) for u in range(3)]
        for r in x.unbind()
    ]
    assert torch.allclose(layer(x), torch.tensor(expected), atol=1e-6)


def test_maxout_of_convolutions_is_the_largest_of_its_maps_pooled():
    torch.manual_seed(0)
    layer, x = MaxoutConv(2, 3, 4, 5), torch.randn(2, 2, 8, 8)
    maps = layer.conv(x).view(2, 3, 4, 8, 8).max(2).values
    assert torch.equal(layer(x), nn.MaxPool2d(3, 2, padding=1)(maps))


def test_conditional_batch_norm_is_batch_norm_with_each_labels_gain():
    torch.manual_seed(0)
    norm, plain = ConditionalBatchNorm2d(3, 4), nn.BatchNorm2d(3, affine=False)
    nn.init.normal_(norm.gain.weight)
    nn.init.normal_(norm.shift.weight)
    x, labels = torch.randn(6, 3, 5, 5), torch.tensor([0, 1, 2, 3, 1, 0])
    normal = plain(x)
    expected = torch.stack(
        [
            normal[i] * norm.gain.weight[y][:, None, None] + norm.shift.weight[y][:, None, None]
            for i, y in enumerate(labels)
        ]
    )
    assert torch.allclose(norm(x, labels), expected, atol=1e-6)
    assert torch.allclose(norm.running_var, plain.running_var)


def test_frozen_lets_gradients_through_and_changes_nothing():
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    nn.utils.parametrizations.spectral_norm(network[0])
    state = {k: v.clone() for k, v in network.state_dict().items()}
    x = torch.randn(8, 3, requires_grad=True)
    with frozen(network):
        network(x).square().sum().backward()
    assert x.grad is not None
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert all(torch.equal(v, state[k]) for k, v in network.state_dict().items())
    network(x)
    assert not torch.equal(network[1].running_mean, state["1.running_mean"])
