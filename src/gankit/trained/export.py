"""Write samples to files: a grid, an archive of arrays, or a folder of pictures."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError, RunError
from gankit.pictures import grid, save_png, scatter
from gankit.storage import write_atomically
from gankit.text import reason, shown
from gankit.trained.gan import GAN, Labels
from gankit.trained.latents import Latents

MOST_PIXELS = 50_000_000
"""The most pixels of a grid; for more, a folder is better."""


MOST_SAMPLES = 10**8
"""The most samples in one call; a larger number can only be a slip."""


def read_label(typed: str | None) -> Labels:
    """Read a label as it is typed: a class's name or number, or a file `x.npy`.

    The file holds one vector for all samples, or one for each. Raises ConfigError if it cannot be
    read.
    """
    if typed is None or not typed.endswith(".npy"):
        return typed
    try:
        vectors: NDArray[np.generic] = np.load(typed, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f"label {typed} is no array: {reason(error)}", "label") from None
    return vectors


def write_samples(
    gan: GAN,
    n: int,
    label: Labels,
    seed: int,
    target: Path,
    latents: Latents | None = None,
) -> None:
    """Write `n` samples of one class, or of all classes in turn; or those of given latents.

    Args:
        gan: the trained run.
        n: the number of samples.
        label: one label or one for each sample, as in `GAN.sample`; None: every class in turn.
        seed: the seed of the samples.
        target: `x.png` for one grid, or a plot of points; `x.npz` for `images`, uint8 [n, H, W] or
            [n, H, W, C] (or `points`, `tokens`, `trajectories`, as `GAN.sample` returns them) and,
            for a conditional run, `labels`, int64 [n] or float32 [n, C]; any other name for a
            folder, filled with one PNG file for each sample, block by block.
        latents: the latents of the samples, in place of `n` and `seed`.

    Raises:
        ConfigError: the label, n or target does not fit the run.
        RunError: the files cannot be written.
    """
    if n > MOST_SAMPLES:
        raise ConfigError(f"n must be at most {MOST_SAMPLES:,}, got {shown(n)}", "n")
    samples = _Samples(gan, n, label, seed, latents)
    try:
        if target.suffix == ".png":
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_grid(samples, target)
        elif target.suffix == ".npz":
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_arrays(samples, target)
        elif target.suffix and not target.is_dir():
            raise ConfigError(
                f"target must be name.png, name.npz or a folder's name, got {target.name}", "target"
            )
        else:
            _write_folder(samples, target)
    except OSError as error:
        raise RunError(f"samples cannot be written to '{target}': {error.strerror}") from None


class _Samples:
    """Samples that were asked for: by number, label and seed, or by their latents."""

    def __init__(self, gan: GAN, n: int, label: Labels, seed: int, latents: Latents | None) -> None:
        self.gan = gan
        self.latents = None if latents is None else gan.adopt(latents, label)
        self.n = n if latents is None else len(latents)
        self._label, self._seed = label, seed

    def blocks(self) -> Iterator[NDArray[Any]]:
        if self.latents is not None:
            return self.gan.blocks(latents=self.latents)
        return self.gan.blocks(self.n, self._label, self._seed)

    def all(self) -> NDArray[Any]:
        if self.latents is not None:
            return self.gan.sample(latents=self.latents)
        return self.gan.sample(self.n, self._label, self._seed)

    def labels(self) -> NDArray[Any] | None:
        """Return the label of each; None if the run knows none."""
        if self.latents is not None:
            return self.latents.labels
        return self.gan.labels_for(self.n, self._label)

    def check_images(self) -> None:
        if self.gan.kind != "images":
            plot = ", or name.png for a plot" if self.gan.kind == "points" else ""
            raise ConfigError(
                f"{self.gan.kind} are no pictures: choose target name.npz{plot}", "target"
            )


def _write_grid(samples: _Samples, target: Path) -> None:
    gan, n = samples.gan, samples.n
    if gan.kind == "points":
        points = samples.all()
        save_png(target, scatter(points, points, None))
        return
    samples.check_images()
    if n * math.prod(gan.shape[1:]) > MOST_PIXELS:
        raise ConfigError(
            f"a grid of {n:,} images is too large to look at: choose target name.npz or a folder",
            "target",
        )
    classes = len(gan.class_names)
    labels = samples.labels()
    by_class = labels is not None and np.array_equal(labels, np.arange(n) % max(1, classes))
    columns = classes if by_class and 2 <= classes <= 16 else math.ceil(math.sqrt(n))
    save_png(target, grid(samples.all(), min(columns, n)))


def _write_arrays(samples: _Samples, target: Path) -> None:
    labels = samples.labels()
    arrays = {str(samples.gan.kind): samples.all()}
    if labels is not None:
        arrays["labels"] = labels
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(target, buffer.getvalue())


def _write_folder(samples: _Samples, target: Path) -> None:
    samples.check_images()
    gan, labels = samples.gan, samples.labels()
    if labels is not None and (labels.ndim != 1 or not gan.class_names):
        labels = None  # a vector, or a mixture, names no class
    target.mkdir(parents=True, exist_ok=True)
    written, digits = 0, len(str(samples.n - 1))
    for block in samples.blocks():
        for picture in block:
            suffix = "" if labels is None else f"-{gan.class_names[labels[written]]}"
            name = f"{written:0{digits}d}{suffix}".replace("/", "_")
            save_png(target / f"{name}.png", picture)
            written += 1
