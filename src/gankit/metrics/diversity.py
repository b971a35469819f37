"""Diversity: how far samples are from each other, in features and in structure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features, as_labels
from gankit.metrics.distances import ROWS, blocks, tiles

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, from the finest, as Wang et al. measured them on people."""
WINDOW, SIGMA = 11, 1.5
"""Of the Gaussian under which two images are compared, in pixels."""
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def mean_distance(
    features: NDArray[np.generic], *, exact: int = 4000, pairs: int = 100_000, seed: int = 0
) -> float:
    """Mean distance of two different ones of the features [N, D]; 0 where all are the same.

    Of all pairs where N is at most `exact`, else of `pairs` drawn at random. Its scale is that of
    the features: read it over the same of real examples.

    >>> mean_distance(np.array([[0.0], [1.0], [2.0]])).__round__(6)
    1.333333

    Raises ConfigError for other shapes, or fewer than 2 features.
    """
    (features,) = as_features(features)
    count = len(features)
    if count < 2:
        raise ConfigError(f"a distance between examples needs 2 of them, got {count}")
    if count <= exact:
        total = sum(
            float(np.triu(distance, rows.start - columns.start + 1).sum())
            for rows, columns, distance in tiles(features, features)
        )
        return total / (count * (count - 1) / 2)
    first, second = _pairs(count, pairs, np.random.default_rng(seed))
    apart = [
        np.linalg.norm(
            features[first[rows]].astype(np.float64) - features[second[rows]].astype(np.float64),
            axis=1,
        )
        for rows in blocks(pairs, ROWS)
    ]
    return float(np.concatenate(apart).mean())


def class_distance(
    features: NDArray[np.generic], labels: NDArray[np.integer], classes: int, **options: int
) -> NDArray[np.float64]:
    """`mean_distance` within each class: float64 [classes], nan for one of fewer than 2 examples.

    It sees a class that collapsed while the others hide it. `options` are `mean_distance`'s.

    >>> class_distance(np.array([[0.0], [2.0], [5.0]]), np.array([0, 0, 1]), 2)
    array([ 2., nan])

    Raises ConfigError for other shapes than features [N, D] and labels [N].
    """
    (features,) = as_features(features)
    labels = as_labels(labels, len(features))
    own = [features[labels == c] for c in range(classes)]
    return np.array([mean_distance(f, **options) if len(f) > 1 else np.nan for f in own])


def mean_ms_ssim(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer] | None = None,
    *,
    pairs: int = 1000,
    seed: int = 0,
) -> float:
    """Mean MS-SSIM of random pairs of images: 1 where all are the same, less where they differ.

    As Odena et al. 2016 (arXiv 1610.09585) used it, within a class where `labels` are given. It
    tells a collapse from none; small differences of diversity are below its noise.

    Args:
        images: uint8 [N, H, W] or [N, H, W, C].
        labels: [N]; pairs are then of one class, each image's partner drawn from its own.
        pairs: how many.

    >>> mean_ms_ssim(np.full((4, 16, 16), 90, np.uint8), pairs=10)
    1.0

    Raises ConfigError for other shapes, if there is no pair, or if images are under 11 pixels a
    side.
    """
    rng = np.random.default_rng(seed)
    _check_images(images)
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
    """Multi-scale structural similarity of each pair of images: float64 [N], 0 to 1.

    Wang, Simoncelli and Bovik 2003 (Asilomar), without padding. An image under 176 pixels has
    fewer scales than the paper's 5 (28 pixels: 2; 64: 3; 128: 4): as many as leave the window its
    11 pixels, the first weights scaled to sum to 1. So values compare at one image size only.
    Structure that is opposite, so that a scale's term is negative, counts as 0.

    Args:
        a, b: uint8 [N, H, W] or [N, H, W, C]; channels are averaged at each scale.

    >>> black, white = np.zeros((1, 16, 16), np.uint8), np.full((1, 16, 16), 255, np.uint8)
    >>> ms_ssim(black, black), ms_ssim(black, white) < 0.1
    (array([1.]), array([ True]))

    Raises ConfigError for images under 11 pixels a side, or of two shapes.
    """
    _check_images(a)
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


def _check_images(images: NDArray[np.uint8]) -> None:
    if images.ndim not in (3, 4) or images.dtype != np.uint8:
        raise ConfigError(
            f"images must be uint8 [N, H, W] or [N, H, W, C], got {images.dtype} "
            f"{list(images.shape)}"
        )


def _similarity(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(contrast and structure, those times luminance) of planes [N, C, H, W], each mean: [N]."""
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance = _blurred(x * x) - mean_x**2 + _blurred(y * y) - mean_y**2
    shared = _blurred(x * y) - mean_x * mean_y
    structure = (2 * shared + C2) / (variance + C2)
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return structure.mean((1, 2, 3)), (structure * luminance).mean((1, 2, 3))


def _blurred(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Under the window, where it lies inside: [N, C, H - 10, W - 10]."""
    return _windows(x.shape[2]) @ x @ _windows(x.shape[3]).T


def _windows(side: int) -> NDArray[np.float64]:
    """The matrix [side - 10, side] whose product with a column is its Gaussian means."""
    places = np.arange(side) - np.arange(side - WINDOW + 1)[:, None] - WINDOW // 2
    weights: NDArray[np.float64] = np.exp(-(places**2) / (2 * SIGMA**2)) * (
        abs(places) <= WINDOW // 2
    )
    weights /= weights.sum(1, keepdims=True)
    return weights


def _halved(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of 2 x 2 pixels; an odd last row or column is left out."""
    x = x[..., : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
    return (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4


def _planes(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """[N, H, W] or [N, H, W, C] -> float64 [N, C, H, W]."""
    x = images.astype(np.float64)
    return x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)


def _pairs(
    count: int, pairs: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of two different ones of `count`, `pairs` times."""
    first = rng.integers(count, size=pairs)
    return first, (first + rng.integers(1, count, size=pairs)) % count


def _pairs_of_a_class(
    labels: NDArray[np.integer], pairs: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As `_pairs`, the second of the first's class; examples alone in theirs are left out."""
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
