"""What a file's header claims: checked against the file before memory is allocated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gankit.errors import DataError

MOST_EXPANDED = 1032
"""The most bytes that one byte of deflate can stand for."""

TRUSTED_EXPANSION = 100
"""Bytes in memory for each byte in the file; compressed pictures and points stay below this."""

SMALL = 1_000_000_000
"""Up to this many bytes in memory, every claim that deflate allows is believed."""


def check_claim(what: str, claimed: int, stored: int, compressed: bool) -> None:
    """Raise DataError if `stored` bytes of a file cannot hold `claimed` bytes, or hardly can.

    Args:
        what: a name for the file, which begins the message.
        claimed: the bytes in memory that the header claims.
        stored: the bytes in the file.
        compressed: whether the bytes in the file are deflated.
    """
    most = stored * MOST_EXPANDED if compressed else stored
    if claimed > most:
        raise DataError(
            f"{what} is damaged: it holds {stored:,}{' compressed' * compressed} bytes where its"
            f" header promises {claimed:,}; get it again"
        )
    if claimed > max(SMALL, stored * TRUSTED_EXPANSION):
        raise DataError(
            f"{what} would grow from {stored:,} bytes to {claimed:,}, which no real data does:"
            " save it uncompressed if it is meant to"
        )


def unread(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array that stands for one of which only the header was read: zeros, in no memory.

    It has the shape and the type of the other, so whatever looks at these alone can take it.
    """
    return np.broadcast_to(np.zeros((), dtype), shape)
