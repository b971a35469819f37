"""Penalties against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.errors import ConfigError
from gankit.objective import build_penalties
from gankit.penalties import PENALTIES, dragan, gradient_penalty, r1, r2, spectral_norm
from gankit.settings.config import ObjectiveConfig

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
        value = penalty(quadratic(a), where)
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


def test_dragan_of_a_quadratic():
    a = torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    noise = torch.rand(5, 3, dtype=torch.float64)
    spread = ((REAL - REAL.mean()).square().sum() / (REAL.numel() - 1)).sqrt()
    around = REAL + 0.5 * spread * MIX[:, None] * noise
    expected = (((around @ a).norm(dim=1) - 1) ** 2).mean()
    assert torch.allclose(dragan(quadratic(a), REAL, MIX, noise), expected)


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


def linear(weight):
    """D(x) = w'x: its gradient is w everywhere."""
    return lambda x: x.flatten(1) @ weight


@pytest.mark.parametrize("shape", [(3,), (1, 3, 1)])
def test_of_a_linear_map_in_value_and_slope(shape):
    """|w|^2 / 2 with slope w, and (|w| - 1)^2 with slope 2 (|w| - 1) w / |w|; images too."""
    real, fake = REAL.view(5, *shape), FAKE.view(5, *shape)
    on = {r1: (real,), r2: (fake,), gradient_penalty: (real, fake, MIX)}
    w = torch.tensor([0.5, -2.0, 1.0], dtype=torch.float64)
    norm = w.norm().item()
    expected = {
        r1: (norm**2 / 2, w),
        r2: (norm**2 / 2, w),
        gradient_penalty: ((norm - 1) ** 2, 2 * (norm - 1) * w / norm),
    }
    for penalty, (value, slope) in expected.items():
        weight = w.clone().requires_grad_()
        found = penalty(linear(weight), *on[penalty])
        found.backward()
        assert found.item() == pytest.approx(value)
        assert torch.allclose(weight.grad, slope)


@pytest.mark.parametrize("penalty", ["r1", "r2", "gradient_penalty"])
def test_slopes_by_the_weights_are_finite_differences(penalty):
    """On a curved network: the gradient passes through D's own gradient."""
    torch.manual_seed(1)
    term = PENALTIES[penalty].value
    network = nn.Sequential(nn.Linear(3, 4), nn.Softplus(), nn.Linear(4, 1)).double()
    value = lambda: term(lambda x: network(x)[:, 0], REAL, FAKE, MIX)  # noqa: E731
    value().backward()
    h = 1e-6
    for p in network.parameters():
        if p.grad is None:
            assert p is network[2].bias  # a constant has no slope in x
            continue
        flat = p.detach().view(-1)
        for i in range(len(flat)):
            kept = flat[i].item()
            flat[i] = kept + h
            up = value().item()
            flat[i] = kept - h
            down = value().item()
            flat[i] = kept
            assert p.grad.view(-1)[i].item() == pytest.approx((up - down) / (2 * h), abs=1e-7)


@pytest.mark.parametrize(("penalty", "at"), [("r1", 0), ("r2", 1)])
def test_r1_looks_at_the_real_and_r2_at_the_fakes(penalty, at):
    matrix, term = torch.eye(3, dtype=torch.float64), PENALTIES[penalty].value
    examples = [REAL, FAKE]
    before = term(quadratic(matrix), *examples, MIX).item()
    examples[1 - at] = examples[1 - at] + 5
    assert term(quadratic(matrix), *examples, MIX).item() == before
    examples[at] = examples[at] + 5
    assert term(quadratic(matrix), *examples, MIX).item() != before


def test_the_terms_of_the_update_are_the_functions():
    d = quadratic(torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)))
    for name, alone in (
        ("r1", r1(d, REAL)),
        ("r2", r2(d, FAKE)),
        ("gradient_penalty", gradient_penalty(d, REAL, FAKE, MIX)),
    ):
        assert torch.equal(PENALTIES[name].value(d, REAL, FAKE, MIX), alone)


def test_a_mix_is_drawn_if_none_is_given():
    d = quadratic(torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)))
    torch.manual_seed(5)
    found = gradient_penalty(d, REAL, FAKE)
    torch.manual_seed(5)
    assert torch.equal(found, gradient_penalty(d, REAL, FAKE, torch.rand(5, dtype=torch.float64)))


def test_a_network_with_a_column_of_logits_will_do():
    network = nn.Linear(3, 1).double()
    expected = network.weight.square().sum() / 2
    assert torch.allclose(r1(network, REAL), expected)


def test_what_does_not_fit_is_one_line():
    d = quadratic(torch.eye(3, dtype=torch.float64))
    with pytest.raises(ConfigError, match="floating-point"):
        r1(d, torch.zeros(2, 3, dtype=torch.uint8))
    with pytest.raises(ConfigError, match="do not match"):
        gradient_penalty(d, REAL, FAKE[:4])
    with pytest.raises(ConfigError, match="do not match"):
        gradient_penalty(d, REAL, FAKE, MIX[:4])


def test_spectral_norm_of_one_layer_is_that_layer():
    layer = nn.Linear(4, 4)
    assert spectral_norm(layer) is layer
    for _ in range(60):
        layer(torch.zeros(1, 4))
    assert float(torch.linalg.matrix_norm(layer.eval().weight.detach(), 2)) == pytest.approx(1)
