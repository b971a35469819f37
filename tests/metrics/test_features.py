"""Measures of feature arrays against SciPy, scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics.frechet import Moments, frechet_distance, moments
from gankit.metrics.kernel import kernel_distance, squared_mmd
from gankit.metrics.manifold import manifold

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(300, 6)), RNG.normal(0.5, 1.5, size=(250, 6))


def blocks(features, size):
    return (features[i : i + size] for i in range(0, len(features), size))


@pytest.mark.parametrize("size", [1, 7, 300])
def test_moments_are_numpys_whatever_the_block(size):
    found = moments(blocks(A + 1e4, size))
    assert np.allclose(found.mean, (A + 1e4).mean(0), rtol=1e-12)
    assert np.allclose(found.covariance, np.cov(A.T), rtol=1e-8, atol=1e-10)
    assert found.count == 300


def test_the_frechet_distance_is_that_of_scipys_matrix_root():
    linalg = pytest.importorskip("scipy.linalg")
    a, b = moments([A]), moments([B])
    root = linalg.sqrtm(a.covariance @ b.covariance).real
    expected = np.square(a.mean - b.mean).sum() + np.trace(a.covariance + b.covariance - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_the_frechet_distance_of_diagonal_gaussians():
    a = Moments(np.zeros(3), np.diag([1.0, 4.0, 0.0]), 9)
    b = Moments(np.array([1.0, 0.0, 2.0]), np.diag([9.0, 4.0, 16.0]), 9)
    assert frechet_distance(a, b) == pytest.approx(1 + 4 + (1 - 3) ** 2 + 0 + 4**2)


def test_singular_covariances_are_no_special_case():
    few = moments([RNG.normal(size=(5, 40))])
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(frechet_distance(few, moments([RNG.normal(size=(4, 40))])))
    with pytest.raises(ConfigError, match="at least 2"):
        moments([np.zeros((1, 3))])


def test_the_kernel_distance_is_scikit_learns_kernel_summed():
    kernel = pytest.importorskip("sklearn.metrics.pairwise").polynomial_kernel
    aa, bb, ab = (kernel(x, y, degree=3, coef0=1) for x, y in ((A, A), (B, B), (A, B)))
    expected = (
        (aa.sum() - np.trace(aa)) / (300 * 299) + (bb.sum() - np.trace(bb)) / (250 * 249)
    ) - 2 * ab.mean()
    assert squared_mmd(A, B) == pytest.approx(expected, rel=1e-10)


def test_the_kernel_distance_of_one_distribution_is_about_0_and_may_be_below():
    other = RNG.normal(size=(300, 6))
    mean, spread = kernel_distance(A, other, subsets=40, size=100)
    assert abs(mean) < 0.05 < kernel_distance(A, B, subsets=40, size=100)[0]
    assert spread > 0
    assert kernel_distance(A, B, subsets=5, size=50, seed=3) == kernel_distance(
        A, B, subsets=5, size=50, seed=3
    )
    with pytest.raises(ConfigError, match="subsets of 1000"):
        kernel_distance(A, B)


@pytest.mark.parametrize("count", [120, 1300])  # one block of rows, and several
def test_the_manifold_is_what_scikit_learns_neighbours_say(count):
    neighbours = pytest.importorskip("sklearn.neighbors").NearestNeighbors
    pairwise = pytest.importorskip("sklearn.metrics").pairwise_distances
    real, fake, k = RNG.normal(size=(count, 4)), RNG.normal(0.3, 1, size=(90, 4)), 3
    radius = [neighbours(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, k] for x in (real, fake)]
    distance = pairwise(real, fake)
    held = distance < radius[0][:, None]
    found = manifold(real, fake, k)
    assert found.precision == pytest.approx(held.any(0).mean())
    assert found.recall == pytest.approx((distance < radius[1]).any(1).mean())
    assert found.density == pytest.approx(held.sum() / (k * 90))
    assert found.coverage == pytest.approx(held.any(1).mean())


def test_a_set_against_itself_and_against_one_far_away():
    same, far = manifold(A, A), manifold(A, A + 100)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)
    with pytest.raises(ConfigError, match="k = 5"):
        manifold(A[:5], A)
