"""Conversions between images as users see them, as they are stored, and as networks take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.errors import DataError


def to_network(
    examples: NDArray[np.generic],
    value_range: tuple[float, float] | None,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    """Move examples [N, *shape] to a device, as the networks take them.

    Args:
        examples: uint8 images [N, C, H, W], or examples of another kind.
        value_range: the values of black and white, to which images are scaled; None: keep the
            values as they are.
        device: where to put them.
        dtype: the type of the result; whole numbers without a value range keep theirs.

    Returns:
        [N, *shape]; images have their channels last in memory.
    """
    tensor = torch.from_numpy(examples).to(device)
    if value_range is None:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor
    tensor = tensor.to(dtype)
    low, high = value_range
    tensor = tensor.mul_((high - low) / 255).add_(low)
    return tensor.contiguous(memory_format=torch.channels_last)


def to_pixels(fake: Tensor, value_range: tuple[float, float] | None) -> NDArray[Any]:
    """Turn a generator's output [N, *shape] into what users see.

    Args:
        fake: images [N, C, H, W] in the value range, or examples of another kind.
        value_range: the values of black and white; None: keep the values as they are.

    Returns:
        Images as uint8 [N, H, W] or [N, H, W, C]; without a value range [N, *shape], float32 or
        whole numbers.
    """
    if value_range is None:
        return (fake.float() if fake.is_floating_point() else fake).cpu().numpy()
    low, high = value_range
    scaled = ((fake.float() - low) * (255 / (high - low))).round_().clamp_(0, 255)
    pixels: NDArray[np.uint8] = scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return pixels[..., 0] if pixels.shape[-1] == 1 else np.ascontiguousarray(pixels)


def as_pictures(planes: NDArray[Any]) -> NDArray[np.uint8]:
    """Turn images as they are stored, [N, C, H, W], into [N, H, W] or [N, H, W, C] for users."""
    return planes[:, 0] if planes.shape[1] == 1 else planes.transpose(0, 2, 3, 1)


CHANNELS = (1, 3)
"""How many channels images can have."""


def channels_first(images: NDArray[Any], first: bool = False) -> NDArray[Any]:
    """Return images [N, H, W], [N, H, W, C] or [N, C, H, W] as [N, C, H, W], without a copy.

    `first` decides if both axes can be channels: true for a tensor, false for an array.

    Raises DataError if no axis can be channels, or if it is a single picture.
    """
    shape = list(images.shape)
    if images.ndim == 3:
        if shape[2] == 3 != shape[1]:
            raise DataError(
                f"images of shape {shape} are a single picture, or 3 pixels wide: give [N, H, W], "
                "[N, H, W, C] or [N, C, H, W]"
            )
        return images[:, None]
    ways = [shape[1] in CHANNELS, shape[3] in CHANNELS]
    if any(ways):
        return images if ways[0] and (first or not ways[1]) else as_planes(images)
    few = min(shape[1], shape[3])
    clear = ": leave transparency out" if few in (2, 4) else ": give [N, H, W, C] or [N, C, H, W]"
    raise DataError(f"images of shape {shape} have no axis of 1 or 3 channels{clear}")


def as_planes(pictures: NDArray[Any]) -> NDArray[Any]:
    """Turn images as users see them, [N, H, W] or [N, H, W, C], into [N, C, H, W] as stored."""
    return pictures[:, None] if pictures.ndim == 3 else pictures.transpose(0, 3, 1, 2)
