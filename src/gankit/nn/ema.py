"""The averaged generator: an exponential moving average of weights and buffers.

Samples are drawn from it: the latest weights of a game circle the equilibrium, and their mean is
nearer to it (arXiv 1806.04498). Buffers such as batch statistics are averaged too: without them
averaged weights would be paired with another network's statistics.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn


class Average:
    """A copy of `network` in eval mode that follows it: a <- d a + (1 - d) w after each step.

    Attributes:
        forgets: whether the first weights are forgotten early on, since they are untrained.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = deepcopy(network).eval().requires_grad_(False)
        self.decay, self.forgets = decay, True
        self._average = floats(self.network)
        self._followed = floats(network)
        self._counts = [
            pair
            for pair in zip(self.network.buffers(), network.buffers(), strict=True)
            if not pair[0].is_floating_point()
        ]

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move towards the followed network, after step number `step` (from 0).

        Early on the decay is (1 + step) / (10 + step), so that the first weights are forgotten.
        """
        early = (1 + step) / (10 + step) if self.forgets else 1.0
        decay = min(self.decay, early) if self.decay else 0.0
        torch._foreach_lerp_(self._average, self._followed, 1 - decay)
        for mine, theirs in self._counts:
            mine.copy_(theirs)


def floats(network: nn.Module) -> list[Tensor]:
    """Return the tensors that are averaged: weights and floating-point buffers, without copies.

    Buffers of whole numbers, such as counts, are left out.
    """
    tensors = [*network.parameters(), *network.buffers()]
    return [t.detach() for t in tensors if t.is_floating_point()]
