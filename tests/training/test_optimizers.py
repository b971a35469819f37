"""Schedules against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from gankit.config import OptimizerConfig
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
