"""Folders of pictures with what an inspection should find in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A smooth colour picture of its own, of (height, width)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)


def save(path: Path, seed: int, size: tuple[int, int] = (48, 40)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, size).save(path)
    return path


def pets(folder: Path) -> Path:
    """Two classes in two splits, with repeats within and across them, and broken files."""
    for i in range(6):
        save(folder / f"train/cat/{i}.png", i, (48, 40) if i else (64, 80))
        save(folder / f"train/dog/{i}.png", 100 + i)
        save(folder / f"test/cat/{i}.png", 200 + i)
        save(folder / f"test/dog/{i}.png", 300 + i)
    save(folder / "train/cat/again.png", 1)
    save(folder / "test/dog/leak.png", 102)
    picture(3).save(folder / "test/cat/leak.jpg", quality=80)
    save(folder / "train/dog/a cat.png", 4)
    (folder / "train/cat/broken.png").write_bytes(b"no picture")
    return folder
