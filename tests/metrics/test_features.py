"""Measures of feature arrays against SciPy, scikit-learn and closed forms."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics import distances, frechet
from gankit.metrics.frechet import Moments, frechet_distance, moments
from gankit.metrics.kernel import kernel_distance, squared_mmd
from gankit.metrics.manifold import Manifold, manifold, share_repeated

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(300, 6)), RNG.normal(0.5, 1.5, size=(250, 6))


def blocks(features, size):
    return (features[i : i + size] for i in range(0, len(features), size))


@pytest.mark.parametrize(("size", "rows"), [(1, 1000), (7, 1000), (300, 1000), (300, 1), (299, 13)])
def test_moments_are_numpys_whatever_the_block(size, rows, monkeypatch):
    monkeypatch.setattr(frechet, "ROWS", rows)
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


@pytest.mark.parametrize("counts", [(5, 4), (30, 60), (60, 5), (90, 90)])
def test_singular_covariances_are_no_special_case(counts):
    """tr (A B)^(1/2) of A = X'X, B = Y'Y is the sum of the singular values of X Y'."""
    x, y = (RNG.normal(1, 2, size=(n, 64)) * np.logspace(0, -3, 64) for n in counts)
    a, b = moments([x]), moments([y])
    centred = [(z - z.mean(0)) / np.sqrt(len(z) - 1) for z in (x, y)]
    shared = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    traces = sum(np.square(z).sum() for z in centred)
    expected = np.square(x.mean(0) - y.mean(0)).sum() + traces - 2 * shared
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9 * traces)


def test_features_without_any_spread():
    same, other = moments([np.ones((9, 3))]), moments([np.full((9, 3), 3.0)])
    assert frechet_distance(same, other) == pytest.approx(12)
    assert frechet_distance(same, moments([A[:, :3]])) > 0


def test_what_has_no_frechet_distance_is_refused():
    with pytest.raises(ConfigError, match="at least 2"):
        moments([np.zeros((1, 3))])
    with pytest.raises(ConfigError, match="at least 2"):
        moments([])
    with pytest.raises(ConfigError, match="not finite"):
        moments([np.full((5, 3), np.nan)])
    with pytest.raises(ConfigError, match="6 and of 3 dimensions"):
        frechet_distance(moments([A]), moments([A[:, :3]]))


def test_the_kernel_distance_is_scikit_learns_kernel_summed():
    kernel = pytest.importorskip("sklearn.metrics.pairwise").polynomial_kernel
    aa, bb, ab = (kernel(x, y, degree=3, coef0=1) for x, y in ((A, A), (B, B), (A, B)))
    expected = (
        (aa.sum() - np.trace(aa)) / (300 * 299) + (bb.sum() - np.trace(bb)) / (250 * 249)
    ) - 2 * ab.mean()
    assert squared_mmd(A, B) == pytest.approx(expected, rel=1e-10)


def test_the_kernel_distance_is_its_double_sum():
    """The unbiased estimate of Gretton et al. 2012 (section 2.2), pair by pair."""
    a, b = A[:40], B[:30]

    def mean(x, y, *, same):
        pairs = [(p, q) for i, p in enumerate(x) for j, q in enumerate(y) if not (same and i == j)]
        return sum((float(np.dot(p, q)) / 6 + 1) ** 3 for p, q in pairs) / len(pairs)

    expected = mean(a, a, same=True) + mean(b, b, same=True) - 2 * mean(a, b, same=False)
    assert squared_mmd(a, b) == pytest.approx(expected, rel=1e-9)


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


def test_two_examples_at_least():
    with pytest.raises(ConfigError, match="got 1 and 250"):
        squared_mmd(A[:1], B)


def naive_manifold(real, fake, k):
    """Precision, recall, density and coverage as their papers' sums, pair by pair."""

    def radius(point, own):
        return sorted(np.linalg.norm(point - other) for other in own)[k]  # [0] is itself

    radii = [radius(x, real) for x in real], [radius(y, fake) for y in fake]
    apart = [[np.linalg.norm(x - y) for y in fake] for x in real]
    n, m = range(len(real)), range(len(fake))
    return Manifold(
        precision=np.mean([any(apart[i][j] < radii[0][i] for i in n) for j in m]),
        recall=np.mean([any(apart[i][j] < radii[1][j] for j in m) for i in n]),
        density=sum(apart[i][j] < radii[0][i] for i in n for j in m) / (k * len(fake)),
        coverage=np.mean([any(apart[i][j] < radii[0][i] for j in m) for i in n]),
    )


@pytest.mark.parametrize("tile", [(1000, 4000), (7, 11), (1, 1)])
def test_the_manifold_is_its_papers_sums_whatever_the_tile(tile, monkeypatch):
    monkeypatch.setattr(distances, "ROWS", tile[0])
    monkeypatch.setattr(distances, "COLUMNS", tile[1])
    real, fake = A[:45], 0.6 * B[:45]
    found = manifold(real, fake, 4)
    assert asdict(found) == pytest.approx(asdict(naive_manifold(real, fake, 4)), rel=1e-12)
    assert 0 < found.precision < 1
    assert 0 < found.recall < 1


@pytest.mark.parametrize("count", [120, 1300])  # one block of rows, and several
def test_the_manifold_is_what_scikit_learns_neighbours_say(count):
    neighbours = pytest.importorskip("sklearn.neighbors").NearestNeighbors
    pairwise = pytest.importorskip("sklearn.metrics").pairwise_distances
    real, fake, k = RNG.normal(size=(count, 4)), RNG.normal(0.3, 1, size=(count, 4)), 3
    radius = [neighbours(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, k] for x in (real, fake)]
    distance = pairwise(real, fake)
    held = distance < radius[0][:, None]
    found = manifold(real, fake, k)
    assert found.precision == pytest.approx(held.any(0).mean())
    assert found.recall == pytest.approx((distance < radius[1]).any(1).mean())
    assert found.density == pytest.approx(held.sum() / (k * count))
    assert found.coverage == pytest.approx(held.any(1).mean())


def real_coverage(count, k):
    """The coverage that as many examples of one distribution are expected to have (2002.09797)."""
    return 1 - math.prod((count - i) / (2 * count - i) for i in range(1, k + 1))


@pytest.mark.parametrize(("reals", "fakes"), [(250, 250), (250, 1000), (1000, 250)])
def test_more_examples_of_one_set_saturate_nothing(reals, fakes):
    rng = np.random.default_rng(7)
    found = [
        manifold(rng.normal(size=(reals, 3)), rng.normal(size=(fakes, 3)), 2) for _ in range(8)
    ]
    assert np.mean([m.coverage for m in found]) == pytest.approx(real_coverage(250, 2), abs=0.02)
    assert np.mean([m.density for m in found]) == pytest.approx(1, abs=0.08)
    equal = [manifold(*rng.normal(size=(2, 250, 3)), 2) for _ in range(8)]
    for name in ("precision", "recall"):
        values = [np.mean([getattr(m, name) for m in each]) for each in (found, equal)]
        assert values[0] == pytest.approx(values[1], abs=0.03)


def test_which_of_the_larger_set_are_measured_is_random():
    fakes = np.concatenate([A + 100, A])  # the first half covers nothing
    found = manifold(A, fakes, seed=0)
    assert found.precision == pytest.approx(0.5, abs=0.15)
    assert found == manifold(A, fakes, seed=0) != manifold(A, fakes, seed=1)


def test_a_set_against_itself_and_against_one_far_away():
    same, far = manifold(A, A), manifold(A, A + 100)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)
    with pytest.raises(ConfigError, match="k = 5"):
        manifold(A[:5], A)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_the_share_of_features_that_are_repeated(dtype):
    features = np.array([[0, 1], [0, 1], [0, 1], [2, 2], [2, 2], [3, 4]], dtype)
    assert [share_repeated(features, k) for k in (1, 2, 3)] == pytest.approx([5 / 6, 1 / 2, 0])
    if dtype != np.int64:  # minus 0 is 0
        assert share_repeated(np.array([[0.0], [-0.0]], dtype), 1) == 1
