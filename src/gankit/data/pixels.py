"""Pictures as users see them, as they are stored, and as networks take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_network(
    examples: NDArray[np.generic],
    value_range: tuple[float, float] | None,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    """uint8 images [N, C, H, W] scaled to the value range, channels last; what has no value range
    as it is, and whole numbers stay so."""
    tensor = torch.from_numpy(examples).to(device)
    if value_range is None:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor
    tensor = tensor.to(dtype)
    low, high = value_range
    tensor = tensor.mul_((high - low) / 255).add_(low)
    return tensor.contiguous(memory_format=torch.channels_last)


def to_pixels(fake: Tensor, value_range: tuple[float, float] | None) -> NDArray[Any]:
    """Generator output [N, C, H, W] -> uint8 [N, H, W] or [N, H, W, C]; what has no value range
    stays as it is: float32, or whole numbers."""
    if value_range is None:
        return (fake.float() if fake.is_floating_point() else fake).cpu().numpy()
    low, high = value_range
    scaled = ((fake.float() - low) * (255 / (high - low))).round_().clamp_(0, 255)
    pixels: NDArray[np.uint8] = scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return pixels[..., 0] if pixels.shape[-1] == 1 else np.ascontiguousarray(pixels)


def as_pictures(planes: NDArray[Any]) -> NDArray[np.uint8]:
    """Images as they are read, [N, C, H, W] -> as users see them: [N, H, W] or [N, H, W, C]."""
    return planes[:, 0] if planes.shape[1] == 1 else planes.transpose(0, 2, 3, 1)


def as_planes(pictures: NDArray[Any]) -> NDArray[Any]:
    """Images as users see them, [N, H, W] or [N, H, W, C] -> as they are read, [N, C, H, W]."""
    return pictures[:, None] if pictures.ndim == 3 else pictures.transpose(0, 3, 1, 2)
