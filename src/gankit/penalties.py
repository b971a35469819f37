"""Penalties on the discriminator: functions of any D and of examples.

D is any callable that maps examples [N, ...] to logits, one for each; bind labels beforehand. A
penalty is a scalar: add it, times a weight, to what D minimises.

>>> import torch
>>> weight = torch.tensor([3.0, 4.0])
>>> real, fake = torch.randn(8, 2), torch.randn(8, 2)
>>> r1(lambda x: x @ weight, real)  # 1/2 |weight|^2
tensor(12.5000)
>>> gradient_penalty(lambda x: x @ weight, real, fake)  # (|weight| - 1)^2
tensor(16.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gankit.bibliography import GULRAJANI_2017, KODALI_2017, MESCHEDER_2018, MIYATO_2018
from gankit.errors import ConfigError
from gankit.nn.layers import spectral
from gankit.registry import Registry

__all__ = [
    "PENALTIES",
    "Penalty",
    "dragan",
    "gradient_penalty",
    "r1",
    "r2",
    "spectral_norm",
    "squared_gradient",
]

Discriminate = Callable[[Tensor], Tensor]
PenaltyTerm = Callable[[Discriminate, Tensor, Tensor, Tensor], Tensor]
"""The function that an update calls with (D, real, fake, mix); it returns a scalar."""


@dataclass(frozen=True)
class Penalty:
    """A penalty by name, for `PENALTIES`.

    >>> zero = Penalty("zero", lambda d, real, fake, mix: d(real).mean() ** 2)
    >>> zero.value(lambda x: x.sum(1), torch.ones(4, 2), torch.zeros(4, 2), torch.rand(4))
    tensor(4.)

    Attributes:
        name: as it is chosen in a configuration.
        value: returns the term, a scalar, from D, real [N, ...], fake [N, ...] and mix [N] in
            [0, 1]; None: the penalty has no term.
        prepare: called once with the discriminator, before training.
        whole_batch: whether the mean over parts of a batch is not the penalty of the whole.
    """

    name: str
    value: PenaltyTerm | None
    prepare: Callable[[nn.Module], object] = lambda _network: None
    whole_batch: bool = False


PENALTIES: Registry[Penalty] = Registry("penalty")


def squared_gradient(discriminate: Discriminate, examples: Tensor) -> Tensor:
    """Return || dD(x)/dx ||^2 for each example [N, ...]: [N], differentiable by D's weights.

    >>> squared_gradient(lambda x: x.square().sum(1) / 2, torch.tensor([[3.0, 4.0]])).tolist()
    [25.0]

    Raises ConfigError if the examples are not floating-point.
    """
    if not examples.is_floating_point():
        raise ConfigError(f"a penalty takes floating-point examples, got {examples.dtype}")
    examples = examples.detach().requires_grad_()
    logits = discriminate(examples)
    (gradient,) = torch.autograd.grad(logits.sum(), examples, create_graph=True)
    return gradient.flatten(1).square().sum(1)


def r1(discriminate: Discriminate, real: Tensor) -> Tensor:
    """Return 1/2 E || grad D(x) ||^2 on real examples (Mescheder 2018, arXiv 1801.04406, eq. 9).

    >>> r1(lambda x: x.square().sum(1) / 2, torch.tensor([[3.0, 4.0]])).item()
    12.5

    Args:
        discriminate: D, from examples to logits, one for each.
        real: [N, ...], floating-point.

    Raises ConfigError if the examples are not floating-point.
    """
    return squared_gradient(discriminate, real).mean() / 2


def r2(discriminate: Discriminate, fake: Tensor) -> Tensor:
    """Return 1/2 E || grad D(G(z)) ||^2 on fakes (Mescheder 2018, arXiv 1801.04406, eq. 10).

    >>> r2(lambda x: x.square().sum(1) / 2, torch.tensor([[3.0, 4.0]])).item()
    12.5

    Args:
        discriminate: D, from examples to logits, one for each.
        fake: [N, ...], floating-point; the penalty gives G no gradient.

    Raises ConfigError if the examples are not floating-point.
    """
    return squared_gradient(discriminate, fake).mean() / 2


def gradient_penalty(
    discriminate: Discriminate, real: Tensor, fake: Tensor, mix: Tensor | None = None
) -> Tensor:
    """Return E (|| grad D(x^) || - 1)^2 between real and fake (WGAN-GP, arXiv 1704.00028, eq. 3).

    >>> real, fake = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)
    >>> gradient_penalty(lambda x: x.square().sum(1) / 2, real, fake, torch.ones(1)).item()
    16.0

    The paper multiplies it by 10 and takes five steps of D for each of G, with loss `wasserstein`
    and Adam 1e-4, betas 0 and .9. The settings' defaults are other ones; those two are
    `--penalty-weight 10 --k 5`.

    Args:
        discriminate: D, from examples to logits, one for each.
        real, fake: [N, ...] of one shape, floating-point.
        mix: [N] in [0, 1], the share of the real example in each point x^; None: uniform draws from
            torch's global generator.

    Raises ConfigError if shapes differ or the examples are not floating-point.
    """
    if mix is None:
        mix = torch.rand(len(real), dtype=real.dtype, device=real.device)
    if real.shape != fake.shape or mix.numel() != len(real):
        raise ConfigError(
            f"a gradient penalty mixes pairs: real {list(real.shape)}, fake {list(fake.shape)} and "
            f"mix {list(mix.shape)} do not match"
        )
    mix = mix.view(-1, *[1] * (real.dim() - 1))
    return _norm_one(discriminate, mix * real + (1 - mix) * fake)


def _norm_one(discriminate: Discriminate, examples: Tensor) -> Tensor:
    """Return E (|| grad D(x) || - 1)^2 on examples."""
    # The square root's slope is infinite at 0: a floor keeps the gradient finite there.
    norm = (squared_gradient(discriminate, examples) + 1e-12).sqrt()
    return (norm - 1).square().mean()


def dragan(
    discriminate: Discriminate,
    real: Tensor,
    mix: Tensor | None = None,
    noise: Tensor | None = None,
) -> Tensor:
    """Return E (|| grad D(x^) || - 1)^2 around real examples (DRAGAN, arXiv 1705.07215).

    x^ = x + mix * noise * std(x) / 2, as in the authors' code; the paper writes normal noise of a
    fixed size. Both multiply the penalty by 10: `--penalty-weight 10`.

    >>> real = torch.tensor([[3.0, 4.0]])
    >>> dragan(lambda x: x.square().sum(1) / 2, real, torch.zeros(1)).item()
    16.0

    Args:
        discriminate: D, from examples to logits, one for each.
        real: [N, ...], floating-point.
        mix: [N] in [0, 1], how far each x^ goes; None: uniform draws from torch's global generator.
        noise: as `real`; None: draws from U(0, 1) by the same generator.

    Raises ConfigError if the examples are not floating-point.
    """
    mix = torch.rand(len(real), dtype=real.dtype, device=real.device) if mix is None else mix
    noise = torch.rand_like(real) if noise is None else noise
    far = mix.view(-1, *[1] * (real.dim() - 1)) * noise
    return _norm_one(discriminate, real + far * real.std() / 2)


def spectral_norm(network: nn.Module) -> nn.Module:
    """Divide every weight matrix of D by its largest singular value (arXiv 1802.05957).

    Linear layers, convolutions and embeddings change in place, also if the module itself is one.
    The module is returned. Apply this once, before the optimiser is made.

    >>> d = spectral_norm(nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)))
    >>> d(torch.zeros(4, 2)).shape
    torch.Size([4, 1])
    """
    for module in list(network.modules()):
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)):
            spectral(module)
    return network


for _penalty, _summary, _paper in (
    (
        Penalty("r1", lambda d, real, _fake, _mix: r1(d, real)),
        "squared gradient of D on real examples (Mescheder 2018)",
        MESCHEDER_2018,
    ),
    (
        Penalty("r2", lambda d, _real, fake, _mix: r2(d, fake)),
        "squared gradient of D on fakes (Mescheder 2018)",
        MESCHEDER_2018,
    ),
    (
        Penalty("gradient_penalty", gradient_penalty),
        "gradient norm 1 between real and fake (WGAN-GP: with weight 10 and k = 5)",
        GULRAJANI_2017,
    ),
    (
        Penalty("dragan", lambda d, real, _fake, mix: dragan(d, real, mix), whole_batch=True),
        "gradient norm 1 around real examples (DRAGAN: with weight 10)",
        KODALI_2017,
    ),
    (
        Penalty("spectral_norm", None, prepare=spectral_norm),
        "every layer of D divided by its largest singular value (SNGAN)",
        MIYATO_2018,
    ),
):
    PENALTIES.register(_penalty.name, _summary)(_penalty)
    PENALTIES.cite(_penalty.name, _paper)
