"""Log-likelihood by a Parzen window."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics.parzen import log_likelihoods, parzen_score


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
