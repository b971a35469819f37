"""Distances within a set against SciPy, MS-SSIM against torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics import distances
from gankit.metrics.diversity import WEIGHTS, class_distance, mean_distance, mean_ms_ssim, ms_ssim

RNG = np.random.default_rng(0)
X = RNG.normal(2, 1, size=(300, 7))
LABELS = np.arange(300) % 3


@pytest.mark.parametrize("tile", [(1000, 4000), (50, 70), (1, 300)])
def test_the_mean_distance_is_scipys_whatever_the_tile(tile, monkeypatch):
    pdist = pytest.importorskip("scipy.spatial.distance").pdist
    monkeypatch.setattr(distances, "ROWS", tile[0])
    monkeypatch.setattr(distances, "COLUMNS", tile[1])
    assert mean_distance(X) == pytest.approx(pdist(X).mean(), rel=1e-9)


def test_of_many_examples_random_pairs_are_enough():
    found = mean_distance(X, exact=100, pairs=20_000)
    assert found == pytest.approx(mean_distance(X), rel=0.01)
    assert found != mean_distance(X, exact=100, pairs=20_000, seed=1)
    # Two examples have one pair: an example is never paired with itself.
    assert mean_distance(X[:2], exact=1, pairs=50) == pytest.approx(mean_distance(X[:2]))


def test_each_class_has_its_own_distance():
    pdist = pytest.importorskip("scipy.spatial.distance").pdist
    x = X.copy()
    x[LABELS == 1] = x[1]  # a class that collapsed
    found = class_distance(x, LABELS, 4)
    assert found[0] == pytest.approx(pdist(x[LABELS == 0]).mean())
    assert found[1] == pytest.approx(0, abs=1e-6)
    assert np.isnan(found[3])
    with pytest.raises(ConfigError, match="needs 2 of them, got 1"):
        mean_distance(X[:1])


def expected_ms_ssim(torch, a, b):
    """By torchmetrics: contrast and structure of every scale but the last from its own MS-SSIM.

    Of the last scale it takes SSIM over padded borders too; Wang et al. do not, so here that is
    its map without them.
    """
    functional = pytest.importorskip("torchmetrics.functional.image")
    x, y = (torch.from_numpy(z.astype(np.float64))[:, None] for z in (a, b))
    values = []
    for i, j in zip(x.split(1), y.split(1), strict=True):
        structure = functional.multiscale_structural_similarity_index_measure(
            i, j, data_range=255.0, betas=(*WEIGHTS[:4], 0.0), normalize="relu"
        )
        for _ in range(4):
            i, j = (torch.nn.functional.avg_pool2d(z, 2) for z in (i, j))
        _, whole = functional.structural_similarity_index_measure(
            i, j, data_range=255.0, return_full_image=True
        )
        values.append(float(structure * whole[..., 5:-5, 5:-5].mean().clip(0) ** WEIGHTS[4]))
    return np.array(values) ** (1 / sum(WEIGHTS))


@pytest.mark.slow
def test_ms_ssim_is_torchmetrics():
    torch = pytest.importorskip("torch")
    coarse = RNG.integers(0, 256, size=(3, 24, 24)).repeat(8, 1).repeat(8, 2)
    a = (coarse + RNG.integers(-20, 20, coarse.shape)).clip(0, 255).astype(np.uint8)
    b = (0.7 * coarse + RNG.integers(-40, 40, coarse.shape)).clip(0, 255).astype(np.uint8)
    found = ms_ssim(a, b)
    assert np.allclose(found, expected_ms_ssim(torch, a, b), rtol=1e-6)
    assert (found < 0.98).all()


def test_ms_ssim_of_small_images_has_fewer_scales():
    a = RNG.integers(0, 256, size=(5, 28, 28)).astype(np.uint8)
    b = RNG.integers(0, 256, size=(5, 28, 28)).astype(np.uint8)
    assert np.allclose(ms_ssim(a, a), 1)
    assert np.allclose(ms_ssim(a, b), ms_ssim(b, a))
    assert (ms_ssim(a, b) < 0.5).all()
    grey = np.repeat(a[..., None], 3, 3), np.repeat(b[..., None], 3, 3)
    assert np.allclose(ms_ssim(*grey), ms_ssim(a, b))
    assert np.allclose(ms_ssim(a, 255 - a), 0)  # opposite structure
    for shape in ((5, 10, 28), (5, 28, 10)):
        with pytest.raises(ConfigError, match="11 pixels"):
            ms_ssim(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8))


def test_mean_ms_ssim_sees_a_collapse():
    images = RNG.integers(0, 256, size=(40, 16, 16)).astype(np.uint8)
    same = np.repeat(images[:1], 40, 0)
    assert mean_ms_ssim(same, pairs=20) == pytest.approx(1)
    assert mean_ms_ssim(images, pairs=150) < 0.5
    assert mean_ms_ssim(images, pairs=20) == mean_ms_ssim(images, pairs=20)


def test_with_labels_pairs_are_of_one_class():
    images = RNG.integers(0, 256, size=(3, 16, 16)).astype(np.uint8)
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 7])  # each class one picture; 7 is alone in its own
    assert mean_ms_ssim(images[labels % 7], labels, pairs=50) == pytest.approx(1)
    with pytest.raises(ConfigError, match="no class has 2"):
        mean_ms_ssim(images, np.arange(3))
    with pytest.raises(ConfigError, match="got 1"):
        mean_ms_ssim(images[:1])
