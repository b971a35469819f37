"""Each player's optimiser and its schedule, which is a function of the step and of its length."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from gankit.bibliography import DASKALAKIS_2017
from gankit.nn.uncompiled import unwrapped
from gankit.settings.config import Config, OptimizerConfig
from gankit.settings.schema import SettingError


def build_optimizer(
    config: OptimizerConfig, parameters: Iterable[nn.Parameter], device: torch.device
) -> Optimizer:
    """Build Adam or SGD, in the fused form if the device has one, or optimistic Adam."""
    fused = device.type in ("cpu", "cuda")
    if config.name == "sgd":
        return SGD(
            parameters,
            config.lr,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            fused=fused,
        )
    betas = (float(config.beta1), float(config.beta2))
    if config.name == "optimistic_adam":
        return OptimisticAdam(parameters, config.lr, betas, config.weight_decay, config.eps)
    return Adam(
        parameters,
        config.lr,
        betas=betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
        fused=fused,
    )


class _Uncompiled:
    """The methods of every optimiser of torch, which would load its compiler."""

    add_param_group = unwrapped(Optimizer.add_param_group)
    zero_grad = unwrapped(Optimizer.zero_grad)
    state_dict = unwrapped(Optimizer.state_dict)
    load_state_dict = unwrapped(Optimizer.load_state_dict)


class Adam(_Uncompiled, torch.optim.Adam):
    """torch's Adam, without its compiler."""

    step = torch.no_grad()(unwrapped(torch.optim.Adam.step))


class SGD(_Uncompiled, torch.optim.SGD):
    """torch's SGD, without its compiler."""

    step = torch.no_grad()(unwrapped(torch.optim.SGD.step))


class OptimisticAdam(_Uncompiled, Optimizer):
    """Adam that goes twice along this step's direction and once back along the last one's.

    w <- w - lr (2 u_t - u_{t-1}), u = m / (sqrt(v) + eps) with both bias-corrected
    (Daskalakis et al. 2018, arXiv 1711.00141, algorithm 1). In bilinear games, where
    gradient descent circles outwards, it converges.
    """

    papers = (DASKALAKIS_2017,)

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, settings)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["step"] = torch.zeros((), dtype=torch.float64)
                    for name in ("exp_avg", "exp_avg_sq", "last"):
                        state[name] = torch.zeros_like(weight)
                state["step"] += 1
                step = float(state["step"])
                mean, square, gradient = state["exp_avg"], state["exp_avg_sq"], weight.grad
                if group["weight_decay"]:
                    gradient = gradient.add(weight, alpha=group["weight_decay"])
                mean.lerp_(gradient, 1 - beta1)
                square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
                root = (square / (1 - beta2**step)).sqrt_().add_(group["eps"])
                direction = mean / (1 - beta1**step) / root
                weight.add_(direction, alpha=-2 * group["lr"]).add_(
                    state["last"], alpha=group["lr"]
                )
                state["last"].copy_(direction)


def set_pace(
    optimizer: Optimizer, config: OptimizerConfig, step: int, steps: int, pace: float = 1.0
) -> float:
    """Set the learning rate of `step`, out of `steps`, times `pace`; for SGD the momentum too.

    Returns the rate.
    """
    rate = pace * learning_rate(config, step, steps)
    for group in optimizer.param_groups:
        group["lr"] = rate
        if config.name == "sgd":
            group["momentum"] = momentum(config, step, steps)
    return rate


def learning_rate(config: OptimizerConfig, step: int, steps: int) -> float:
    """Return the learning rate at `step` (from 0) of a budget of `steps`."""
    if config.schedule == "exponential":
        # By logarithms, because the power overflows in a long run.
        decayed = config.lr * math.exp(-step * math.log(config.decay_rate))
        return max(decayed, min(config.lr_floor, config.lr))
    if config.schedule == "constant":
        return config.lr
    length = config.schedule_steps or steps
    start = config.decay_from * length
    gone = min(1.0, max(0.0, (step - start) / (length - start)))
    share = 1 - gone if config.schedule == "linear" else (1 + math.cos(math.pi * gone)) / 2
    return config.lr * share


def momentum(config: OptimizerConfig, step: int, steps: int) -> float:
    """Return the momentum of SGD at `step` (from 0) of a budget of `steps`."""
    length = config.schedule_steps or steps
    return config.momentum + (config.momentum_end - config.momentum) * min(step, length) / length


def check_length(config: Config, steps: int) -> None:
    """Raise SettingError if the rates of both players are 0 before a run of `steps` is over."""
    players = (config.generator_optimizer, config.discriminator_optimizer)
    ends = [p.schedule_steps for p in players if p.schedule in ("linear", "cosine")]
    given = [end for end in ends if end is not None]
    if len(given) == len(players) and max(given) < steps:
        raise SettingError(
            "training.steps",
            f"must be at most {max(given):,} here, where both learning rates reach 0, got "
            f"{steps:,}: lower the budget, or raise generator_optimizer.schedule_steps and "
            "discriminator_optimizer.schedule_steps",
        )
