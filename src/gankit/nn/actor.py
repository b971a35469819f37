"""Networks that act: a policy with its value function, a judge of moves, and what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn


class Standardise(nn.Module):
    """Numbers [N, D] less their mean, over their standard deviation, held within 10.

    Mean and variance are buffers, and only `update` moves them.
    """

    LIMIT = 10.0
    REMEMBERED = 1e6  # numbers; so float32 counts exactly, and early ones are forgotten

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))
        self.register_buffer("count", torch.zeros(()))

    @torch.no_grad()
    def update(self, numbers: Tensor) -> None:
        """Take numbers [N, D] into the mean and the variance."""
        total = self.count + len(numbers)
        ahead = numbers.mean(0) - self.mean
        share = len(numbers) / total
        spread = torch.lerp(self.variance, numbers.var(0, correction=0), share)
        self.variance.copy_(spread + ahead.square() * share * (1 - share))
        self.mean.add_(ahead * share)
        self.count.copy_(total.clamp_max(self.REMEMBERED))

    def forward(self, numbers: Tensor) -> Tensor:
        scaled = (numbers - self.mean) * (self.variance + 1e-8).rsqrt()
        return scaled.clamp(-self.LIMIT, self.LIMIT)


def tanh_layers(sizes: Sequence[int]) -> nn.Sequential:
    """Return dense layers of these sizes, from input to output, with tanh between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


class Actor(nn.Module):
    """A policy and its value function: observations [N, O] -> [N, said + 1].

    The last column is the value. The others are the logits of the choices, or the mean of each
    number of an action and then the logarithm of its standard deviation, the same everywhere.
    """

    def __init__(self, observations: int, moves: int, hidden: Sequence[int], discrete: bool):
        super().__init__()
        self.seen = Standardise(observations)
        self.policy = tanh_layers([observations, *hidden, moves])
        self.value = tanh_layers([observations, *hidden, 1])
        self.spread = None if discrete else nn.Parameter(torch.zeros(moves))
        with torch.no_grad():  # it begins by trying everything
            last = self.policy[-1]
            assert isinstance(last, nn.Linear)
            last.weight.mul_(0.01)
            last.bias.zero_()

    def forward(self, observations: Tensor, labels: Tensor | None = None) -> Tensor:
        seen = self.seen(observations)
        said = [self.policy(seen)]
        if self.spread is not None:
            said.append(self.spread.expand(len(seen), -1))
        return torch.cat([*said, self.value(seen)], 1)


class Judge(nn.Module):
    """A discriminator of moments [N, 1, O + moves] -> logits [N], high for the expert's.

    What else a moment may hold is not looked at.
    """

    limits: Tensor

    def __init__(
        self, observations: int, low: Sequence[float], high: Sequence[float], hidden: Sequence[int]
    ) -> None:
        """Take actions within `low` and `high`, which it sees as numbers in -1 to 1."""
        super().__init__()
        self.seen = Standardise(observations)
        limits = torch.tensor([low, high], dtype=torch.get_default_dtype())
        self.register_buffer("limits", limits)
        self.layers = tanh_layers([observations + len(low), *hidden, 1])

    def forward(self, moments: Tensor, labels: Tensor | None = None) -> Tensor:
        low, high = self.limits
        size = len(self.seen.mean)
        seen, done = moments[:, 0, : size + len(low)].tensor_split([size], 1)
        done = (2 * done - low - high) / (high - low)
        logits: Tensor = self.layers(torch.cat([self.seen(seen), done], 1))[:, 0]
        return logits


class Rewarder(nn.Module):
    """What transitions [N, 1, O + moves + O + 1] are worth to an expert, f [N].

    f = g(s) + gamma h(s') - h(s), for s seen now and s' seen next; h is 0 where an episode ended.
    g is the reward. The potential h takes up what the dynamics make of it (Fu et al. 2017).
    """

    def __init__(self, observations: int, hidden: Sequence[int], discount: float) -> None:
        super().__init__()
        self.seen = Standardise(observations)
        self.worth = tanh_layers([observations, *hidden, 1])
        self.potential = tanh_layers([observations, *hidden, 1])
        self.discount = discount

    def forward(self, transitions: Tensor, labels: Tensor | None = None) -> Tensor:
        size = len(self.seen.mean)
        now, later, ended = (
            transitions[:, 0, part] for part in (slice(size), slice(-size - 1, -1), -1)
        )
        ahead = (1 - ended) * self.potential(self.seen(later))[:, 0]
        f: Tensor = self.reward(now) + self.discount * ahead - self.potential(self.seen(now))[:, 0]
        return f

    def reward(self, observations: Tensor) -> Tensor:
        """Return g of observations [N, O], [N]; a constant may be added to it."""
        g: Tensor = self.worth(self.seen(observations))[:, 0]
        return g


class Said(Protocol):
    """What a policy's numbers [N, said] mean."""

    def choose(self, said: Tensor, chances: Tensor) -> Tensor:
        """Return actions, drawn by chances [N, ...] of their own."""

    def likeliest(self, said: Tensor) -> Tensor:
        """Return the likeliest actions."""

    def log_probability(self, said: Tensor, actions: Tensor) -> Tensor:
        """Return log pi(action), [N]."""

    def entropy(self, said: Tensor) -> Tensor:
        """Return the entropy of each row, in nats, [N]."""

    def undecided(self, said: Tensor) -> Tensor:
        """Return how undecided each row is, [N]: 0 is sure, 1 anything at all."""


class Choice:
    """One of K choices, int64 [N], by logits [N, K]; chances are uniform numbers [N]."""

    def choose(self, said: Tensor, chances: Tensor) -> Tensor:
        reached = said.softmax(1).cumsum(1)
        return (reached < chances[:, None]).sum(1).clamp_max(said.shape[1] - 1)

    def likeliest(self, said: Tensor) -> Tensor:
        return said.argmax(1)

    def log_probability(self, said: Tensor, actions: Tensor) -> Tensor:
        return said.log_softmax(1).gather(1, actions[:, None])[:, 0]

    def entropy(self, said: Tensor) -> Tensor:
        known = said.log_softmax(1)
        return -(known.exp() * known).sum(1)

    def undecided(self, said: Tensor) -> Tensor:
        return self.entropy(said) / math.log(said.shape[1])


class Gaussian:
    """Numbers [N, A], each normal, by means and log deviations [N, 2 A]; chances are normal too.

    They are in units of half the range that an action may have, which log deviations never leave
    by more than `NARROW` and `WIDE`.
    """

    NARROW, WIDE = -4.0, 1.0

    def choose(self, said: Tensor, chances: Tensor) -> Tensor:
        mean, spread = self._parts(said)
        return mean + spread.exp() * chances

    def likeliest(self, said: Tensor) -> Tensor:
        return self._parts(said)[0]

    def log_probability(self, said: Tensor, actions: Tensor) -> Tensor:
        mean, spread = self._parts(said)
        away = (actions - mean) * (-spread).exp()
        return -(away.square() / 2 + spread + math.log(2 * math.pi) / 2).sum(1)

    def entropy(self, said: Tensor) -> Tensor:
        return (self._parts(said)[1] + math.log(2 * math.pi * math.e) / 2).sum(1)

    def undecided(self, said: Tensor) -> Tensor:
        return self._parts(said)[1].exp().mean(1)

    def _parts(self, said: Tensor) -> tuple[Tensor, Tensor]:
        mean, spread = said.chunk(2, 1)
        return mean, spread.clamp(self.NARROW, self.WIDE)
