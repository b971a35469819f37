"""Penalties against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.config import ObjectiveConfig
from gankit.errors import ConfigError
from gankit.parts.penalties import build_penalties, gradient_penalty, r1, r2, spectral_norm

torch.manual_seed(0)
REAL, FAKE = torch.randn(2, 5, 3, dtype=torch.float64)
MIX = torch.rand(5, dtype=torch.float64)


def quadratic(matrix):
    """D(x) = x' A x / 2 with symmetric A: its gradient is A x."""
    return lambda x: ((x @ matrix) * x).sum(1) / 2


def test_r1_and_r2_of_a_quadratic():
    a = torch.randn(3, 3, dtype=torch.float64)
    a = (a + a.t()).requires_grad_()
    for penalty, where in ((r1, REAL), (r2, FAKE)):
        value = penalty(quadratic(a), REAL, FAKE, MIX)
        expected = ((where @ a) ** 2).sum(1).mean() / 2
        assert torch.allclose(value, expected)
        (found,) = torch.autograd.grad(value, a, retain_graph=True)
        (wanted,) = torch.autograd.grad(expected, a)
        # A enters through the gradient of a symmetric form: compare symmetric parts.
        assert torch.allclose(found + found.t(), wanted + wanted.t())


def test_gradient_penalty_of_a_quadratic():
    a = torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    between = MIX[:, None] * REAL + (1 - MIX[:, None]) * FAKE
    expected = (((between @ a).norm(dim=1) - 1) ** 2).mean()
    assert torch.allclose(gradient_penalty(quadratic(a), REAL, FAKE, MIX), expected)


def test_gradient_penalty_is_finite_where_the_gradient_vanishes():
    weight = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    value = gradient_penalty(lambda x: x @ weight, REAL, FAKE, MIX)
    value.backward()
    assert float(value.detach()) == pytest.approx(1, abs=1e-5)
    assert torch.isfinite(weight.grad).all()


def test_spectral_norm_makes_the_largest_singular_value_one():
    network = nn.Sequential(nn.Linear(6, 5), nn.Conv2d(2, 4, 3), nn.Embedding(7, 3))
    spectral_norm(network)
    for _ in range(60):
        for layer in network:
            assert layer.weight is not None  # a read in training mode is a power iteration
    for layer in network.eval():
        largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
        assert float(largest) == pytest.approx(1, abs=1e-3)


def test_names_are_joined_by_plus():
    assert [p.name for p in build_penalties(ObjectiveConfig(penalty="r1 + r2"))] == ["r1", "r2"]
    assert build_penalties(ObjectiveConfig(penalty="none")) == ()


@pytest.mark.parametrize(("given", "said"), [("spectral", "Did you mean"), ("r1+r1", "twice")])
def test_nonsense_is_refused(given, said):
    with pytest.raises(ConfigError, match=said):
        build_penalties(ObjectiveConfig(penalty=given))
