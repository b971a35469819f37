"""Minibatch discrimination."""

from __future__ import annotations

import math

import pytest
import torch

from gankit.nn.head import Head, add_minibatch_discrimination
from gankit.nn.minibatch_discrimination import MinibatchDiscrimination


def test_minibatch_discrimination_is_the_papers_sums():
    """o_b(i) = sum_j exp(-|M_ib - M_jb|_1), section 3.2, in loops."""
    torch.manual_seed(0)
    layer, f = MinibatchDiscrimination(4, 3, 2, 1).double(), torch.randn(5, 4, dtype=torch.float64)
    m = [
        [[float(f[n] @ layer.tensor[:, b, c].detach()) for c in range(2)] for b in range(3)]
        for n in range(5)
    ]
    for i in range(5):
        for b in range(3):
            expected = sum(
                math.exp(-sum(abs(m[i][b][c] - m[j][b][c]) for c in range(2))) for j in range(5)
            )
            assert layer.closeness(f)[i, b].item() == pytest.approx(expected)


def test_it_stands_beside_the_features_before_the_last_layer():
    """One linear map of [f, o] is what the two maps add up to."""
    torch.manual_seed(0)
    head, f = Head(4), torch.randn(5, 4)
    add_minibatch_discrimination(head, 3, 2)
    both = torch.cat([f, head.closeness.closeness(f)], 1)
    weight = torch.cat([head.linear.weight, head.closeness.linear.weight], 1)
    bias = head.linear.bias + head.closeness.linear.bias
    assert torch.allclose(head(f), (both @ weight.T + bias)[:, 0], atol=1e-6)
