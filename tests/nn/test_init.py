"""Weights that begin as the data asks."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from gankit.nn.init import init_by_data


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        weight_norm(nn.Conv2d(2, 5, 3)), nn.ReLU(), nn.Conv2d(5, 4, 1),
        nn.Flatten(), weight_norm(nn.Linear(4 * 36, 3)),
    )  # fmt: skip


def answers(layers, images):
    """What the two normalised layers answer."""
    seen = []
    for layer in layers:
        images = layer(images)
        seen.append(images)
    return seen[0], seen[-1]


def test_each_output_of_a_normalised_layer_has_mean_0_and_deviation_1():
    layers, images = network(), torch.rand(40, 2, 8, 8) * 3 + 1
    plain = layers[2].weight.clone()
    init_by_data(layers, images)
    first, last = answers(layers, images)
    for out, over in ((first, (0, 2, 3)), (last, (0,))):
        assert out.mean(over).abs().max() < 1e-4
        assert (out.std(over, correction=0) - 1).abs().max() < 1e-4
    assert torch.equal(layers[2].weight, plain)  # of another kind


def test_directions_stay_and_so_does_what_is_trained():
    layers = network()
    before = {name: w.clone() for name, w in layers.named_parameters()}
    trained = [w.requires_grad for w in layers.parameters()]
    init_by_data(layers, torch.rand(40, 2, 8, 8))
    changed = {n for n, w in layers.named_parameters() if not torch.equal(w, before[n])}
    norms = {f"{i}.parametrizations.weight.original0" for i in (0, 4)}
    assert changed == norms | {"0.bias", "4.bias"}
    assert [w.requires_grad for w in layers.parameters()] == trained
    assert not any(module._forward_hooks for module in layers.modules())


def test_an_output_that_is_the_same_for_all_inputs_stays_finite():
    layer = weight_norm(nn.Linear(3, 2))
    init_by_data(layer, torch.ones(5, 3))
    assert layer(torch.ones(5, 3)).abs().max() < 1e-3
    assert all(torch.isfinite(w).all() for w in layer.parameters())
