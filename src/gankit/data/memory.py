"""The memory that decoding pictures takes: bounded for one picture, and for all threads at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

from PIL import Image

MOST_BYTES = 2_000_000_000
"""Bytes that decoding one picture may take, and all threads of a process together."""

MOST_PIXELS = 100_000_000
"""Pixels that are decoded at most: a file of a few bytes can claim billions, and take minutes."""

MOST_JPEG_PIXELS = 1_000_000_000
"""The same of a JPEG as it is stored: it is decoded at a fraction of its size."""

ROW = 8
"""Bytes that Pillow takes for each row beside its pixels."""


def bytes_needed(image: Image.Image, stored_pixels: int) -> int:
    """Estimate the bytes that it takes to decode a picture whose header is read, from above.

    Args:
        image: not yet loaded; a JPEG may be drafted already.
        stored_pixels: width times height before it was drafted.
    """
    width = 1 if image.mode in ("1", "L", "P") else 4
    copies = [width, 4]  # as decoded, and as converted or turned
    if image.has_transparency_data:
        copies += [4, 4, 4]  # with transparency, white, one over the other
    if image.mode[0] in "IF":
        copies += [4] * 6  # scaled to 8 bits
    if image.format == "WEBP":
        copies += [4, 4, 4]  # its decoder's own
    if image.format in ("JPEG2000", "AVIF", "HEIF"):
        copies += [4] * 5
    needed = sum(image.height * (ROW + each * image.width) for each in copies)
    if image.info.get("progressive"):
        needed += 2 * len(image.getbands()) * stored_pixels  # coefficients, at full size
    return needed


class Budget:
    """Bytes that threads take and give back; who asks for too many waits, in order."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._turn = Lock()  # held while waiting, so that small ones cannot starve a large one
        self._returned = Condition()

    @contextmanager
    def taking(self, amount: int) -> Iterator[None]:
        """Wait until `amount` is free, at most the total, and hold it inside."""
        with self._turn, self._returned:
            self._returned.wait_for(lambda: self._free >= amount)
            self._free -= amount
        try:
            yield
        finally:
            with self._returned:
                self._free += amount
                self._returned.notify()


DECODING = Budget(MOST_BYTES)
"""What the threads of this process share."""
