"""Toy sets of points. The modes of two are known, so the modes that a GAN misses can be counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gankit.data.dataset import ArrayDataset, array_fingerprint
from gankit.data.read_options import ReadOptions, Split
from gankit.errors import DataError
from gankit.randomness import Purpose, rng

COUNT = 25_600
"""Points in each toy set: on average 1,024 for a mode of the grid, 3,200 for a mode of the ring."""

SPIRAL_SIGMA = 0.02
"""The standard deviation of the noise on the spiral."""

MIXTURES = ("toy:ring8", "toy:grid25")
"""The toy sets whose modes are known."""


class Modes(NamedTuple):
    """Equally likely round Gaussians: centres, float64 [M, 2], and their standard deviation."""

    centres: NDArray[np.float64]
    sigma: float


def modes(name: str) -> Modes:
    """Return the modes of `toy:ring8` or `toy:grid25`.

    - `toy:ring8`: 8 on a circle of radius 2, standard deviation 0.02, as in Unrolled GANs
      (Metz et al. 2016, arXiv 1611.02163).
    - `toy:grid25`: 5 x 5 at -4, -2, 0, 2, 4, standard deviation 0.05, as in VEEGAN
      (Srivastava et al. 2017, arXiv 1705.07761) and PacGAN (Lin et al. 2017, arXiv 1712.04086).

    Raises:
        DataError: the name is neither of these.
    """
    if name == "toy:ring8":
        angles = np.arange(8) * (2 * np.pi / 8)
        return Modes(2 * np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.02)
    if name == "toy:grid25":
        axis = np.linspace(-4, 4, 5)
        return Modes(np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2), 0.05)
    raise DataError(f"data {name!r} has no known modes: give 'toy:ring8' or 'toy:grid25'")


def mixture(name: str, options: ReadOptions) -> ArrayDataset:
    """Return points from the modes of `name`, float32 [25600, 2]; the labels are the modes."""
    _refuse_picture_options(name, options)
    centres, sigma = modes(name)
    random = rng(0, Purpose.TOY, _draw(options.split))
    labels = random.integers(len(centres), size=COUNT)
    points = centres[labels] + sigma * random.standard_normal((COUNT, 2))
    return _dataset(name, points, labels, tuple(f"mode {mode}" for mode in range(len(centres))))


def spiral(options: ReadOptions) -> ArrayDataset:
    """Return points on a spiral with noise 0.02: float32 [25600, 2], without labels.

    The spiral makes two turns from the origin to radius 2. Points are even along its arm: the
    arm's length grows with the square of the angle, so the angle is drawn as the square root of a
    uniform number.
    """
    _refuse_picture_options("toy:spiral", options)
    random = rng(0, Purpose.TOY, _draw(options.split))
    along = np.sqrt(random.uniform(size=COUNT))
    angle = 4 * np.pi * along
    arm = 2 * along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _dataset("toy:spiral", arm + SPIRAL_SIGMA * random.standard_normal((COUNT, 2)))


GAUSSIAN = (1.5, 0.5)
"""The mean and the standard deviation of `toy:gaussian1d`."""


def gaussian(options: ReadOptions) -> ArrayDataset:
    """Return numbers from one normal distribution: float32 [25600, 1], without labels.

    Figure 1 of the first GAN paper (arXiv 1406.2661) shows such data.
    """
    _refuse_picture_options("toy:gaussian1d", options)
    mean, sigma = GAUSSIAN
    random = rng(0, Purpose.TOY, _draw(options.split))
    return _dataset("toy:gaussian1d", mean + sigma * random.standard_normal((COUNT, 1)))


def gaussian_density(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the density of `toy:gaussian1d` at each x, of the shape of `x`."""
    mean, sigma = GAUSSIAN
    bell = np.exp(-0.5 * ((x - mean) / sigma) ** 2)
    density: NDArray[np.float64] = bell / (sigma * np.sqrt(2 * np.pi))
    return density


def _draw(split: Split) -> int:
    return 0 if split == "train" else 1


def _dataset(
    name: str,
    points: NDArray[np.float64],
    labels: NDArray[np.int64] | None = None,
    class_names: tuple[str, ...] = (),
) -> ArrayDataset:
    examples = points.astype(np.float32)
    return ArrayDataset(name, examples, array_fingerprint(examples, labels), labels, class_names)


def _refuse_picture_options(name: str, options: ReadOptions) -> None:
    if options.size or options.crop or options.channels != "auto":
        raise DataError(f"data {name!r} is points, not images: leave size, crop and channels out")
