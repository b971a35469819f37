"""Intervals cover what they say, and why the bootstrap is not among them."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics.frechet import frechet_distance, moments
from gankit.metrics.intervals import _t_95, interval_of_draws, interval_of_halves, interval_of_mean
from gankit.metrics.manifold import manifold

RNG = np.random.default_rng(0)


def frechet(real, fake):
    return frechet_distance(moments([real]), moments([fake]))


def coverage(real, fake):
    return manifold(real, fake).coverage


def draw(count, dimensions=4):
    return RNG.normal(size=(count, dimensions))


@pytest.mark.parametrize("freedom", [1, 2, 5, 10, 11, 20, 100, 10_000])
def test_students_t_is_scipys(freedom):
    t = pytest.importorskip("scipy.stats").t
    assert _t_95(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=1e-4)


def test_the_interval_of_the_mean_is_scipys():
    stats = pytest.importorskip("scipy.stats")
    values = [3.0, 4.0, 4.5, 2.0]
    expected = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert interval_of_mean(values) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("count", [2, 5])
def test_another_draw_falls_into_the_interval_of_draws_95_times_in_100(count):
    scores = RNG.normal(7, 2, size=(4000, count + 1))
    ends = np.array([interval_of_draws(list(row[:count])) for row in scores])
    held = (ends[:, 0] < scores[:, count]) & (scores[:, count] < ends[:, 1])
    assert held.mean() == pytest.approx(0.95, abs=0.015)


def test_one_draw_has_no_interval():
    for function in (interval_of_draws, interval_of_mean):
        with pytest.raises(ConfigError, match="2 or more draws, got 1"):
            function([1.0])


@pytest.mark.slow
@pytest.mark.parametrize(("metric", "count"), [(frechet, 400), (coverage, 300)])
def test_halves_scatter_as_new_draws_do(metric, count):
    others = [metric(draw(count), draw(count) + 0.3) for _ in range(150)]
    middle = np.mean(others)
    ends = [interval_of_halves(metric, draw(count), draw(count) + 0.3, draws=40) for _ in range(60)]
    held = np.mean([low < middle < high for low, high in ends])
    width = np.mean([high - low for low, high in ends])
    assert held > 0.8
    assert width == pytest.approx(3.92 * np.std(others), rel=0.25)


@pytest.mark.slow
def test_the_bootstrap_moves_what_it_should_only_spread():
    real, fake = draw(300, 20), draw(300, 20)
    for metric, sign in ((frechet, 1), (coverage, -1)):
        again = [
            metric(real[RNG.integers(300, size=300)], fake[RNG.integers(300, size=300)])
            for _ in range(20)
        ]
        value = metric(real, fake)
        assert (sign * (np.array(again) - value) > 0).all()  # every one on the same side
        low, high = interval_of_halves(metric, real, fake, draws=10)
        assert low < value < high


def test_halves_of_the_samples_alone():
    real, fake = draw(200), draw(200)
    calls = []

    def metric(a, b):
        calls.append((len(a), len(b)))
        return float(b.mean())

    first = interval_of_halves(metric, real, fake, draws=20, fixed_real=True)
    assert calls == [(200, 200)] + [(200, 100)] * 20
    assert first == interval_of_halves(metric, real, fake, draws=20, fixed_real=True)
    assert first != interval_of_halves(metric, real, fake, draws=20, fixed_real=True, seed=1)


def test_too_little_to_halve_is_refused():
    with pytest.raises(ConfigError, match="10 draws and 4 examples, got 5, and 9 real"):
        interval_of_halves(coverage, draw(9), draw(9), draws=5)
    with pytest.raises(ConfigError, match="3 real"):
        interval_of_halves(coverage, draw(3), draw(9))
