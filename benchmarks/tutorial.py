"""PyTorch's DCGAN tutorial, written its way: the networks, the start, the loop's step.

Peers of gankit in `training_step.py` and `time_to_quality.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

Step = Callable[[Tensor], object]
NOISE, KERNEL = 100, 4


def tutorial_networks(
    side: int, channels: int, width: int, stages: int, norm: bool
) -> tuple[nn.Module, nn.Module]:
    """The tutorial's generator and discriminator, for this side, in its own layers."""
    widths = [width * 2**i for i in range(stages)]
    up = widths[::-1]
    core = side // 2**stages
    g: list[nn.Module] = [nn.ConvTranspose2d(NOISE, up[0], core, 1, 0, bias=False)]
    for a, b in pairwise(up):
        g += [nn.BatchNorm2d(a), nn.ReLU(True), nn.ConvTranspose2d(a, b, KERNEL, 2, 1, bias=False)]
    g += [nn.BatchNorm2d(up[-1]), nn.ReLU(True)]
    g += [nn.ConvTranspose2d(up[-1], channels, KERNEL, 2, 1, bias=False), nn.Tanh()]
    d: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise([channels, *widths])):
        d += [nn.Conv2d(a, b, KERNEL, 2, 1, bias=False)]
        d += [nn.BatchNorm2d(b)] if norm and i else []
        d += [nn.LeakyReLU(0.2, inplace=True)]
    d += [nn.Conv2d(widths[-1], 1, core, 1, 0, bias=False), nn.Sigmoid()]
    return nn.Sequential(*g), nn.Sequential(*d)


def tutorial_step(networks: tuple[nn.Module, nn.Module]) -> Step:
    """One iteration of the tutorial's loop, of a batch in [-1, 1]."""
    generator, discriminator = networks
    loss = nn.BCELoss()
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def step(real: Tensor) -> None:
        count = len(real)
        discriminator.zero_grad()
        label = torch.full((count,), 1.0)
        output = discriminator(real).view(-1)
        error_real = loss(output, label)
        error_real.backward()
        d_x = output.mean().item()
        fake = generator(torch.randn(count, NOISE, 1, 1))
        label.fill_(0.0)
        output = discriminator(fake.detach()).view(-1)
        error_fake = loss(output, label)
        error_fake.backward()
        d_g_1 = output.mean().item()
        optimizer_d.step()

        generator.zero_grad()
        label.fill_(1.0)
        output = discriminator(fake).view(-1)
        error_g = loss(output, label)
        error_g.backward()
        d_g_2 = output.mean().item()
        optimizer_g.step()
        assert np.isfinite([d_x, d_g_1, d_g_2]).all()

    return step


def begin(layer: nn.Module) -> None:
    """Draw a layer's starting weights, as the tutorial does: `network.apply(begin)`."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)
