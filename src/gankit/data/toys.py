"""Points in the plane whose modes are known: what a GAN misses of them can be counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gankit.data.dataset import ArrayDataset, array_fingerprint
from gankit.data.images import ReadOptions, Split
from gankit.errors import DataError
from gankit.randomness import Purpose, rng

COUNT = 25_600
"""Points in each toy set: 1,024 a mode of the grid, 3,200 a mode of the ring, on average."""

SPIRAL_SIGMA = 0.02

MIXTURES = ("toy:ring8", "toy:grid25")
"""Those whose modes are known."""


class Modes(NamedTuple):
    """Equally likely round Gaussians: their centres, float64 [M, 2], and standard deviation."""

    centres: NDArray[np.float64]
    sigma: float


def modes(name: str) -> Modes:
    """The modes of `toy:ring8` or `toy:grid25`.

    - `toy:ring8`: 8 on a circle of radius 2, standard deviation 0.02, as in Unrolled GANs
      (Metz et al. 2016, arXiv 1611.02163).
    - `toy:grid25`: 5 x 5 at -4, -2, 0, 2, 4, standard deviation 0.05, as in VEEGAN
      (Srivastava et al. 2017, arXiv 1705.07761) and PacGAN (Lin et al. 2017, arXiv 1712.04086).

    Raises:
        DataError: the name is of neither.
    """
    if name == "toy:ring8":
        angles = np.arange(8) * (2 * np.pi / 8)
        return Modes(2 * np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.02)
    if name == "toy:grid25":
        axis = np.linspace(-4, 4, 5)
        return Modes(np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2), 0.05)
    raise DataError(f"data {name!r} has no known modes: give 'toy:ring8' or 'toy:grid25'")


def mixture(name: str, options: ReadOptions) -> ArrayDataset:
    """Points of the modes of `name`: float32 [25600, 2]; the labels are the modes."""
    _refuse_picture_options(name, options)
    centres, sigma = modes(name)
    random = rng(0, Purpose.TOY, _draw(options.split))
    labels = random.integers(len(centres), size=COUNT)
    points = centres[labels] + sigma * random.standard_normal((COUNT, 2))
    return _dataset(name, points, labels, tuple(f"mode {mode}" for mode in range(len(centres))))


def spiral(options: ReadOptions) -> ArrayDataset:
    """Two turns from the origin to radius 2 with noise 0.02: float32 [25600, 2], no labels.

    Even along the arm: its length grows with the square of the angle, so the angle is
    drawn as the square root of a uniform number.
    """
    _refuse_picture_options("toy:spiral", options)
    random = rng(0, Purpose.TOY, _draw(options.split))
    along = np.sqrt(random.uniform(size=COUNT))
    angle = 4 * np.pi * along
    arm = 2 * along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _dataset("toy:spiral", arm + SPIRAL_SIGMA * random.standard_normal((COUNT, 2)))


GAUSSIAN = (1.5, 0.5)
"""Mean and standard deviation of `toy:gaussian1d`."""


def gaussian(options: ReadOptions) -> ArrayDataset:
    """Numbers from one normal distribution: float32 [25600, 1], no labels.

    What the first GAN paper's figure 1 is drawn on (arXiv 1406.2661).
    """
    _refuse_picture_options("toy:gaussian1d", options)
    mean, sigma = GAUSSIAN
    random = rng(0, Purpose.TOY, _draw(options.split))
    return _dataset("toy:gaussian1d", mean + sigma * random.standard_normal((COUNT, 1)))


def gaussian_density(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The density of `toy:gaussian1d` at each x."""
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
    if options.size is not None or options.channels != "auto":
        raise DataError(f"data {name!r} is points, not images: leave size and channels out")
