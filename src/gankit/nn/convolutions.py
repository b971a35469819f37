"""Convolutions with torch's weights, results and gradients that are faster on a CPU.

On a CPU torch's convolutions come near the processor's limit, except for two passes that are
faster as matrix products:

- the pass to a picture of a few channels (the gradient of D's input, and G's last layer, which is
  the same pass): torch reaches under a sixth of the limit, since so few channels are too narrow
  for a vector register;
- the gradient of a weight, if the layer is wide and the picture small.

All kernels are square, with one stride and one padding for both directions. On other devices
each layer is torch's own, and also while it is traced or exported.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

THIN = 4
"""A picture of at most this many channels is made by a matrix product."""
WIDE = 100_000
"""From this many input times output channels on, a weight's gradient is a matrix product."""
MOST_PATCH_BYTES = 32_000_000
"""Most bytes of patches held at a time: patches copy the input, each pixel about four times."""


def conv2d(inputs: int, outputs: int, kernel: int, stride: int, pad: int, bias: bool) -> nn.Conv2d:
    """Return an `nn.Conv2d`, in the form that is fast for these channels."""
    unusual = inputs <= THIN or inputs * outputs >= WIDE
    kind = FastConv2d if unusual else nn.Conv2d
    return kind(inputs, outputs, kernel, stride, pad, bias=bias)


def doubling_conv(inputs: int, outputs: int, kernel: int, bias: bool) -> nn.ConvTranspose2d:
    """Return an `nn.ConvTranspose2d` that doubles height and width, for odd and even kernels."""
    unusual = outputs <= THIN or inputs * outputs >= WIDE
    kind = FastConvTranspose2d if unusual else nn.ConvTranspose2d
    return kind(inputs, outputs, kernel, 2, (kernel - 1) // 2, kernel % 2, bias=bias)


class FastConv2d(nn.Conv2d):
    """`nn.Conv2d` for few input channels, or for many input and output channels."""

    def forward(self, x: Tensor) -> Tensor:
        if not _exact_on_cpu(x):
            return super().forward(x)
        x = _channels_last(x)
        out: Tensor = _Convolution.apply(
            x, self.weight, self.bias, self.stride[0], int(self.padding[0]), None
        )  # type: ignore[no-untyped-call]
        return out


class FastConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` for few output channels, or for many input and output channels."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if not _exact_on_cpu(x) or output_size is not None:
            return super().forward(x, output_size)
        out: Tensor = _Convolution.apply(
            x, self.weight, self.bias, self.stride[0], int(self.padding[0]), self.output_padding[0]
        )  # type: ignore[no-untyped-call]
        return out


def _exact_on_cpu(x: Tensor) -> bool:
    """Return whether the products below may be used: on a CPU, outside autocast and tracing.

    Under autocast torch's own layers cast as they should. A trace, as of an export, is to hold one
    convolution for each layer, and leaves it to whatever runs it how to compute that.
    """
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return False
    return x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")


def _channels_last(x: Tensor) -> Tensor:
    """Return `x` [N, C, H, W] with strides that oneDNN reads as channels last, even if C is 1.

    The usual strides of a single channel fit both layouts; oneDNN then takes the other one, which
    is ten times slower.
    """
    if x.shape[1] > 1:
        return x
    return x.contiguous().view(x.shape[0], *x.shape[2:], 1).permute(0, 3, 1, 2)


class _Convolution(torch.autograd.Function):
    """A convolution; or, if `extra` (the output padding) is given, a transposed one.

    A transposed convolution is a convolution run backwards: its output is the large side.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: int,
        pad: int,
        extra: int | None,
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = (stride, pad, extra, bias is not None)
        if extra is None:
            return F.conv2d(x, weight, bias, stride, pad)
        if weight.shape[1] > THIN:
            return F.conv_transpose2d(x, weight, bias, stride, pad, extra)
        kernel = weight.shape[-1]
        height, width = ((side - 1) * stride + extra + kernel - 2 * pad for side in x.shape[2:])
        out = _spread(x, weight, (height, width), stride, pad)
        return out if bias is None else out.add_(bias.view(-1, 1, 1))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        stride, pad, extra, has_bias = ctx.geometry
        wanted = list(ctx.needs_input_grad[:3])
        gradient = _channels_last(gradient)
        for_x = for_weight = for_bias = None
        if wanted[0] and extra is None and weight.shape[1] <= THIN:
            height, width = x.shape[2:]
            for_x, wanted[0] = _spread(gradient, weight, (height, width), stride, pad), False
        if wanted[1] and weight.shape[0] * weight.shape[1] >= WIDE:
            large, small = (x, gradient) if extra is None else (gradient, x)
            for_weight = _weight_gradient(large, small, weight.shape[-1], stride, pad)
            wanted[1] = False
        if wanted[2] and not wanted[1]:  # torch would compute the weight's gradient with it
            for_bias, wanted[2] = gradient.sum((0, 2, 3)), False
        if any(wanted):
            found = torch.ops.aten.convolution_backward(
                gradient, x, weight, [gradient.shape[1]] if has_bias else None,
                [stride] * 2, [pad] * 2, [1, 1], extra is not None, [extra or 0] * 2, 1, wanted,
            )  # fmt: skip
            for_x, for_weight, for_bias = (
                own if own is not None else other
                for own, other in zip((for_x, for_weight, for_bias), found, strict=True)
            )
        return for_x, for_weight, for_bias, None, None, None


def _spread(small: Tensor, weight: Tensor, size: tuple[int, int], stride: int, pad: int) -> Tensor:
    """Return the transposed convolution of small [N, S, h, w]: [N, L, *size].

    Each pixel multiplies the kernels [S, L, k, k], and the products are added up where they
    overlap. A kernel is cut into blocks of stride x stride, whose sums over neighbouring pixels
    need no scattered writes; the blocks are shuffled into place at the end.
    """
    channels, outputs, kernel = weight.shape[:3]
    count, _, height, width = small.shape
    reach = -(-kernel // stride)  # blocks in a kernel
    weight = F.pad(weight, (0, reach * stride - kernel) * 2)
    blocks = weight.view(channels, outputs, reach, stride, reach, stride)
    blocks = blocks.permute(0, 2, 4, 3, 5, 1).reshape(channels, -1)
    pixels = small.permute(0, 2, 3, 1).reshape(-1, channels)
    parts = (pixels @ blocks).view(count, height, width, reach, reach, -1)
    sums = parts.new_zeros(count, height + reach - 1, width + reach - 1, parts.shape[-1])
    for down in range(reach):
        for right in range(reach):
            sums[:, down : down + height, right : right + width] += parts[:, :, :, down, right]
    picture = sums.view(*sums.shape[:3], stride, stride, outputs).permute(0, 1, 3, 2, 4, 5)
    picture = picture.reshape(count, sums.shape[1] * stride, sums.shape[2] * stride, outputs)
    beyond = [max(0, pad + size[i] - picture.shape[1 + i]) for i in (0, 1)]
    if any(beyond):  # pixels that no kernel reaches
        picture = F.pad(picture, (0, 0, 0, beyond[1], 0, beyond[0]))
    picture = picture[:, pad : pad + size[0], pad : pad + size[1]]
    return picture.contiguous().permute(0, 3, 1, 2)


def _weight_gradient(large: Tensor, small: Tensor, kernel: int, stride: int, pad: int) -> Tensor:
    """Sum pixels of small [N, S, h, w] times patches of large [N, L, H, W]: [S, L, k, k]."""
    count, channels = large.shape[:2]
    padded = F.pad(large.permute(0, 2, 3, 1), (0, 0, pad, pad, pad, pad))
    patches = padded.unfold(1, kernel, stride).unfold(2, kernel, stride)
    height, width = small.shape[2:]
    patches = patches[:, :height, :width].permute(0, 1, 2, 4, 5, 3)  # N, h, w, k, k, L
    pixels = small.permute(0, 2, 3, 1)
    bytes_each = patches[0].numel() * patches.element_size()
    at_once = max(1, MOST_PATCH_BYTES // bytes_each)
    parts = [
        _product(
            pixels[i : i + at_once].flatten(0, 2), patches[i : i + at_once].flatten(0, 2).flatten(1)
        )
        for i in range(0, count, at_once)
    ]
    total = parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)
    return total.view(-1, kernel, kernel, channels).permute(0, 3, 1, 2)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Return a^T b [M, N] of a [P, M] and b [P, N].

    oneDNN's product of float32 is up to twice as fast as the one behind `@` on some processors.
    If a second gradient is wanted, the product is `@`.
    """
    if ONEDNN_PRODUCT is None or torch.is_grad_enabled() or a.dtype != torch.float32:
        return a.t() @ b
    out: Tensor = ONEDNN_PRODUCT(a.t(), b.t(), None, "none", [], "")
    return out


def _onednn_product() -> Any:
    """Return torch's operator for x w^T that its compiler emits.

    None if this build lacks it or if it gives another result than expected.
    """
    try:
        product = torch.ops.mkldnn._linear_pointwise
        x = torch.arange(6.0).view(2, 3)
        fits = torch.equal(product(x, x, None, "none", [], ""), x @ x.t())
    except (AttributeError, RuntimeError, TypeError):
        return None
    return product if fits else None


ONEDNN_PRODUCT = _onednn_product()
