"""Advantages against their definition, PPO's objective against its gradient worked out by hand."""

from __future__ import annotations

import numpy as np
import torch

from gankit.advantages import advantages, clipped_surrogate, discounted


def defined(rewards, values, ahead, discount, decay):
    """The sum over all later surprises of one episode, in float64."""
    following = [*values[1:], ahead]
    surprises = [r + discount * n - v for r, n, v in zip(rewards, following, values, strict=True)]
    return [
        sum((discount * decay) ** k * later for k, later in enumerate(surprises[t:]))
        for t in range(len(rewards))
    ]


def test_advantages_are_sums_of_later_surprises_within_their_episode():
    rng = np.random.default_rng(0)
    lengths, ahead = np.array([7, 1, 12]), np.array([0.3, 0.0, -1.2])
    rewards, values = rng.normal(size=(2, lengths.sum()))
    found = advantages(rewards, values, lengths, ahead, 0.995, 0.97)
    ends = np.cumsum(lengths)
    expected = np.concatenate(
        [
            defined(rewards[a:b], values[a:b], last, 0.995, 0.97)
            for a, b, last in zip(ends - lengths, ends, ahead, strict=True)
        ]
    )
    assert found.dtype == np.float64
    assert np.allclose(found, expected, rtol=1e-12)


def test_what_follows_is_summed_by_its_distance():
    paid = np.random.default_rng(0).normal(size=(2, 5))
    found = discounted(torch.from_numpy(paid), 0.7)
    for row, sums in zip(paid, found.tolist(), strict=True):
        wanted = [sum(0.7**k * r for k, r in enumerate(row[t:])) for t in range(5)]
        assert np.allclose(sums, wanted, rtol=1e-12)


def test_without_decay_an_advantage_is_the_return_less_the_value():
    found = advantages(np.ones(3), np.zeros(3), np.array([3]), np.zeros(1), 1.0, 1.0)
    assert found.tolist() == [3.0, 2.0, 1.0]


def test_an_end_is_worth_nothing_and_a_limit_what_is_expected():
    ended, stopped = (
        advantages(np.ones(1), np.zeros(1), np.array([1]), np.array([ahead]), 0.5, 1.0)
        for ahead in (0.0, 8.0)
    )
    assert (ended.item(), stopped.item()) == (1.0, 5.0)


def test_the_clipped_gradient_is_that_of_the_odds_within_the_clip_and_none_beyond():
    """d/dx -min(e^x A, clamp(e^x) A) / N is -A e^x / N, or 0 if more of it would gain no more."""
    ratio = torch.tensor([0.5, 0.7, 0.9, 1.1, 1.3, 2.0], dtype=torch.float64)
    for sign in (1.0, -1.0):
        advantage = sign * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], dtype=torch.float64)
        log_ratio = ratio.log().requires_grad_()
        loss = clipped_surrogate(log_ratio, advantage, 0.2)
        (slope,) = torch.autograd.grad(loss, log_ratio)
        beyond = ratio > 1.2 if sign > 0 else ratio < 0.8
        expected = torch.where(beyond, 0.0, -advantage * ratio / len(ratio))
        assert torch.allclose(slope, expected, rtol=1e-12)
        held = ratio.clamp(0.8, 1.2)
        plain = -torch.minimum(ratio * advantage, held * advantage).mean()
        assert torch.allclose(loss, plain)
