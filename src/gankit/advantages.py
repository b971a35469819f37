"""What an actor learns from: advantages of its actions, and PPO's objective. Pure functions."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def advantages(
    rewards: NDArray[np.floating],
    values: NDArray[np.floating],
    lengths: NDArray[np.integer],
    ahead: NDArray[np.floating],
    discount: float,
    decay: float,
) -> NDArray[np.float64]:
    """Return generalised advantage estimates (Schulman et al. 2015, arXiv 1506.02438).

    That of moment t is the sum over k of (discount decay)^k d_(t+k), within its episode, with
    d_t = r_t + discount V_(t+1) - V_t.

    >>> advantages(np.array([1.0, 1.0]), np.zeros(2), np.array([2]), np.zeros(1), 0.5, 1.0)
    array([1.5, 1. ])

    Args:
        rewards: of each moment, [M], one episode after the other.
        values: what is expected from each moment on, [M].
        lengths: the moments of each episode, [E]; their sum is M.
        ahead: what is expected after the last moment of each episode, [E]; 0 if it ended there.
        discount: gamma, 0 to 1.
        decay: lambda, 0 to 1.

    Returns:
        float64 [M].
    """
    ends = np.cumsum(lengths) - 1
    following = np.append(values[1:], 0.0).astype(np.float64)
    following[ends] = ahead
    surprises = rewards + discount * following - values
    carried = np.full(len(surprises), discount * decay)
    carried[ends] = 0.0
    found, later = np.empty(len(surprises)), 0.0
    for moment in range(len(surprises) - 1, -1, -1):
        later = surprises[moment] + carried[moment] * later
        found[moment] = later
    return found


def discounted(paid: Tensor, discount: float) -> Tensor:
    """Return what follows from each place on, [N, T]: the sum over k of discount^k paid_(t+k).

    >>> discounted(torch.tensor([[1.0, 0.0, 4.0]]), 0.5)
    tensor([[2., 2., 4.]])

    Args:
        paid: of each place, [N, T].
        discount: gamma, 0 to 1.
    """
    later = torch.zeros_like(paid[:, 0])
    sums = []
    for now in reversed(paid.unbind(1)):
        later = now + discount * later
        sums.append(later)
    return torch.stack(sums[::-1], 1)


def clipped_surrogate(log_ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """Return PPO's objective as a loss, a scalar (Schulman et al. 2017, arXiv 1707.06347).

    It is the mean of -min(r A, clamp(r, 1 - clip, 1 + clip) A): nothing is gained by moving the
    probability of an action further than `clip`.

    Args:
        log_ratio: log of r, the probability of each action now over that when it was taken, [N].
        advantage: A, how much better than expected each action turned out, [N].
        clip: how far r may go from 1.
    """
    ratio = log_ratio.exp()
    held = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantage, held * advantage).mean()
