"""k-means features: shaped as they should be, blind to brightness, and able to tell textures."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.probe.kmeans_features import KMeansFeatures
from gankit.probe.linear import balanced_draw, read_linearly, standardise

pytest.importorskip("sklearn")


def textures(count: int, seed: int = 0, channels: int = 1):
    """Stripes across or along, at a random place: no pixel tells which."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(np.int64)
    waves = np.sin(np.arange(17)[None] * 1.5 + rng.uniform(0, 2 * np.pi, count)[:, None])
    across = np.repeat(waves[:, :, None], 17, 2)
    pictures = np.where(labels[:, None, None] == 1, across, across.transpose(0, 2, 1))
    noisy = 100 + 40 * pictures + rng.normal(0, 10, pictures.shape)
    return np.repeat(noisy[:, None], channels, 1).clip(0, 200).astype(np.uint8), labels


@pytest.mark.parametrize("channels", [1, 3])
def test_four_numbers_a_centroid(channels):
    images, _ = textures(20, channels=channels)
    features = KMeansFeatures(images, 8, seed=0)
    found = features(images)
    assert features.dims == 32
    assert found.shape == (20, 32)
    assert (found >= 0).all()
    assert found.std() > 0


def test_brightness_and_the_other_images_do_not_matter():
    images, _ = textures(12)
    features = KMeansFeatures(images, 8, seed=0)
    found = features(images)
    assert np.allclose(features(images + np.uint8(50)), found, atol=1e-4)
    assert np.allclose(features(images[3:4]), found[3:4], atol=1e-4)


def test_it_is_the_papers_encoding_patch_by_patch():
    images, _ = textures(12, channels=3)
    features = KMeansFeatures(images, 8, seed=0)
    mean, whiten, centroids = (
        x.double().numpy()
        for x in (features.codebook.mean, features.codebook.whiten, features.codebook.centroids)
    )
    image = np.random.default_rng(1).integers(0, 256, (3, 17, 17)).astype(np.uint8)
    quarters = np.zeros((8, 2, 2))
    for row in range(12):
        for column in range(12):
            patch = image[:, row : row + 6, column : column + 6].astype(float).ravel()
            patch = (patch - patch.mean()) / np.sqrt(patch.var() + 10)
            z = np.linalg.norm((patch - mean) @ whiten - centroids, axis=1)
            quarters[:, row // 6, column // 6] += np.maximum(0, z.mean() - z) / 36
    assert np.allclose(features(image[None])[0], quarters.ravel(), atol=1e-4)


def test_a_quarter_is_where_it_is():
    """Mirrored top to bottom, a flat picture with one texture in a corner swaps its quarters."""
    images, _ = textures(12)
    features = KMeansFeatures(images, 8, seed=0)
    corner = np.full((1, 1, 17, 17), 100, np.uint8)
    corner[:, :, :5, :5] = images[:1, :, :5, :5]
    maps = features(corner).reshape(8, 2, 2)
    quiet = features(np.full_like(corner, 100)).reshape(8, 2, 2)
    changed = np.abs(maps - quiet).max(0)
    assert changed[0, 0] > 1e-3
    assert changed[1, 1] < 1e-5
    assert changed.argmax() == 0


def test_the_seed_decides():
    images, _ = textures(20)
    a, b, c = (KMeansFeatures(images, 8, seed=s)(images) for s in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_textures_that_no_linear_map_of_pixels_tells():
    (train, y), (test, y_test) = textures(200), textures(100, seed=1)
    features = KMeansFeatures(train, 8, seed=0)
    rows = [balanced_draw(y, 20, 0, draw) for draw in range(2)]
    right = {}
    for name, extract in (("k-means", features), ("pixels", lambda x: x.reshape(len(x), -1))):
        pair = [extract(x).astype(np.float32) for x in (train, test)]
        standardise(*pair)
        found = read_linearly("svm", (pair[0], y), (pair[1], y_test), rows, 0)
        right[name] = np.mean(found.right)
    assert right["k-means"] > 0.98
    assert right["pixels"] < 0.8
