"""Each measure against a closed form or another library."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics.clusters import match_clusters
from gankit.metrics.modes import count_modes, kl_to_uniform
from gankit.metrics.nearest import nearest_labels
from gankit.metrics.parzen import log_likelihoods, parzen_score
from gankit.metrics.tags import choose_tags


def test_parzen_is_scikit_learn_s_kernel_density():
    density = pytest.importorskip("sklearn.neighbors").KernelDensity
    rng = np.random.default_rng(0)
    samples, test = rng.normal(size=(60, 5)), rng.normal(size=(700, 5))
    found = log_likelihoods(samples, test, [0.3, 0.7])
    for row, sigma in zip(found, (0.3, 0.7), strict=True):
        assert np.allclose(
            row, density(bandwidth=sigma).fit(samples).score_samples(test), atol=1e-9
        )


def test_parzen_of_one_centre_is_the_normal_density():
    found = log_likelihoods(np.zeros((1, 3)), np.ones((1, 3)), [0.5])[0, 0]
    assert found == pytest.approx(-3 / (2 * 0.25) - 3 * math.log(0.5 * math.sqrt(2 * math.pi)))


def test_parzen_far_away_is_finite():
    assert np.isfinite(log_likelihoods(np.zeros((2, 784)), np.full((1, 784), 9.0), [0.1])).all()


def test_parzen_chooses_on_validation_and_refuses_the_edge():
    rng = np.random.default_rng(0)
    samples, validation, test = (0.3 * rng.normal(size=(n, 2)) for n in (500, 100, 100))
    nats, error, sigma = parzen_score(samples, validation, test)
    assert 0.1 < sigma < 1
    scores = log_likelihoods(samples, test, [sigma])[0]
    assert nats == pytest.approx(scores.mean())
    assert error == pytest.approx(scores.std() / 10)
    with pytest.raises(ConfigError, match="the edge of those tried"):
        parzen_score(samples, validation, test, [5.0, 6.0])


def test_the_nearest_neighbour_is_scikit_learn_s():
    neighbours = pytest.importorskip("sklearn.neighbors").KNeighborsClassifier
    rng = np.random.default_rng(0)
    examples = rng.integers(0, 256, (300, 4, 4)).astype(np.uint8)
    queries = rng.integers(0, 256, (1100, 4, 4)).astype(np.uint8)
    labels = rng.integers(0, 5, 300)
    flat = [a.reshape(len(a), -1).astype(float) for a in (examples, queries)]
    expected = neighbours(1).fit(flat[0], labels).predict(flat[1])
    assert (nearest_labels(examples, labels, queries) == expected).mean() > 0.999  # ties


def test_clusters_are_matched_one_to_one_for_the_most_agreement():
    pytest.importorskip("scipy")
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    clusters = np.array([2, 2, 1, 0, 0, 0, 1, 1, 1])
    assert match_clusters(clusters, labels, 3).tolist() == [1, 2, 0]


def test_modes_are_counted_by_good_samples():
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = np.array([[0.1, 0], [0, 0.2], [10, 0.29], [5, 5]])
    found = count_modes(points, centres, 0.1)
    assert (found.found, found.good) == (2, 0.75)
    assert found.kl == pytest.approx(2 / 3 * math.log(2 / 3 * 3) + 1 / 3 * math.log(1 / 3 * 3))


def test_kl_is_0_where_even_and_log_m_where_one_of_m():
    assert kl_to_uniform(np.array([5, 5, 5])) == pytest.approx(0)
    assert kl_to_uniform(np.array([9, 0, 0, 0])) == pytest.approx(math.log(4))
    assert kl_to_uniform(np.zeros(3, int)) == math.inf


def test_tags_are_the_words_that_most_samples_are_near_to():
    words = np.eye(4)
    samples = np.array([[1, 0.5, 0, 0.1], [0.9, 0.6, 0, 0], [0, 0, 0.2, 3.0]])
    assert choose_tags(samples, words, nearest=1, common=2).tolist() == [0, 3]
    assert choose_tags(samples, words, nearest=2, common=2).tolist() == [0, 1]
    assert choose_tags(5 * samples, words, nearest=9, common=9).shape == (4,)
