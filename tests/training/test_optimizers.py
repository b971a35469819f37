"""Schedules against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from gankit.settings.config import Config, OptimizerConfig
from gankit.settings.schema import SettingError
from gankit.training.optimizers import (
    build_optimizer,
    check_length,
    learning_rate,
    momentum,
    set_pace,
)


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


LINEAR, COSINE = {"schedule": "linear"}, {"schedule": "cosine", "decay_from": 0.2}
GROWING = {"name": "sgd", "momentum": 0.5, "momentum_end": 0.9}


@pytest.mark.parametrize(
    ("settings", "follows_the_budget"),
    [
        ({"schedule": "constant"}, False),
        ({"schedule": "exponential", "decay_rate": 1.01}, False),
        (LINEAR, True),
        (LINEAR | {"schedule_steps": 50}, False),
        (COSINE, True),
        (COSINE | {"schedule_steps": 50}, False),
        (GROWING, True),
        (GROWING | {"schedule_steps": 50}, False),
        (GROWING | LINEAR | {"schedule_steps": 50}, False),
    ],
)
def test_which_schedules_follow_the_budget(settings, follows_the_budget):
    config = OptimizerConfig(**settings)
    shorter, longer = (
        [(learning_rate(config, s, steps), momentum(config, s, steps)) for s in range(40)]
        for steps in (40, 400)
    )
    assert (shorter != longer) == follows_the_budget


def test_a_schedule_with_a_length_ends_there_and_stays():
    config = OptimizerConfig(schedule="linear", decay_from=0.5, schedule_steps=100, **GROWING)
    assert [learning_rate(config, s, 1000) / config.lr for s in (50, 75, 100, 900)] == [
        1, 0.5, 0, 0,
    ]  # fmt: skip
    assert [momentum(config, s, 1000) for s in (0, 50, 100, 900)] == pytest.approx(
        [0.5, 0.7, 0.9, 0.9]
    )


def test_steps_that_would_move_nobody_are_refused():
    ending = OptimizerConfig(schedule="cosine", schedule_steps=100)
    both = Config(generator_optimizer=ending, discriminator_optimizer=ending)
    check_length(both, 100)
    with pytest.raises(SettingError, match=r"at most 100 here, .* reach 0, got 101: lower"):
        check_length(both, 101)
    check_length(Config(generator_optimizer=ending), 101)  # D goes on
    growing = OptimizerConfig(schedule_steps=100, **GROWING)  # its rate stays
    check_length(Config(generator_optimizer=growing, discriminator_optimizer=growing), 101)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_steps_are_torchs_own(name, decay):
    config = OptimizerConfig(name=name, lr=0.1, beta1=0.5, beta2=0.9, weight_decay=decay)
    ours, theirs = (torch.nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2))
    optimizers = [
        build_optimizer(config, [ours], torch.device("cpu")),
        torch.optim.Adam([theirs], 0.1, betas=(0.5, 0.9), weight_decay=decay)
        if name == "adam"
        else torch.optim.SGD([theirs], 0.1, momentum=0.5, weight_decay=decay),
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


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_optimistic_adam_is_algorithm_1(decay):
    """Of arXiv 1711.00141, in plain numbers."""
    config = OptimizerConfig(
        name="optimistic_adam", lr=0.1, beta1=0.5, beta2=0.9, weight_decay=decay
    )
    w = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = build_optimizer(config, [w], torch.device("cpu"))
    value, m, v, last = 1.0, 0.0, 0.0, 0.0
    for step in range(1, 6):
        gradient = 3 * value**2 + decay * value
        w.grad = torch.tensor([3 * float(w.detach()) ** 2], dtype=torch.float64)
        optimizer.step()
        m, v = 0.5 * m + 0.5 * gradient, 0.9 * v + 0.1 * gradient**2
        direction = m / (1 - 0.5**step) / (math.sqrt(v / (1 - 0.9**step)) + 1e-8)
        value, last = value - 0.2 * direction + 0.1 * last, direction
        assert float(w.detach()) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("name", ["adam", "optimistic_adam"])
def test_eps_makes_steps_on_small_gradients_small(name):
    """Adam's first step is lr g / (|g| + eps); optimistic Adam's is twice as long."""
    for gradient in (1.0, 1e-3):
        weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
        config = OptimizerConfig(name=name, lr=0.1, eps=1e-3)
        optimizer = build_optimizer(config, [weight], torch.device("cpu"))
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
        step = 0.1 * gradient / (gradient + 1e-3) * (2 if name == "optimistic_adam" else 1)
        assert weight.item() == pytest.approx(-step, rel=1e-6)
