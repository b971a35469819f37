"""Pictures for people: grids of samples, scatter plots of points, films of a run."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gankit.storage import write_atomically

Pixels = NDArray[np.uint8]

GAP = 2
SMALLEST_TILE = 56
"""Tiles below this many pixels a side are enlarged by a whole factor, to be seen."""
SCATTER_SIDE = 384
MOST_FRAMES = 60


def grid(images: Pixels, columns: int) -> Pixels:
    """uint8 [N, H, W] or [N, H, W, C], row by row -> one picture [H', W'] or [H', W', C]."""
    factor = max(1, SMALLEST_TILE // max(images.shape[1:3]))
    tiles = images.repeat(factor, 1).repeat(factor, 2)
    rows = -(-len(tiles) // columns)
    height, width = tiles.shape[1] + GAP, tiles.shape[2] + GAP
    picture = np.full((rows * height + GAP, columns * width + GAP, *tiles.shape[3:]), 48, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = GAP + i // columns * height, GAP + i % columns * width
        picture[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return picture


def scatter(points: NDArray[np.floating], reference: NDArray[np.floating]) -> Pixels:
    """Points [N, D] in orange over the real ones in grey, first two dimensions: uint8 [S, S, 3]."""
    low, high = reference.min(0)[:2], reference.max(0)[:2]
    margin = 0.15 * (high - low).max()
    low, high = low - margin, high + margin
    picture = np.full((SCATTER_SIDE, SCATTER_SIDE, 3), 255, np.uint8)
    for cloud, colour in ((reference, (190, 190, 190)), (points, (226, 92, 18))):
        place = (cloud[:, :2] - low) / (high - low).max() * (SCATTER_SIDE - 2)
        inside = np.isfinite(place).all(1) & ((place >= 0) & (place < SCATTER_SIDE - 2)).all(1)
        column, row = place[inside].astype(int).T
        for down in (0, 1):
            for right in (0, 1):
                picture[SCATTER_SIDE - 2 - row + down, column + right] = colour
    return picture


def save_png(path: Path, picture: Pixels) -> None:
    """Write a picture [H, W] or [H, W, C] whole or not at all. Raises OSError."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())


def save_film(path: Path, frames: Sequence[Path], seconds: float = 8.0) -> None:
    """An animated GIF of PNG files, at most `MOST_FRAMES`, the last one held. Raises OSError."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).round())
    pictures = []
    for i in chosen:
        with Image.open(frames[int(i)]) as frame:
            pictures.append(frame.convert("P" if frame.mode == "RGB" else "L"))
    duration = [max(40, int(1000 * seconds / len(pictures)))] * len(pictures)
    duration[-1] = 2000
    buffer = io.BytesIO()
    first, *rest = pictures
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=duration, loop=0)
    write_atomically(path, buffer.getvalue())
