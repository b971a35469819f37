"""Penalties on the discriminator: each a function of a network and tensors.

`discriminate` maps examples [N, ...] to logits [N] (labels are bound already). A penalty
returns a scalar whose gradient with respect to D's weights is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from gankit.registry import Registry

Discriminate = Callable[[Tensor], Tensor]
PenaltyFunction = Callable[[Discriminate, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Penalty:
    """A named penalty: `value(discriminate, real, fake, mix)` during training (None: it has no
    term), and `prepare(discriminator)` once, before training."""

    name: str
    value: PenaltyFunction | None
    prepare: Callable[[nn.Module], None] = lambda _network: None


PENALTIES: Registry[Penalty] = Registry("penalty")


def squared_gradient(discriminate: Discriminate, examples: Tensor) -> Tensor:
    """|| dD(x)/dx ||^2 for each example, [N], differentiable by D's weights."""
    examples = examples.detach().requires_grad_()
    logits = discriminate(examples)
    (gradient,) = torch.autograd.grad(logits.sum(), examples, create_graph=True)
    return gradient.flatten(1).square().sum(1)


def r1(discriminate: Discriminate, real: Tensor, _fake: Tensor, _mix: Tensor) -> Tensor:
    """1/2 E || grad D(x) ||^2 on real examples (Mescheder 2018, arXiv 1801.04406, eq. 9)."""
    return squared_gradient(discriminate, real).mean() / 2


def r2(discriminate: Discriminate, _real: Tensor, fake: Tensor, _mix: Tensor) -> Tensor:
    """1/2 E || grad D(G(z)) ||^2 on fakes (Mescheder 2018, arXiv 1801.04406, eq. 10)."""
    return squared_gradient(discriminate, fake).mean() / 2


def gradient_penalty(discriminate: Discriminate, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """E (|| grad D(x^) || - 1)^2 between real and fake (WGAN-GP, arXiv 1704.00028, eq. 3)."""
    mix = mix.view(-1, *[1] * (real.dim() - 1))
    between = mix * real + (1 - mix) * fake
    # The square root's slope is infinite at 0: a floor keeps the gradient finite there.
    norm = (squared_gradient(discriminate, between) + 1e-12).sqrt()
    return (norm - 1).square().mean()


def spectral_norm(network: nn.Module) -> None:
    """Divide every weight matrix of D by its largest singular value (arXiv 1802.05957)."""
    for module in list(network.modules()):
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)):
            parametrizations.spectral_norm(module)


for _penalty, _summary in (
    (Penalty("r1", r1), "squared gradient of D on real examples (Mescheder 2018)"),
    (Penalty("r2", r2), "squared gradient of D on fakes (Mescheder 2018)"),
    (
        Penalty("gradient_penalty", gradient_penalty),
        "gradient norm 1 between real and fake (WGAN-GP)",
    ),
    (
        Penalty("spectral_norm", None, prepare=spectral_norm),
        "every layer of D divided by its largest singular value (SNGAN)",
    ),
):
    PENALTIES.register(_penalty.name, _summary)(_penalty)
