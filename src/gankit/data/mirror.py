"""Whether a set of images is the same in a mirror, so that mirrored images are more of its kind."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from gankit.data.dataset import Dataset

FEWEST = 30
"""Of fewer images it cannot be told."""
LOOKED_AT = 512
"""The most images that are looked at, evenly spread over the set."""
SIDE = 16
"""The pixels of a side to which they are reduced."""
DRAWS = 999
LEAST = 0.01
"""A set is taken for the same in a mirror unless fewer than this share of sets of its images, each
mirrored or not by chance, differ from their mirrored selves as much."""


def same_in_a_mirror(dataset: Dataset) -> bool:
    """Return whether images seem to be as often one way round as the other, in every class.

    Letters and shoes are not, nor are photographs with a date in one corner. Cats are.

    It is a randomisation test. Each image has numbers that change their sign in a mirror. If it
    could as well be mirrored, then any signs would do, so the length of the sum of all is compared
    with the lengths for 999 draws of random signs; and so are the lengths of the classes' sums.
    What turns some images one way and as many others of their class the other way is not seen. Of
    fewer than 30 images it cannot be told, and the answer is no.

    >>> import gankit
    >>> same_in_a_mirror(gankit.load_dataset("digits"))
    False

    Args:
        dataset: of images, with classes or without. They may be small: 16 pixels a side are enough.
    """
    count = len(dataset)
    if count < FEWEST:
        return False
    looked_at = np.linspace(0, count - 1, min(count, LOOKED_AT)).round().astype(np.int64)
    pixels = [torch.from_numpy(dataset.read(looked_at[i : i + 1])) for i in range(len(looked_at))]
    images = torch.cat([F.interpolate(x.double(), size=(SIDE, SIDE), mode="area") for x in pixels])
    turned = torch.cat(
        [
            _of_length_one((a - b).flatten(1))
            for a, b in zip(_views(images), _views(images.flip(3)), strict=True)
        ],
        1,
    )
    together = np.zeros(len(turned), np.int64)
    classes = together if dataset.labels is None else dataset.labels[looked_at]
    return all(_by_chance(turned, groups) >= LEAST for groups in (together, classes))


def _by_chance(turned: Tensor, groups: NDArray[np.int64]) -> float:
    """Return how likely sums over each group as long as those of `turned` [N, F] are by chance.

    The first of the draws are the signs as they are.
    """
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (1 + DRAWS, len(turned)))
    signs[0] = 1
    lengths = torch.zeros(len(signs), dtype=turned.dtype)
    for group in np.unique(groups):
        inside = groups == group
        sums = torch.from_numpy(signs[:, inside]) @ turned[torch.from_numpy(inside)]
        lengths += sums.square().sum(1) / int(inside.sum())
    return float((lengths >= lengths[0]).double().mean())


def _views(images: Tensor) -> list[Tensor]:
    """Return what is compared: the pixels of images [N, C, H, W], their slopes, and their edges.

    A slope is the product of the derivatives across and down, which is negative for `/` and
    positive for its mirror image, whichever of line and ground is the lighter one.
    """
    grey = F.pad(images.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = grey[:, :, 1:-1, 2:] - grey[:, :, 1:-1, :-2]
    down = grey[:, :, 2:, 1:-1] - grey[:, :, :-2, 1:-1]
    return [images, across * down, torch.hypot(across, down)]


def _of_length_one(numbers: Tensor) -> Tensor:
    """Return numbers [N, F] over the root of their mean square sum: no view outweighs another."""
    return numbers / numbers.square().sum(1).mean().sqrt().clamp_min(1e-12)
