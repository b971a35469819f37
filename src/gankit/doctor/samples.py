"""Finished samples, and the real examples that they were learned from, as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gankit.data import Dataset, as_planes
from gankit.metrics.distances import nearest
from gankit.stabilisers.augment import mirrors
from gankit.trained.gan import GAN

IMAGES, POINTS = 500, 2000
"""The number of samples to draw, of images and of points."""
COPIED = 0.5
"""A sample is called a copy if it is nearer to a training example than this share of what lies
between two of those."""
MOST_WATCHED = 2**22
"""The most numbers of the training images that samples are compared with while a run trains."""
MOST_NUMBERS = 2**25
"""The most numbers in the training examples that are searched.

That is 43,000 digits, or 2,700 images of 64 x 64 in colour.
"""


@dataclass(frozen=True)
class Examination:
    """Samples and real examples to compare; images are float32 in [0, 1].

    Attributes:
        fake: samples [N, D], asked for each class in turn if the run is conditional.
        asked: the classes that they were asked for, int64 [N], or None.
        train: real training examples [M, D], in an order that mixes their classes.
        labels: their classes, int64 [M], or None.
        class_names: the names of the classes.
        count: the number of all training examples; M of them are here.
        mirrored: the samples [N, D] in a mirror, if D has seen the training examples so; or None.
    """

    fake: NDArray[np.float32]
    asked: NDArray[np.int64] | None
    train: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    class_names: tuple[str, ...]
    count: int
    mirrored: NDArray[np.float32] | None = None

    @cached_property
    def nearest_train(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each sample, the index of the nearest training example, and its distance."""
        return nearest(self.fake, self.train)

    @cached_property
    def copied(self) -> float:
        """The share of samples that are copies of training examples, or of their mirror images."""
        usual = float(np.median(self.left_out[1]))
        return _copied(self.nearest_train[1], self.mirrored, self.train, usual)

    @cached_property
    def left_out(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each of the first N training examples, the nearest other one, and its distance.

        New examples from the same source would have such distances.
        """
        return nearest(self.train[: len(self.fake)], self.train, skip_own=True)


class Copies:
    """How many samples are copies of few training images: cheap enough to ask while a run trains.

    If the images hold more than `MOST_WATCHED` numbers, only every so many-th row and column of
    each is compared.
    """

    def __init__(self, dataset: Dataset, mirrored: bool = False) -> None:
        """Read all images of a data set of at least two.

        `mirrored`: whether D sees them in a mirror too, so that G may copy what it sees there.
        """
        self._mirrored = mirrored
        images = dataset.read(np.arange(len(dataset)))
        self._every = int(np.ceil((images.size / MOST_WATCHED) ** 0.5))
        self._train = self._flat(images)
        self._usual = float(np.median(nearest(self._train, self._train, skip_own=True)[1]))

    def share(self, samples: NDArray[np.generic]) -> float:
        """Return the share of samples, uint8 [N, H, W] or [N, H, W, C], that are copies."""
        planes = as_planes(samples)
        apart = nearest(self._flat(planes), self._train)[1]
        turned = self._flat(planes[..., ::-1]) if self._mirrored else None
        return _copied(apart, turned, self._train, self._usual)

    def _flat(self, images: NDArray[np.generic]) -> NDArray[np.float32]:
        return flat(images[:, :, :: self._every, :: self._every])


def _copied(
    apart: NDArray[np.float64],
    mirrored: NDArray[np.float32] | None,
    train: NDArray[np.float32],
    usual: float,
) -> float:
    """Return the share of samples that are copies.

    Samples are `apart` [N] from the nearest of `train` [M, D], of which two are `usual` apart.
    Their mirror images [N, D] count as well if they are given.
    """
    if mirrored is not None:
        apart = np.minimum(apart, nearest(mirrored, train)[1])
    return float((apart < COPIED * usual).mean())


def examine_samples(gan: GAN, dataset: Dataset, seed: int = 0) -> Examination:
    """Draw samples and choose real examples, both by `seed`."""
    count = IMAGES if dataset.is_images else POINTS
    rng = np.random.default_rng(seed)
    most = min(len(dataset), max(count, MOST_NUMBERS // int(np.prod(dataset.shape))))
    chosen = rng.permutation(len(dataset))[:most]
    labels = dataset.labels
    if labels is not None:
        labels = None if labels.ndim > 1 else labels[chosen]
    asked = None
    if gan.condition:  # it is asked by vectors: take those of real examples
        assert dataset.labels is not None
        vectors = dataset.labels[rng.integers(len(dataset), size=count)]
        fake = gan.as_stored(count, vectors, seed)
    else:
        asked = gan.labels_for(count)
        fake = gan.as_stored(count, seed=seed)
    if dataset.is_images:  # channels first, as in the data
        fake = as_planes(fake)
    return Examination(
        fake=flat(fake),
        mirrored=flat(fake[..., ::-1]) if mirrors(gan.config) else None,
        asked=asked,
        train=flat(dataset.read(chosen)),
        labels=labels,
        class_names=dataset.class_names,
        count=len(dataset),
    )


def flat(examples: NDArray[np.generic]) -> NDArray[np.float32]:
    """Flatten examples [N, ...] to float32 [N, D], and scale uint8 to [0, 1]."""
    scale = np.float32(1 / 255 if examples.dtype == np.uint8 else 1)
    scaled: NDArray[np.float32] = examples.reshape(len(examples), -1).astype(np.float32) * scale
    return scaled
