"""Linear classifiers from few labels: what they learn, and that they look at nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.probe.linear import STRENGTHS, Span, balanced_draw, read_linearly, standardise

pytest.importorskip("sklearn")
both = pytest.mark.parametrize("kind", ["svm", "logistic"])


def clouds(count: int, dims: int, apart: float, seed: int = 0):
    """Three classes, around three far corners."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    x = rng.normal(size=(count, dims)) + apart * np.eye(3, dims)[labels]
    return x.astype(np.float32), labels.astype(np.int64)


def reading(kind, train, test, per_class, draws=3, seed=0):
    standardise(train[0], test[0])
    rows = [balanced_draw(train[1], per_class, seed, draw) for draw in range(draws)]
    return read_linearly(kind, train, test, rows, seed)


@both
def test_what_can_be_separated_is(kind):
    found = reading(kind, clouds(300, 5, 12), clouds(90, 5, 12, seed=1), 20)
    assert len(found.right) == 3
    assert min(found.right) > 0.98
    assert found.strength in STRENGTHS
    assert found.unfinished == 0


@both
def test_what_cannot_be_told_is_not(kind):
    found = reading(kind, clouds(300, 5, 0), clouds(900, 5, 0, seed=1), 20)
    assert np.mean(found.right) == pytest.approx(1 / 3, abs=0.07)


def nearly_one_direction(count: int, seed: int):
    """What tells the classes is a hundredth of what is there: a strong penalty hides it."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    loud = rng.normal(size=count)
    quiet = 0.01 * (2 * y - 1) + rng.normal(0, 0.002, count)
    return np.stack([loud, loud + quiet], 1).astype(np.float32), y.astype(np.int64)


@both
def test_c_is_the_one_that_held_out_labels_ask_for(kind):
    found = reading(kind, nearly_one_direction(400, 0), nearly_one_direction(200, 1), 100)
    assert found.strength >= 100
    assert min(found.right) > 0.85


@both
@pytest.mark.slow
def test_more_labels_read_more(kind):
    few, many = (
        reading(kind, clouds(1500, 40, 2.5), clouds(900, 40, 2.5, seed=1), n) for n in (4, 400)
    )
    assert np.mean(many.right) > np.mean(few.right) + 0.1


@both
def test_the_same_seed_twice_is_the_same_and_another_one_is_not(kind):
    a, b, c = (
        reading(kind, clouds(300, 50, 2), clouds(300, 50, 2, seed=1), 10, seed=s) for s in (0, 0, 1)
    )
    assert a == b
    assert a.right != c.right


@pytest.mark.parametrize("dual", [True, False])
def test_in_the_span_of_few_examples_a_classifier_is_the_same(dual):
    from sklearn.svm import LinearSVC

    x, y = clouds(30, 200, 3)
    other = clouds(60, 200, 3, seed=1)[0]
    standardise(x, other)
    span = Span(x)
    assert span.own.shape[0] == 30
    assert span.own.shape[1] < 31
    settings = {"C": 1.0, "dual": dual, "tol": 1e-8, "max_iter": 100_000, "random_state": 0}
    whole = LinearSVC(**settings).fit(x, y).decision_function(other)
    within = LinearSVC(**settings).fit(span.own, y).decision_function(span(other))
    assert np.allclose(whole, within, atol=1e-4)


def test_features_fewer_than_the_examples_stay_as_they_are():
    x, _ = clouds(30, 10, 3)
    assert Span(x).own is x


def test_draws_are_balanced_seeded_and_nested():
    labels = np.repeat([0, 1, 2], [50, 20, 30])
    draw = balanced_draw(labels, 8, 0, 0)
    assert np.bincount(labels[draw]).tolist() == [8, 8, 8]
    assert len(set(draw)) == 24
    assert np.array_equal(draw, balanced_draw(labels, 8, 0, 0))
    assert not np.array_equal(draw, balanced_draw(labels, 8, 0, 1))
    assert not np.array_equal(draw, balanced_draw(labels, 8, 1, 0))
    assert set(draw) < set(balanced_draw(labels, 20, 0, 0))
    with pytest.raises(ConfigError, match="class number 1 has 20 examples"):
        balanced_draw(labels, 21, 0, 0)


def test_standardised_by_the_training_examples_alone():
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    train = rng.normal(3, [1, 10, 0.1, 0], size=(2500, 4)).astype(np.float32)
    test = rng.normal(3, [1, 10, 0.1, 5], size=(70, 4)).astype(np.float32)
    scaler = StandardScaler().fit(train.astype(np.float64))
    wanted = [scaler.transform(x.astype(np.float64)) / 2 for x in (train, test)]
    standardise(train, test)
    for x, y in zip((train, test), wanted, strict=True):
        assert np.allclose(x[:, :3], y[:, :3], atol=1e-4)
        assert (x[:, 3] == 0).all()  # it never varies among the training examples
