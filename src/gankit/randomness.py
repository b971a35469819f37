"""Random draws, each of which is a pure function of (seed, purpose, step).

A counter-based generator (Philox) makes that exact and cheap: the seed and the purpose are
the key, the step is the counter. So a checkpoint carries no generator state, a resumed run
draws what an uninterrupted one would have drawn, and every process can draw for the whole
batch and keep its own slice.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a draw is for. The numbers are part of what makes a run repeatable: never renumber."""

    WEIGHTS = 1
    ORDER = 2
    LATENT = 3
    AUGMENT = 4
    LAYERS = 5
    SAMPLES = 6
    TOY = 7
    LABELS = 8
    REFERENCE = 9
    EVALUATION = 10
    HOLDOUT = 11
    MEETING = 12
    INSPECTION = 13
    RACE = 14
    ORACLE = 15
    MOVES = 20
    TRAIN_SIZE = 21


def rng(seed: int, purpose: Purpose, step: int = 0, substep: int = 0) -> np.random.Generator:
    """Return a generator for one draw: the same arguments give the same numbers on any machine.

    Args:
        seed: the run's seed, 0 to 2^64 - 1.
        purpose: keeps draws for different ends independent of each other.
        step: training step, epoch or block of samples, from 0.
        substep: position inside a step, such as the k-th discriminator step or a process's rank.
    """
    key = np.array([seed, purpose], np.uint64)  # a list of large numbers would be rounded
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, substep, step]))


def torch_seed(seed: int, purpose: Purpose, step: int = 0, substep: int = 0) -> int:
    """Return a 32-bit seed for torch's own generator, which layers such as dropout draw from.

    The arguments are those of `rng`.
    """
    return int(rng(seed, purpose, step, substep).integers(2**32))
