"""Sizes and widths of networks, and named activations and outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from torch import nn

Norm = Callable[[int], nn.Module]
Output = Literal["tanh", "sigmoid", "linear"]
Activation = Literal["relu", "sigmoid"]
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}
OUTPUTS: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "linear": nn.Identity,
}


def stages_for(shape: Sequence[int]) -> int:
    """Return how often an image [C, H, W] can be halved before its short side is under 4.

    At least 1, for smaller images too.

    >>> stages_for((3, 64, 64)), stages_for((1, 28, 28))
    (4, 2)
    """
    return max(1, int(math.log2(min(shape[1:]) / 4)))


def widths_for(base: int, stages: int, most: int = 1024) -> list[int]:
    """Return D's channels after each stage: `base`, doubling up to `most`. G's are the reverse.

    >>> widths_for(128, stages=4)
    [128, 256, 512, 1024]
    """
    return [min(base * 2**i, most) for i in range(stages)]


def image_sizes(shape: Sequence[int], stages: int) -> list[tuple[int, int]]:
    """Return (height, width) at the core and after each of `stages` doublings.

    28 pixels in 2 stages are 7, 14, 28.
    """
    height, width = shape[1:]
    return [(-(-height // 2**i), -(-width // 2**i)) for i in range(stages, -1, -1)]
