"""Adversarial losses: what D and G minimise, as functions of logits (high for real).

Each loss is a pair of functions of `logits_real` and `logits_fake`, both [N] or [N, 1], that return
a scalar mean. A loss can be called itself; it then returns both:

>>> import torch
>>> real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 1.0])
>>> hinge.discriminator(real, fake)
tensor(1.2500)
>>> hinge.generator(real, fake)
tensor(1.)
>>> d_loss, g_loss = hinge(real, fake)

A `target` below 1 is one-sided label smoothing (arXiv 1606.03498, section 3.4): it is the value
that D is to give a real example.

>>> non_saturating.discriminator(real, fake, target=0.9)
tensor(1.1064)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor

from gankit.bibliography import (
    ARJOVSKY_2017,
    GOODFELLOW_2014,
    JOLICOEUR_2018,
    LIM_2017,
    MAO_2016,
    SALIMANS_2016,
    YU_2021,
)
from gankit.errors import ConfigError
from gankit.registry import Registry

__all__ = [
    "LOSSES",
    "Loss",
    "dual_contrastive",
    "hinge",
    "least_squares",
    "minimax",
    "non_saturating",
    "relativistic",
    "wasserstein",
]

SMOOTHING = (SALIMANS_2016,)
"""The papers of one-sided label smoothing."""

Objective = Callable[[Tensor, Tensor], Tensor]


class SmoothedObjective(Protocol):
    """An objective of (logits_real, logits_fake) that takes a target for real examples."""

    def __call__(
        self, logits_real: Tensor, logits_fake: Tensor, *, target: float = 1.0
    ) -> Tensor: ...


@dataclass(frozen=True)
class Loss:
    """A loss: two objectives of (logits_real, logits_fake), D's and G's.

    >>> import torch
    >>> d_loss, g_loss = least_squares(torch.tensor([1.0]), torch.tensor([0.0]))
    >>> d_loss, g_loss
    (tensor(0.), tensor(0.5000))

    Attributes:
        name: as it is chosen in a configuration.
        discriminator: what D minimises; takes `target`, in (0.5, 1], if the loss is smoothable.
        generator: what G minimises. Detach logits_real first if no gradient is to reach D by them.
        paired: whether G's objective looks at logits_real too.
        smoothable: whether D has a target for real examples.
        relative: whether only differences of logits count, so that one logit's sign means nothing.
        whole_batch: whether a sample is compared with the whole batch, so that the mean over parts
            of a batch is not that of the whole.
    """

    name: str
    discriminator: SmoothedObjective
    generator: Objective
    paired: bool = False
    smoothable: bool = False
    relative: bool = False
    whole_batch: bool = False

    def __call__(
        self, logits_real: Tensor, logits_fake: Tensor, *, target: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Return what D minimises and what G minimises, two scalars.

        Raises ConfigError if `target` does not suit the loss, or if a paired loss is given logits
        of two shapes.
        """
        smoothing = {} if target == 1 else {"target": target}
        d_loss = self.discriminator(logits_real, logits_fake, **smoothing)
        return d_loss, self.generator(logits_real, logits_fake)

    def smoothed(self, target: float) -> Loss:
        """Return this loss with another default target, in (0.5, 1]; 1 returns the loss itself."""
        if target == 1:
            return self
        return replace(self, discriminator=partial(self.discriminator, target=target))

    def __repr__(self) -> str:
        return f"<gankit.losses.{self.name}>"


LOSSES: Registry[Loss] = Registry("loss")


def _check_target(target: float) -> None:
    if not 0.5 < target <= 1:
        raise ConfigError(f"a target for real examples must be in (0.5, 1], got {target}")


def _refuse_target(loss: str, target: float) -> None:
    if target != 1:
        raise ConfigError(f"loss '{loss}' has no target to smooth, got {target}")


def _cross_entropy_discriminator(
    logits_real: Tensor, logits_fake: Tensor, *, target: float = 1.0
) -> Tensor:
    """Return -E[t log D(x) + (1 - t) log(1 - D(x))] - E[log(1 - D(G(z)))], t = target."""
    _check_target(target)
    real = F.softplus(-logits_real).mean()
    if target < 1:
        real = target * real + (1 - target) * F.softplus(logits_real).mean()
    return real + F.softplus(logits_fake).mean()


def _minimax_generator(_logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Return E[log(1 - D(G(z)))]."""
    return -F.softplus(logits_fake).mean()


def _non_saturating_generator(_logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Return -E[log D(G(z))]."""
    return F.softplus(-logits_fake).mean()


def _least_squares_discriminator(
    logits_real: Tensor, logits_fake: Tensor, *, target: float = 1.0
) -> Tensor:
    """Return 1/2 E[(D(x) - t)^2] + 1/2 E[D(G(z))^2], t = target."""
    _check_target(target)
    return ((logits_real - target) ** 2).mean() / 2 + (logits_fake**2).mean() / 2


def _least_squares_generator(_logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Return 1/2 E[(D(G(z)) - 1)^2]."""
    return ((logits_fake - 1) ** 2).mean() / 2


def _wasserstein_discriminator(
    logits_real: Tensor, logits_fake: Tensor, *, target: float = 1.0
) -> Tensor:
    """Return E[D(G(z))] - E[D(x)]."""
    _refuse_target("wasserstein", target)
    return logits_fake.mean() - logits_real.mean()


def _raise_logits(_logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Return -E[D(G(z))]."""
    return -logits_fake.mean()


def _hinge_discriminator(
    logits_real: Tensor, logits_fake: Tensor, *, target: float = 1.0
) -> Tensor:
    """Return E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]."""
    _refuse_target("hinge", target)
    return F.relu(1 - logits_real).mean() + F.relu(1 + logits_fake).mean()


def _relativistic_discriminator(
    logits_real: Tensor, logits_fake: Tensor, *, target: float = 1.0
) -> Tensor:
    """Return E[softplus(D(G(z)) - D(x))]."""
    _refuse_target("relativistic", target)
    _check_pairs(logits_real, logits_fake)
    return F.softplus(logits_fake - logits_real).mean()


def _relativistic_generator(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Return E[softplus(D(x) - D(G(z)))]."""
    _check_pairs(logits_real, logits_fake)
    return F.softplus(logits_real - logits_fake).mean()


def _tell_apart(logits: Tensor, others: Tensor) -> Tensor:
    """Return the mean cross-entropy of finding each of `logits` [N] among itself and all `others`.

    That is E[log(1 + sum over others of exp(other - logit))].
    """
    return F.softplus(others.flatten().logsumexp(0) - logits).mean()


def _dual_contrastive_discriminator(
    logits_real: Tensor, logits_fake: Tensor, *, target: float = 1.0
) -> Tensor:
    """Return E[log(1 + sum_j exp(D(G(z_j)) - D(x)))] + E[log(1 + sum_i exp(D(G(z)) - D(x_i)))]."""
    _refuse_target("dual_contrastive", target)
    return _tell_apart(logits_real, logits_fake) + _tell_apart(-logits_fake, -logits_real)


def _dual_contrastive_generator(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Return D's objective with real and fake exchanged."""
    return _tell_apart(logits_fake, logits_real) + _tell_apart(-logits_real, -logits_fake)


def _check_pairs(logits_real: Tensor, logits_fake: Tensor) -> None:
    """Raise ConfigError if the shapes differ: torch would broadcast them to all pairs."""
    if logits_real.shape != logits_fake.shape:
        shapes = [list(logits.shape) for logits in (logits_real, logits_fake)]
        raise ConfigError(
            f"loss 'relativistic' compares pairs: logits_real {shapes[0]} and logits_fake "
            f"{shapes[1]} must have one shape"
        )


minimax = Loss("minimax", _cross_entropy_discriminator, _minimax_generator, smoothable=True)
"""The loss of the two-player value function itself (arXiv 1406.2661, equation 1)."""

non_saturating = Loss(
    "non_saturating", _cross_entropy_discriminator, _non_saturating_generator, smoothable=True
)
"""The loss with minimax's fixed point, but a gradient that does not vanish early (arXiv
1406.2661)."""

least_squares = Loss(
    "least_squares", _least_squares_discriminator, _least_squares_generator, smoothable=True
)
"""Least squares of the raw output, with a = 0 and b = c = 1 (arXiv 1611.04076, equation 9)."""

wasserstein = Loss("wasserstein", _wasserstein_discriminator, _raise_logits, relative=True)
"""The difference of the critic's means; a penalty must keep D Lipschitz (arXiv 1701.07875, eq.
2)."""

hinge = Loss("hinge", _hinge_discriminator, _raise_logits)
"""Margins at -1 and 1 for D; G raises its logits (arXiv 1705.02894)."""

relativistic = Loss(
    "relativistic",
    _relativistic_discriminator,
    _relativistic_generator,
    paired=True,
    relative=True,
)
"""Pairs: D tells whether a real example is more real than a fake (arXiv 1807.00734, 2501.05441)."""

dual_contrastive = Loss(
    "dual_contrastive",
    _dual_contrastive_discriminator,
    _dual_contrastive_generator,
    paired=True,
    relative=True,
    whole_batch=True,
)
"""D finds each real example among all fakes of the batch, and each fake among all real ones (arXiv
2103.16748). It is `relativistic` against the whole batch in place of one partner; G's objective is
D's with the roles exchanged, and not minus D's, whose gradient vanishes where D is right."""

for _loss, _summary, _paper in (
    (
        minimax,
        "saturating: G minimises E[log(1 - D(G(z)))] (Goodfellow 2014, eq. 1)",
        GOODFELLOW_2014,
    ),
    (
        non_saturating,
        "G maximises E[log D(G(z))] (Goodfellow 2014, section 3)",
        GOODFELLOW_2014,
    ),
    (least_squares, "targets 1 for real, 0 for fake (LSGAN, Mao 2017)", MAO_2016),
    (
        wasserstein,
        "critic difference; wants a Lipschitz penalty (WGAN, Arjovsky 2017)",
        ARJOVSKY_2017,
    ),
    (hinge, "margins at -1 and 1 for D (Lim & Ye 2017, SNGAN, BigGAN)", LIM_2017),
    (
        relativistic,
        "pairs: is this real more real than this fake? (RpGAN; R3GAN 2024)",
        JOLICOEUR_2018,
    ),
    (
        dual_contrastive,
        "each real against all fakes of the batch, each fake against all real (Yu 2021)",
        YU_2021,
    ),
):
    LOSSES.register(_loss.name, _summary)(_loss)
    LOSSES.cite(_loss.name, _paper)
