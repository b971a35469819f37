"""What a file's header claims, beside the bytes that the file has, before anything is allocated."""

from __future__ import annotations

from gankit.errors import DataError

MOST_EXPANDED = 1032
"""Bytes that one byte of deflate can stand for."""

TRUSTED_EXPANSION = 100
"""Real pictures and points stay below this."""

SMALL = 1_000_000_000
"""Bytes up to which any claim that deflate allows is followed."""


def check_claim(what: str, claimed: int, stored: int, compressed: bool) -> None:
    """Raises DataError if `stored` bytes of a file cannot hold `claimed` bytes, or hardly can.

    Args:
        what: names the file in the message.
        claimed: bytes in memory, by the header.
        stored: bytes in the file.
        compressed: whether they are deflated.
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
