"""Schedules against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from gankit.settings.config import OptimizerConfig
from gankit.training.optimizers import build_optimizer, learning_rate, set_pace


def test_rates():
    rate = lambda step, **settings: learning_rate(OptimizerConfig(lr=0.1, **settings), step, 100)  # noqa: E731
    assert rate(70) == 0.1
    linear = {"schedule": "linear", "decay_from": 0.4}
    assert [rate(s, **linear) for s in (0, 40, 70, 100)] == pytest.approx([0.1, 0.1, 0.05, 0.0])
    cosine = {"schedule": "cosine", "decay_from": 0.2}
    assert rate(40, **cosine) == pytest.approx(0.1 * (1 + math.cos(math.pi / 4)) / 2)
    paper = {"schedule": "exponential", "decay_rate": 1.000004}
    assert rate(1000, **paper) == pytest.approx(0.1 / 1.000004**1000)
    assert rate(10**9, **paper) == 1e-6


def test_momentum_grows_over_the_run():
    config = OptimizerConfig(name="sgd", momentum=0.5, momentum_end=0.7)
    optimizer = build_optimizer(config, [torch.nn.Parameter(torch.ones(1))], torch.device("cpu"))
    for step, expected in ((0, 0.5), (50, 0.6), (100, 0.7)):
        set_pace(optimizer, config, step, 100)
        assert optimizer.param_groups[0]["momentum"] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_steps_are_torchs_own(name):
    config = OptimizerConfig(name=name, lr=0.1, beta1=0.5, beta2=0.9)
    ours, theirs = (torch.nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2))
    optimizers = [
        build_optimizer(config, [ours], torch.device("cpu")),
        torch.optim.Adam([theirs], 0.1, betas=(0.5, 0.9))
        if name == "adam"
        else torch.optim.SGD([theirs], 0.1, momentum=0.5),
    ]
    for _ in range(5):
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            (parameter**3).sum().backward()
            optimizer.step()
    assert torch.allclose(ours, theirs)


def bilinear(name):
    """How far from the equilibrium of min_x max_y x y, from (1, 1), both moving at once."""
    config = OptimizerConfig(name=name, lr=0.02, beta1=0.0, beta2=0.99)
    x, y = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    optimizers = [build_optimizer(config, [p], torch.device("cpu")) for p in (x, y)]
    for _ in range(3000):
        x.grad, y.grad = y.detach().clone(), -x.detach().clone()
        for optimizer in optimizers:
            optimizer.step()
    return math.hypot(float(x.detach()), float(y.detach()))


@pytest.mark.learning
def test_optimistic_adam_reaches_the_equilibrium_that_adam_circles():
    # Where they end: .050 and .569. Both begin at 1.41.
    assert bilinear("optimistic_adam") < 0.2
    assert bilinear("adam") > 0.4


def test_optimistic_adam_is_algorithm_1():
    """Of arXiv 1711.00141, in plain numbers."""
    config = OptimizerConfig(name="optimistic_adam", lr=0.1, beta1=0.5, beta2=0.9)
    w = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = build_optimizer(config, [w], torch.device("cpu"))
    value, m, v, last = 1.0, 0.0, 0.0, 0.0
    for step in range(1, 6):
        gradient = 3 * value**2
        w.grad = torch.tensor([3 * float(w.detach()) ** 2], dtype=torch.float64)
        optimizer.step()
        m, v = 0.5 * m + 0.5 * gradient, 0.9 * v + 0.1 * gradient**2
        direction = m / (1 - 0.5**step) / (math.sqrt(v / (1 - 0.9**step)) + 1e-8)
        value, last = value - 0.2 * direction + 0.1 * last, direction
        assert float(w.detach()) == pytest.approx(value, abs=1e-12)
