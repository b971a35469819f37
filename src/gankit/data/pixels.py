"""Conversions between images as users see them, as they are stored, and as networks take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.data.values import PLAIN, PixelFormat
from gankit.errors import ConfigError, DataError


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


def to_numbers(
    fake: Tensor, value_range: tuple[float, float] | None, pixels: PixelFormat
) -> NDArray[Any]:
    """Turn a generator's output [N, *shape] into numbers like those that it was trained on.

    Args:
        fake: images [N, C, H, W] in the value range, or examples of another kind.
        value_range: the values of black and white; None: keep the values as they are.
        pixels: what the images are to be: their range, their type, whether they have alpha.

    Returns:
        Images [N, H, W] or [N, H, W, C] of the format's type, whose colours are not multiplied by
        their opacity; without a value range what `to_pixels` returns.
    """
    if value_range is None or pixels == PLAIN:
        return to_pixels(fake, value_range)
    low, high = value_range
    share = ((fake.float() - low) / (high - low)).clamp_(0, 1).cpu().numpy()
    return np.ascontiguousarray(as_pictures(pixels.decode(share)))


def as_pictures(planes: NDArray[Any]) -> NDArray[Any]:
    """Turn images as they are stored, [N, C, H, W], into [N, H, W] or [N, H, W, C] for users."""
    return planes[:, 0] if planes.shape[1] == 1 else planes.transpose(0, 2, 3, 1)


USUAL = (1, 3)
"""How many channels images usually have: an axis of such a length is that of the channels."""
MOST_CHANNELS = 16
"""The most channels that images can have."""


def channels_first(images: NDArray[Any], first: bool = False) -> NDArray[Any]:
    """Return images [N, H, W], [N, H, W, C] or [N, C, H, W] as [N, C, H, W], without a copy.

    An axis of 1 or 3 is that of the channels; without one, an axis of at most 16. `first` decides
    if both can be: true for a tensor, false for an array. An array that has neither 1 nor 3
    channels is then read by the equal sides of a square.

    Raises DataError if no axis can be channels, if both can, or if it is a single picture.
    """
    shape = list(images.shape)
    if images.ndim == 3:
        if shape[2] == 3 != shape[1]:
            raise DataError(
                f"images of shape {shape} are a single picture, or 3 pixels wide: give [N, H, W], "
                "[N, H, W, C] or [N, C, H, W]"
            )
        return images[:, None]
    return images if _are_first(shape, first) else as_planes(images)


def _are_first(shape: Sequence[int], first: bool) -> bool:
    """Return whether the channels of images [N, ?, ?, ?] come first, and not last."""
    _, one, two, three = shape
    usual = [one in USUAL, three in USUAL]
    if any(usual):
        return usual[0] and (first or not usual[1])
    possible = [one <= MOST_CHANNELS, three <= MOST_CHANNELS]
    if not any(possible):
        raise DataError(
            f"images of shape {list(shape)} have no axis of 1 to {MOST_CHANNELS} channels: give "
            "[N, H, W, C] or [N, C, H, W]"
        )
    if not all(possible) or first:
        return possible[0]
    if (one == two) == (two == three):
        raise DataError(
            f"images of shape {list(shape)} may have {one} or {three} channels: give a tensor, "
            "whose channels come first, or images of more than 16 pixels a side"
        )
    return two == three


def as_planes(pictures: NDArray[Any]) -> NDArray[Any]:
    """Turn images as users see them, [N, H, W] or [N, H, W, C], into [N, C, H, W] as stored."""
    return pictures[:, None] if pictures.ndim == 3 else pictures.transpose(0, 3, 1, 2)


def planes_of(images: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return images as users give them as [N, C, H, W], of which `shape` is (C, H, W).

    Args:
        images: [N, H, W, C], [N, C, H, W], or [N, H, W] if they are grey.
        shape: what they have to be.

    Raises ConfigError if there are none, or if they are of another shape.
    """
    channels, *sides = shape
    usual = (*sides, channels) if channels > 1 else tuple(sides)
    try:
        array = np.asarray(images)
    except ValueError:
        raise ConfigError("images of different shapes given: all must be alike", "images") from None
    if array.ndim and len(array):
        if array.shape[1:] == shape:
            return array
        if array.shape[1:] in (usual, (*sides, channels)):
            return as_planes(array)
    wanted = ", ".join(map(str, ("N", *usual)))
    one = ": put a single image into a list" if array.shape in (shape, usual) else ""
    raise ConfigError(
        f"images of shape {list(array.shape)} given; this run needs [{wanted}]{one}", "images"
    )
