"""Networks that are not trained."""

from __future__ import annotations

import copy

import torch
from torch import nn

from gankit.nn.fixed import fixed


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU()).eval()


def test_it_does_what_it_did_and_has_no_weights():
    plain = network()
    x = torch.randn(2, 3, 5, 5)
    expected = plain(x)
    for stored in (False, True):
        same = fixed(copy.deepcopy(plain), stored=stored)
        assert torch.equal(same(x), expected)
        assert not list(same.parameters())
        assert bool(same.state_dict()) == stored


def test_a_gradient_passes_to_what_it_is_given():
    x = torch.randn(2, 3, 5, 5, requires_grad=True)
    fixed(network(), stored=False)(x).sum().backward()
    assert x.grad is not None


def test_it_follows_the_network_that_it_is_part_of():
    whole = nn.Sequential(fixed(network(), stored=False), nn.Conv2d(4, 1, 1)).double()
    assert whole(torch.randn(1, 3, 4, 4, dtype=torch.float64)).dtype == torch.float64
    assert set(whole.state_dict()) == {"1.weight", "1.bias"}


def test_what_is_stored_is_restored():
    one, other = fixed(network(), stored=True), fixed(network(), stored=True)
    other.load_state_dict(one.state_dict())
    x = torch.randn(2, 3, 5, 5)
    assert torch.equal(one(x), other(x))
