"""EfficientNet-Lite: an image classifier of inverted residuals that is quick on a CPU.

It is EfficientNet (Tan & Le 2019, arXiv 1905.11946) without squeeze and excitation, and with ReLU6
for swish. The network here is one that has been trained: what batch normalisation does then is part
of each convolution's weight and bias (`fold`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Stage(NamedTuple):
    """Blocks of one width; the first of them has the stride."""

    expansion: int
    channels: int
    blocks: int
    kernel: int
    stride: int


STAGES = (
    Stage(1, 16, 1, 3, 1),
    Stage(6, 24, 2, 3, 2),
    Stage(6, 40, 2, 5, 2),
    Stage(6, 80, 3, 3, 2),
    Stage(6, 112, 3, 5, 1),
    Stage(6, 192, 4, 5, 2),
    Stage(6, 320, 1, 3, 1),
)
MAPS = (1, 2, 4, 6)
"""The stages whose outputs are returned: the last ones with a 4th, 8th, 16th and 32nd of a side."""


class SameConv2d(nn.Conv2d):
    """A convolution whose output has the input's size divided by the stride, rounded up.

    The padding is as even as it can be, and an odd pixel lies at the bottom and on the right.
    """

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return F.conv2d(x, self.weight, self.bias, 1, kernel // 2, 1, self.groups)
        missing = [max(0, (-(-n // stride) - 1) * stride + kernel - n) for n in x.shape[2:]]
        (top, bottom), (left, right) = ((n // 2, n - n // 2) for n in missing)
        if self.groups > 1 and (bottom, right) == (top + 1, left + 1):
            # A kernel with zeros on its upper and left side, on even padding: the same sums, and
            # for a few channels at a time twice to seven times as fast as a padded copy.
            weight = F.pad(self.weight, (1, 0, 1, 0))
            return F.conv2d(x, weight, self.bias, stride, (bottom, right), 1, self.groups)
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(x, self.weight, self.bias, stride, 0, 1, self.groups)


class InvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, narrow; add the input if it has the same shape."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = SameConv2d(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = SameConv2d(inner, inner, kernel, stride, groups=inner)
        self.project = SameConv2d(inner, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        inner = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        out: Tensor = self.project(F.relu6(self.depthwise(inner), inplace=True))
        return x + out if self.adds else out


class EfficientNetLite(nn.Module):
    """The convolutions: images [N, 3, H, W] -> four maps, from fine to coarse.

    Lite0 has `width` and `depth` 1, Lite1 1 and 1.1, Lite2 1.1 and 1.2. Images are scaled as
    (pixel - 127) / 128, with pixels from 0 to 255.

    >>> [tuple(maps.shape) for maps in EfficientNetLite()(torch.zeros(2, 3, 64, 48))]
    [(2, 24, 16, 12), (2, 40, 8, 6), (2, 112, 4, 3), (2, 320, 2, 2)]
    """

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        self.stem = SameConv2d(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        ends: list[int] = []
        inputs = 32
        for stage in STAGES:
            outputs = scaled_width(stage.channels, width)
            # The paper's scaling leaves the first and the last stage one block deep.
            count = math.ceil(stage.blocks * depth) if stage.blocks > 1 else 1
            for i in range(count):
                stride = 1 if i else stage.stride
                blocks.append(
                    InvertedResidual(inputs, outputs, stage.expansion, stage.kernel, stride)
                )
                inputs = outputs
            ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)
        self.taken = {ends[stage] for stage in MAPS}

    def forward(self, images: Tensor) -> list[Tensor]:
        x = F.relu6(self.stem(images), inplace=True)
        maps = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.taken:
                maps.append(x)
        return maps


class Classifier(nn.Module):
    """What follows the convolutions: the last map -> features [N, 1280] and logits [N, classes]."""

    def __init__(self, channels: int, classes: int = 1000) -> None:
        super().__init__()
        self.widen = SameConv2d(channels, 1280, 1)
        self.classify = nn.Linear(1280, classes)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        features = F.relu6(self.widen(maps)).mean((2, 3))
        return features, self.classify(features)


def scaled_width(channels: int, width: float) -> int:
    """Return `channels` times `width` as a multiple of 8, at most a tenth below the product.

    >>> scaled_width(24, 1.1), scaled_width(40, 1.1)
    (24, 48)
    """
    rounded = max(8, int(channels * width + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels * width else rounded + 8


def fold(weight: Tensor, norm: dict[str, Tensor], eps: float = 1e-3) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a convolution that does what follows it as batch normalisation.

    Args:
        weight: of the convolution, which has no bias: [outputs, ...].
        norm: the state of the batch normalisation: `weight`, `bias`, `running_mean` and
            `running_var`, each [outputs].
        eps: is added to the variance.
    """
    scale = norm["weight"] * torch.rsqrt(norm["running_var"] + eps)
    shape = (-1, *[1] * (weight.dim() - 1))
    return weight * scale.view(shape), norm["bias"] - norm["running_mean"] * scale
