"""Intervals cover what they say, and why the bootstrap is not among them."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics.frechet import frechet_distance, moments
from gankit.metrics.intervals import (
    _t_95,
    interval_of_draws,
    interval_of_halves,
    interval_of_mean,
    interval_of_share,
    over_runs,
)
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


def shares(rng, share, count, shape, *, vary=False):
    """Shares of `count` examples; with `vary`, each draw has a share of its own to count."""
    own = rng.beta(50 * share, 50 * (1 - share), shape) if vary else np.full(shape, share)
    return rng.binomial(count, own) / count


@pytest.mark.parametrize("share", [0.01, 0.3, 0.98])
@pytest.mark.parametrize("vary", [False, True])
def test_another_share_falls_into_the_interval_of_draws_as_often(share, vary):
    drawn = shares(np.random.default_rng(1), share, 2000, (1000, 6), vary=vary)
    ends = np.array([interval_of_draws(row[:5], within=(0, 1)) for row in drawn])
    held = (ends[:, 0] <= drawn[:, 5]) & (drawn[:, 5] <= ends[:, 1])
    assert 0.91 < held.mean() < 0.98


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("vary", [False, True])
def test_the_mean_of_all_runs_lies_in_the_interval_over_runs_95_times_in_100(share, vary):
    drawn = shares(np.random.default_rng(2), share, 2000, (1000, 4), vary=vary)
    found = np.array([over_runs(row, within=(0, 1)) for row in drawn])
    assert np.allclose(found[:, 0], drawn.mean(1))
    assert 0.9 < np.mean((found[:, 1] <= share) & (share <= found[:, 2])) < 0.98


@pytest.mark.parametrize(
    "values", [(0, 0), (1, 1, 1), (0, 1), (0, 0, 0, 1e-9), (1, 1, 0.999), (0, 3e-4)]
)
def test_the_interval_of_shares_stays_in_0_to_1_and_holds_their_mean(values):
    mean, low, high = over_runs(values, within=(0, 1))
    assert mean == pytest.approx(np.mean(values))
    assert 0 <= low <= mean <= high <= 1
    drawn = interval_of_draws(values, within=(0, 1), count=500)
    assert 0 <= drawn[0] <= low <= high <= drawn[1] <= 1
    counts = interval_of_draws([8 * value for value in values], within=(0, 8), count=500)
    assert counts == pytest.approx([8 * end for end in drawn])  # modes found, of 8


def test_draws_that_do_not_differ_scatter_as_counts_do():
    assert interval_of_draws([0, 0, 0], within=(0, 1)) == (0, 0)
    low, high = interval_of_draws([0] * 5, within=(0, 1), count=5000)
    assert (low, high) == (0, pytest.approx(0.00046, rel=0.01))
    # A share at which none of 5 draws counts any is often followed by one in another draw.
    drawn = shares(np.random.default_rng(3), 0.00003, 5000, (4000, 6))
    nothing = drawn[(drawn[:, :5] == 0).all(1), 5]
    assert len(nothing) > 1000
    assert (nothing <= high).mean() > 0.95 > (nothing <= 0).mean()


def test_the_interval_over_runs_of_any_score_is_students():
    assert over_runs([3.0, 4.0, 4.5]) == (pytest.approx(23 / 6), *interval_of_mean([3.0, 4.0, 4.5]))
    low, high = interval_of_draws([0.01, 0.2, 0.05], within=(0, np.inf))
    assert (low, high) == (0, interval_of_draws([0.01, 0.2, 0.05])[1])


@pytest.mark.parametrize("share", [0, 0.003, 0.2, 0.9, 1])
def test_a_single_shares_interval_is_scipys_and_holds_the_share(share):
    stats = pytest.importorskip("scipy.stats")
    count = 1000
    theirs = stats.binomtest(round(share * count), count).proportion_ci(method="wilson")
    assert interval_of_share(share, count) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    drawn = shares(np.random.default_rng(4), share, count, 2000)
    ends = np.array([interval_of_share(each, count) for each in drawn])
    assert np.mean((ends[:, 0] <= share) & (share <= ends[:, 1])) > 0.91
    assert ((ends >= 0) & (ends <= 1)).all()


def test_what_is_no_share_or_no_number_is_refused():
    for values in ([0.5, 1.2], [-0.1, 0.5]):
        with pytest.raises(ConfigError, match="from 0 to 1, got"):
            over_runs(values, within=(0, 1))
    for values in ([0.5, np.inf], [np.nan, 0.5]):
        with pytest.raises(ConfigError, match="finite"):
            over_runs(values)
    for share, count in ((1.5, 10), (0.5, 0), (np.nan, 10)):
        with pytest.raises(ConfigError, match="a share lies in"):
            interval_of_share(share, count)


def test_one_draw_has_no_interval():
    for function in (interval_of_draws, interval_of_mean, over_runs):
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
    with pytest.raises(ConfigError, match="draws must be 10 to 1,000,000, got 5"):
        interval_of_halves(coverage, draw(9), draw(9), draws=5)
    with pytest.raises(ConfigError, match="3 real"):
        interval_of_halves(coverage, draw(3), draw(9))
