"""Scores of classes: accuracy, Frechet distance by class, the Inception score."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from gankit.errors import ConfigError
from gankit.metrics.conditional import class_frechet, conditional_accuracy, label_match
from gankit.metrics.frechet import frechet_distance, moments
from gankit.metrics.inception_score import inception_score

RNG = np.random.default_rng(0)
LABELS = np.arange(300) % 3


def test_accuracy_overall_of_each_class_and_of_the_worst():
    asked = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
    read = np.array([0, 0, 0, 3, 1, 0, 2, 2, 2, 2])
    found = conditional_accuracy(read, asked, 4)
    assert found.overall == pytest.approx(8 / 10)
    assert np.allclose(found.each, [3 / 4, 1 / 2, 1, np.nan], equal_nan=True)  # nobody asked for 3
    assert (found.worst, found.worst_class) == (0.5, 1)


@pytest.mark.parametrize(
    ("read", "asked", "line"),
    [([0], [0, 1], "got 2 for 1"), ([], [], "got 0 for 0"), ([0], [5], "labels go from 5 to 5")],
)
def test_accuracy_of_what_does_not_fit(read, asked, line):
    with pytest.raises(ConfigError, match=line):
        conditional_accuracy(np.array(read, int), np.array(asked, int), 3)


def test_the_frechet_distance_of_each_class_is_that_of_its_examples():
    real, fake = RNG.normal(size=(300, 4)), RNG.normal(size=(300, 4))
    fake[LABELS == 2] += 3
    found = class_frechet(real, LABELS, fake, LABELS, 3)
    expected = [
        frechet_distance(moments([real[c == LABELS]]), moments([fake[c == LABELS]]))
        for c in range(3)
    ]
    assert found.each.tolist() == expected
    assert found.overall == pytest.approx(np.mean(expected))
    assert (found.worst, found.worst_class) == (expected[2], 2)


def test_classes_that_are_exchanged_are_seen_by_class_only():
    centres = np.array([[0.0, 0], [10, 0], [0, 10]])
    real, fake = (centres[LABELS] + RNG.normal(size=(300, 2)) for _ in range(2))
    exchanged = (LABELS + 1) % 3
    assert frechet_distance(moments([real]), moments([fake])) < 0.5
    assert class_frechet(real, LABELS, fake, LABELS, 3).worst < 0.5
    assert class_frechet(real, LABELS, fake, exchanged, 3).overall > 50


def test_a_class_of_too_few_examples_is_named():
    x = RNG.normal(size=(300, 2))
    with pytest.raises(ConfigError, match="class 3 has 0 real examples"):
        class_frechet(x, LABELS, x, LABELS, 4)
    with pytest.raises(ConfigError, match=r"class 0 has 40 fake examples.* needs 50"):
        class_frechet(x, LABELS, x[:120], LABELS[:120], 3)


def softmax(logits):
    p = np.exp(logits - logits.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def test_the_inception_score_is_its_formula_summed():
    p = softmax(RNG.normal(0, 2, size=(97, 5)))
    marginal = [sum(p[:, k]) / 97 for k in range(5)]
    kl = [sum(q * np.log(q / m) for q, m in zip(row, marginal, strict=True)) for row in p]
    assert inception_score(p, splits=1) == (pytest.approx(np.exp(sum(kl) / 97), rel=1e-12), 0)


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore` will save:UserWarning")
@pytest.mark.filterwarnings("ignore:std.*degrees of freedom:UserWarning")  # of one split
def test_the_inception_score_is_torchmetrics():
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("torchmetrics.image.inception").InceptionScore
    logits = RNG.normal(0, 2, size=(500, 10))
    theirs = reference(torch.nn.Identity(), splits=1).set_dtype(torch.float64)
    theirs.update(torch.from_numpy(logits))
    expected = float(theirs.compute()[0])
    assert inception_score(softmax(logits), splits=1)[0] == pytest.approx(expected, rel=1e-6)


def test_the_inception_score_at_its_ends():
    certain = np.eye(4)[np.arange(400) % 4]
    assert inception_score(certain, splits=1)[0] == pytest.approx(4)
    assert inception_score(np.full((50, 4), 0.25), splits=5) == (pytest.approx(1), 0)
    p = np.random.default_rng(0).random((99, 10))
    p /= p.sum(1, keepdims=True)
    # Rounding does not take the score of equal samples below 1, its least.
    assert min(inception_score(np.tile(row, (97, 1)), splits=1)[0] for row in p) >= 1
    assert inception_score(np.eye(4)[np.zeros(50, int)], splits=5)[0] == pytest.approx(1)


def test_samples_sorted_by_class_score_as_they_would_in_any_order():
    certain = np.eye(4)[np.sort(np.arange(400) % 4)]
    mean, spread = inception_score(certain)
    assert 3.5 < mean <= 4
    assert spread > 0
    assert inception_score(certain) == (mean, spread)
    assert inception_score(certain, seed=1) != (mean, spread)


def test_what_is_no_probability_is_refused():
    with pytest.raises(ConfigError, match="summing to 1"):
        inception_score(RNG.normal(size=(20, 3)))
    with pytest.raises(ConfigError, match="5 examples cannot be scored in 10 splits"):
        inception_score(np.full((5, 2), 0.5))


def test_label_match_is_the_agreement_of_a_nearest_neighbour_classifier():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(200, 4)), rng.normal(size=(90, 4))
    labels, asked = rng.integers(3, size=200), rng.integers(3, size=90)
    expected = KNeighborsClassifier(1).fit(real, labels).score(fake, asked)
    assert label_match(real, labels, fake, asked) == pytest.approx(expected)
    with pytest.raises(ConfigError):
        label_match(real, labels[:9], fake, asked)
