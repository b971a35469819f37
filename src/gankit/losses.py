"""Adversarial losses: what D and G minimise, as functions of logits (high for real).

Each loss is two functions of `logits_real` and `logits_fake`, both [N], giving a scalar mean.
A `target` below 1 is one-sided label smoothing: what D is told of a real example.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from gankit.registry import Registry

Objective = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """Two objectives of (logits_real, logits_fake).

    `paired`: G's objective looks at logits_real too. `smoothable`: D has a target for real.
    `relative`: differences of logits count alone, so that the sign of one means nothing.
    """

    discriminator: Objective
    generator: Objective
    paired: bool = False
    smoothable: bool = False
    relative: bool = False


LOSSES: Registry[Callable[[float], Loss]] = Registry("loss")


def _cross_entropy_discriminator(logits_real: Tensor, logits_fake: Tensor, target: float) -> Tensor:
    """-E[t log D(x) + (1 - t) log(1 - D(x))] - E[log(1 - D(G(z)))], t = target."""
    real = F.softplus(-logits_real).mean()
    if target < 1:
        real = target * real + (1 - target) * F.softplus(logits_real).mean()
    return real + F.softplus(logits_fake).mean()


@LOSSES.register("minimax", "saturating: G minimises E[log(1 - D(G(z)))] (Goodfellow 2014, eq. 1)")
def minimax(target: float) -> Loss:
    """The two-player value function itself (arXiv 1406.2661, equation 1)."""
    return Loss(
        discriminator=partial(_cross_entropy_discriminator, target=target),
        generator=lambda _real, fake: -F.softplus(fake).mean(),
        smoothable=True,
    )


@LOSSES.register("non_saturating", "G maximises E[log D(G(z))] (Goodfellow 2014, section 3)")
def non_saturating(target: float) -> Loss:
    """The same fixed point with a gradient that does not vanish early (arXiv 1406.2661)."""
    return Loss(
        discriminator=partial(_cross_entropy_discriminator, target=target),
        generator=lambda _real, fake: F.softplus(-fake).mean(),
        smoothable=True,
    )


@LOSSES.register("least_squares", "targets 1 for real, 0 for fake (LSGAN, Mao 2017)")
def least_squares(target: float) -> Loss:
    """a = 0, b = c = 1, on the raw output (arXiv 1611.04076, equation 9)."""
    return Loss(
        discriminator=lambda real, fake: ((real - target) ** 2).mean() / 2 + (fake**2).mean() / 2,
        generator=lambda _real, fake: ((fake - 1) ** 2).mean() / 2,
        smoothable=True,
    )


@LOSSES.register(
    "wasserstein", "critic difference; wants a Lipschitz penalty (WGAN, Arjovsky 2017)"
)
def wasserstein(_target: float) -> Loss:
    """E[D(G(z))] - E[D(x)] (arXiv 1701.07875, equation 2)."""
    return Loss(
        discriminator=lambda real, fake: fake.mean() - real.mean(),
        generator=lambda _real, fake: -fake.mean(),
        relative=True,
    )


@LOSSES.register("hinge", "margins at -1 and 1 for D (Lim & Ye 2017, SNGAN, BigGAN)")
def hinge(_target: float) -> Loss:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]; G: -E[D(G(z))] (arXiv 1705.02894)."""
    return Loss(
        discriminator=lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
        generator=lambda _real, fake: -fake.mean(),
    )


@LOSSES.register(
    "relativistic", "pairs: is this real more real than this fake? (RpGAN; R3GAN 2024)"
)
def relativistic(_target: float) -> Loss:
    """E[softplus(D(G(z)) - D(x))] for D, the opposite for G (arXiv 1807.00734, 2501.05441)."""
    return Loss(
        discriminator=lambda real, fake: F.softplus(fake - real).mean(),
        generator=lambda real, fake: F.softplus(real - fake).mean(),
        paired=True,
        relative=True,
    )
