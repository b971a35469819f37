"""Each player's optimiser and its schedule, which is a function of the step alone."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer

from gankit.config import OptimizerConfig


def build_optimizer(
    config: OptimizerConfig, parameters: Iterable[nn.Parameter], device: torch.device
) -> Optimizer:
    """Adam or SGD, in the fused form where the device has one."""
    fused = device.type in ("cpu", "cuda")
    if config.name == "sgd":
        return torch.optim.SGD(parameters, config.lr, momentum=config.momentum, fused=fused)
    betas = (float(config.beta1), float(config.beta2))
    return torch.optim.Adam(parameters, config.lr, betas=betas, fused=fused)


def set_pace(
    optimizer: Optimizer, config: OptimizerConfig, step: int, steps: int, pace: float = 1.0
) -> float:
    """Give the optimiser the rate, times `pace`, of `step`, of `steps` in all (and SGD its
    momentum); the rate."""
    rate = pace * learning_rate(config, step, steps)
    for group in optimizer.param_groups:
        group["lr"] = rate
        if config.name == "sgd":
            group["momentum"] = (
                config.momentum + (config.momentum_end - config.momentum) * step / steps
            )
    return rate


def learning_rate(config: OptimizerConfig, step: int, steps: int) -> float:
    """The rate at `step` (from 0) of a budget of `steps`."""
    if config.schedule == "exponential":
        # In logarithms: a long run's power overflows.
        decayed = config.lr * math.exp(-step * math.log(config.decay_rate))
        return max(decayed, min(config.lr_floor, config.lr))
    if config.schedule == "constant":
        return config.lr
    start = config.decay_from * steps
    gone = max(0.0, (step - start) / (steps - start))
    share = 1 - gone if config.schedule == "linear" else (1 + math.cos(math.pi * gone)) / 2
    return config.lr * share
