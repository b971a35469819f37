"""Diversity: how far samples are from each other, in features and in image structure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features, as_labels, as_numbers, check_count, random
from gankit.metrics.distances import ROWS, blocks, tiles

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The weights of the scales, from the finest, as Wang et al. measured them on people."""
WINDOW, SIGMA = 11, 1.5
"""Side and standard deviation, in pixels, of the Gaussian window for comparing two images."""
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""Constants that keep SSIM's denominators above 0, for values of 0..255."""


@typed_arguments()
def mean_distance(
    features: NDArray[np.generic], *, exact: int = 4000, pairs: int = 100_000, seed: int = 0
) -> float:
    """Return the mean distance between two different features, at least 0; 0: all are the same.

    Its scale is that of the features: divide it by the mean distance of real examples.

    Args:
        features: [N, D].
        exact: up to this N all pairs are measured.
        pairs: number of random pairs measured for a larger N.
        seed: of the random pairs.

    >>> mean_distance(np.array([[0.0], [1.0], [2.0]])).__round__(6)
    1.333333

    Raises ConfigError for other shapes, or fewer than 2 features.
    """
    (features,) = as_features(features)
    check_count("pairs", pairs, most=10**9)
    rng, count = random(seed), len(features)
    if count < 2:
        raise ConfigError(f"a distance between examples needs 2 of them, got {count}")
    if count <= exact:
        total = sum(
            float(np.triu(distance, rows.start - columns.start + 1).sum())
            for rows, columns, distance in tiles(features, features)
        )
        return total / (count * (count - 1) / 2)
    first, second = _pairs(count, pairs, rng)
    apart = [
        np.linalg.norm(
            features[first[rows]].astype(np.float64) - features[second[rows]].astype(np.float64),
            axis=1,
        )
        for rows in blocks(pairs, ROWS)
    ]
    return float(np.concatenate(apart).mean())


@typed_arguments()
def class_distance(
    features: NDArray[np.generic], labels: NDArray[np.integer], classes: int, **options: int
) -> NDArray[np.float64]:
    """Return `mean_distance` within each class: float64 [classes].

    It shows a class that has collapsed, which an overall mean hides. A class of fewer than 2
    examples has nan.

    Args:
        features: [N, D].
        labels: whole numbers [N]; those outside 0..classes-1 are left out.
        classes: the number of classes.
        options: those of `mean_distance`.

    >>> class_distance(np.array([[0.0], [2.0], [5.0]]), np.array([0, 0, 1]), 2)
    array([ 2., nan])

    Raises ConfigError for other shapes than features [N, D] and labels [N].
    """
    (features,) = as_features(features)
    labels = as_labels(labels, len(features))
    check_count("classes", classes)
    own = [features[labels == c] for c in range(classes)]
    return np.array([mean_distance(f, **options) if len(f) > 1 else np.nan for f in own])


@typed_arguments()
def mean_ms_ssim(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer] | None = None,
    *,
    pairs: int = 1000,
    seed: int = 0,
) -> float:
    """Return the mean MS-SSIM of random pairs of images, 0 to 1: 1 if all are the same.

    Odena et al. 2016 (arXiv 1610.09585) used it so, within classes. It tells whether a generator
    has collapsed; small differences of diversity are below its noise.

    Args:
        images: uint8 [N, H, W] or [N, H, W, C].
        labels: whole numbers [N]; if given, each image's partner is drawn from its own class.
        pairs: number of pairs.
        seed: of the pairs.

    >>> mean_ms_ssim(np.full((4, 16, 16), 90, np.uint8), pairs=10)
    1.0

    Raises ConfigError for other shapes, if there is no pair, or if images are under 11 pixels a
    side.
    """
    rng = random(seed)
    images = _as_images(images)
    check_count("pairs", pairs)
    labels = None if labels is None else as_labels(labels, len(images))
    if len(images) < 2:
        raise ConfigError(f"MS-SSIM compares images, got {len(images)}")
    if labels is None:
        first, second = _pairs(len(images), pairs, rng)
    else:
        first, second = _pairs_of_a_class(labels, pairs, rng)
    values = [
        ms_ssim(images[first[rows]], images[second[rows]]) for rows in blocks(len(first), 100)
    ]
    return float(np.concatenate(values).mean())


def ms_ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the multi-scale structural similarity of each pair of images: float64 [N], 0 to 1.

    Wang, Simoncelli and Bovik 2003 (Asilomar), without padding. An image under 176 pixels a side
    has fewer scales than the paper's 5 (28 pixels: 2; 64: 3; 128: 4): as many as leave room for
    the window of 11 pixels, with the first weights scaled to sum to 1. So compare values only at
    one image size. If structures are opposite and a scale's term is negative, it counts as 0.

    Args:
        a, b: uint8 [N, H, W] or [N, H, W, C]; channels are averaged at each scale.

    >>> black, white = np.zeros((1, 16, 16), np.uint8), np.full((1, 16, 16), 255, np.uint8)
    >>> ms_ssim(black, black), ms_ssim(black, white) < 0.1
    (array([1.]), array([ True]))

    Raises ConfigError for other shapes, for images under 11 pixels a side, or if the two shapes
    differ.
    """
    a, b = _as_images(a), _as_images(b)
    if a.shape != b.shape or min(a.shape[1:3]) < WINDOW:
        raise ConfigError(
            f"MS-SSIM compares images of one size, {WINDOW} pixels a side or more, "
            f"got {a.shape[1:3]} and {b.shape[1:3]}"
        )
    scales = 1
    while scales < len(WEIGHTS) and min(a.shape[1:3]) >> scales >= WINDOW:
        scales += 1
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    x, y = _planes(a), _planes(b)
    result = np.ones(len(a))
    for scale, weight in enumerate(weights):
        if scale:
            x, y = _halved(x), _halved(y)
        structure, whole = _similarity(x, y)
        result *= (whole if scale == scales - 1 else structure).clip(0) ** weight
    return result


def _as_images(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    images = as_numbers(images, "images")
    if images.ndim not in (3, 4) or images.dtype != np.uint8:
        raise ConfigError(
            f"images must be uint8 [N, H, W] or [N, H, W, C], got {images.dtype} "
            f"{list(images.shape)}"
        )
    return images


def _similarity(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two means over planes [N, C, H, W]: each [N].

    They are of contrast times structure, and of that times luminance.
    """
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance = _blurred(x * x) - mean_x**2 + _blurred(y * y) - mean_y**2
    shared = _blurred(x * y) - mean_x * mean_y
    structure = (2 * shared + C2) / (variance + C2)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return structure.mean((1, 2, 3)), (structure * luminance).mean((1, 2, 3))


def _blurred(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Gaussian means at the places where the window fits: [N, C, H - 10, W - 10]."""
    return _windows(x.shape[2]) @ x @ _windows(x.shape[3]).T


def _windows(side: int) -> NDArray[np.float64]:
    """Return the matrix [side - 10, side] that takes Gaussian means of a column of pixels."""
    places = np.arange(side) - np.arange(side - WINDOW + 1)[:, None] - WINDOW // 2
    weights: NDArray[np.float64] = np.exp(-(places**2) / (2 * SIGMA**2)) * (
        abs(places) <= WINDOW // 2
    )
    weights /= weights.sum(1, keepdims=True)
    return weights


def _halved(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return means of 2 x 2 pixels; an odd last row or column is left out."""
    x = x[..., : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
    return (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4


def _planes(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return images [N, H, W] or [N, H, W, C] as float64 [N, C, H, W]."""
    x = images.astype(np.float64)
    return x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)


def _pairs(
    count: int, pairs: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw `pairs` pairs of two different indices below `count`: two arrays [pairs]."""
    first = rng.integers(count, size=pairs)
    return first, (first + rng.integers(1, count, size=pairs)) % count


def _pairs_of_a_class(
    labels: NDArray[np.integer], pairs: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw `pairs` pairs of two different indices of one class: two arrays [pairs].

    Examples that are alone in their class are left out.
    """
    order = np.argsort(labels, kind="stable")
    _, start, size = np.unique(labels[order], return_index=True, return_counts=True)
    where = np.repeat(np.arange(len(size)), size)  # the class of each place in the order
    usable = np.flatnonzero(size[where] > 1)
    if not len(usable):
        raise ConfigError("no class has 2 images to compare")
    first = rng.choice(usable, pairs)
    begin, among = start[where[first]], size[where[first]]
    second = begin + (first - begin + rng.integers(1, among)) % among
    return order[first], order[second]
