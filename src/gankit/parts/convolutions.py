"""Convolutions that use a CPU well: torch's weights, results and gradients, computed elsewhere.

On a CPU torch's convolutions are near the processor's limit forward and backward to the
input, and far from it in two places, where a matrix product is not:

- the gradient of a weight, at a quarter of the limit where the layer is wide and the picture
  small: here the patches of the input times the gradient of the output;
- a picture of one or two channels, at under a tenth of the limit: patches times the weights.

All kernels are square, with one stride and one padding for both directions. On other devices
each layer is torch's own.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

THIN = 2
"""Channels up to which a picture goes through a matrix product."""
WIDE = 100_000
"""Input times output channels from which a weight's gradient is a matrix product."""
MOST_PATCH_BYTES = 16_000_000
"""Of patches at a time: more falls out of the caches and costs memory."""


def conv2d(inputs: int, outputs: int, kernel: int, stride: int, pad: int, bias: bool) -> nn.Conv2d:
    """`nn.Conv2d`, in the form that is fast for these channels."""
    kind = nn.Conv2d
    if inputs <= THIN:
        kind = ThinConv2d
    elif inputs * outputs >= WIDE:
        kind = WideConv2d
    return kind(inputs, outputs, kernel, stride, pad, bias=bias)


def doubling_conv(inputs: int, outputs: int, kernel: int, bias: bool) -> nn.ConvTranspose2d:
    """The `nn.ConvTranspose2d` that doubles height and width, for odd and even kernels alike."""
    kind = nn.ConvTranspose2d
    if outputs <= THIN:
        kind = ThinConvTranspose2d
    elif inputs * outputs >= WIDE:
        kind = WideConvTranspose2d
    return kind(inputs, outputs, kernel, 2, (kernel - 1) // 2, kernel % 2, bias=bias)


class ThinConv2d(nn.Conv2d):
    """`nn.Conv2d` for a picture of one or two channels, with a square kernel: the same weights and
    result, as patches times a matrix on a CPU, where a convolution of so few channels runs at a
    tenth of the processor's speed."""

    def forward(self, x: Tensor) -> Tensor:
        if not _exact_on_cpu(x):
            return super().forward(x)
        kernel, stride, pad = self.kernel_size[0], self.stride[0], int(self.padding[0])
        height, width = (1 + (side + 2 * pad - kernel) // stride for side in x.shape[2:])
        patches = F.unfold(x, kernel, padding=pad, stride=stride).transpose(1, 2)
        pixels = F.linear(patches, self.weight.flatten(1), self.bias)
        return pixels.view(len(x), height, width, -1).permute(0, 3, 1, 2)


class ThinConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` that makes one or two channels, with a square kernel: the same as a
    matrix product whose patches are laid over each other, on a CPU."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if not _exact_on_cpu(x) or output_size is not None:
            return super().forward(x, output_size)
        kernel, stride, pad = self.kernel_size[0], self.stride[0], int(self.padding[0])
        extra = self.output_padding[0] + kernel - 2 * pad
        size = tuple((side - 1) * stride + extra for side in x.shape[2:])
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
        patches = (pixels @ self.weight.flatten(1)).transpose(1, 2)
        out = F.fold(patches, size, kernel, padding=pad, stride=stride)
        return out if self.bias is None else out + self.bias.view(-1, 1, 1)


class WideConv2d(nn.Conv2d):
    """`nn.Conv2d` whose weight gradient is a matrix product on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        if not _exact_on_cpu(x):
            return super().forward(x)
        out: Tensor = _Convolution.apply(x, self.weight, self.stride[0], int(self.padding[0]), None)  # type: ignore[no-untyped-call]
        return out if self.bias is None else out + self.bias.view(-1, 1, 1)


class WideConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` whose weight gradient is a matrix product on a CPU."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if not _exact_on_cpu(x) or output_size is not None:
            return super().forward(x, output_size)
        out: Tensor = _Convolution.apply(
            x, self.weight, self.stride[0], int(self.padding[0]), self.output_padding[0]
        )  # type: ignore[no-untyped-call]
        return out if self.bias is None else out + self.bias.view(-1, 1, 1)


def _exact_on_cpu(x: Tensor) -> bool:
    """Where the products below are faster; under autocast torch's own casts are right."""
    return x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")


class _Convolution(torch.autograd.Function):
    """A convolution, or (where `extra`, its output padding, is given) a transposed one."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, stride: int, pad: int, extra: int | None
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = (stride, pad, extra)
        if extra is None:
            return F.conv2d(x, weight, None, stride, pad)
        return F.conv_transpose2d(x, weight, None, stride, pad, extra)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        stride, pad, extra = ctx.geometry
        for_x = for_weight = None
        if ctx.needs_input_grad[0]:
            for_x, _, _ = torch.ops.aten.convolution_backward(
                gradient, x, weight, None, [stride] * 2, [pad] * 2, [1, 1],
                extra is not None, [extra or 0] * 2, 1, [True, False, False],
            )  # fmt: skip
        if ctx.needs_input_grad[1]:
            # A transposed convolution is a convolution run backwards: its output is the large side.
            large, small = (x, gradient) if extra is None else (gradient, x)
            for_weight = _weight_gradient(large, small, weight.shape[-1], stride, pad)
        return for_x, for_weight, None, None, None


def _weight_gradient(large: Tensor, small: Tensor, kernel: int, stride: int, pad: int) -> Tensor:
    """sum over pixels of small [N, S, h, w] x patches of large [N, L, H, W]: [S, L, k, k]."""
    count, channels = large.shape[:2]
    padded = F.pad(large.permute(0, 2, 3, 1), (0, 0, pad, pad, pad, pad))
    patches = padded.unfold(1, kernel, stride).unfold(2, kernel, stride)
    height, width = small.shape[2:]
    patches = patches[:, :height, :width].permute(0, 1, 2, 4, 5, 3)  # N, h, w, k, k, L
    pixels = small.permute(0, 2, 3, 1)
    bytes_each = patches[0].numel() * patches.element_size()
    at_once = max(1, MOST_PATCH_BYTES // bytes_each)
    parts = [
        pixels[i : i + at_once].flatten(0, 2).t()
        @ patches[i : i + at_once].flatten(0, 2).flatten(1)
        for i in range(0, count, at_once)
    ]
    total = parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)
    return total.view(-1, kernel, kernel, channels).permute(0, 3, 1, 2)
