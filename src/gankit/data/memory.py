"""Limits on the memory for decoding pictures: for one picture, and for all threads together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

from PIL import Image

MOST_BYTES = 2_000_000_000
"""The most bytes that decoding may take: for one picture, and for all threads of a process."""

MOST_PIXELS = 100_000_000
"""The most pixels that are decoded: a file of a few bytes can claim billions, and take minutes."""

MOST_JPEG_PIXELS = 1_000_000_000
"""The most pixels that a JPEG may have as stored, since it is decoded at a fraction of its size."""

ROW = 8
"""Bytes that Pillow needs for each row besides its pixels."""


def bytes_needed(image: Image.Image, stored_pixels: int, more: int = 0) -> int:
    """Return an upper estimate of the bytes that decoding a picture takes.

    Args:
        image: an opened picture that is not yet loaded; a JPEG may already be drafted.
        stored_pixels: its width times its height before drafting.
        more: how many copies are made besides, of 4 bytes a pixel.
    """
    width = 1 if image.mode in ("1", "L", "P") else 4
    copies = [width, 4, *[4] * more]  # as decoded, and as converted or turned
    if image.has_transparency_data:
        copies += [4, 4, 4]  # with transparency, the white, and their composite
    if image.mode[0] in "IF":
        copies += [4] * 6  # for scaling to 8 bits
    if image.format == "WEBP":
        copies += [4, 4, 4]  # its decoder's own copies
    if image.format in ("JPEG2000", "AVIF", "HEIF"):
        copies += [4] * 5
    needed = sum(image.height * (ROW + each * image.width) for each in copies)
    if image.info.get("progressive"):
        needed += 2 * len(image.getbands()) * stored_pixels  # coefficients, at full size
    return needed


class Budget:
    """Bytes that threads take and give back; a thread waits in line until its bytes are free."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._turn = Lock()  # held while waiting, so that small requests cannot starve a large one
        self._returned = Condition()

    @contextmanager
    def taking(self, amount: int) -> Iterator[None]:
        """Wait until `amount` bytes are free, and hold them within the `with` block.

        `amount` must be at most the total, or the wait never ends.
        """
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
"""The budget that all threads of this process share."""
