"""Measure how much a linear classifier reads from features, given few labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError, MissingExtraError
from gankit.randomness import Purpose, rng

Classifier = Literal["svm", "logistic"]
Features = NDArray[np.float32]
Indices = NDArray[np.int64]

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""The values of C, the weight of the examples' loss against the penalty, in the order tried."""
FITTED = 0.99
"""The share of fitted examples named rightly above which larger values of C may be left out.

They are left out if the last two values were worse than the best. The weaker the penalty, the
slower the fit.
"""
HELD_OUT = 5
"""One labelled example in this many is held out to choose C."""
VOTES = 1000
"""The number of held-out labels that is enough to choose C: later draws are then not used."""
ITERATIONS = 1000
SPAN = 2000
"""The most examples for which features are replaced by coordinates in the examples' span."""
ROWS = 1000


@dataclass(frozen=True)
class Reading:
    """The result of reading one kind of features from one number of labels.

    Attributes:
        right: the share of test examples named rightly, for each draw of labels.
        strength: the C that was chosen.
        unfinished: how many of the final fits reached the limit of iterations.
    """

    right: tuple[float, ...]
    strength: float
    unfinished: int


def balanced_draw(labels: Indices, per_class: int, seed: int, draw: int) -> Indices:
    """Return the indices of `per_class` random examples of each class, class after class.

    The indices for a smaller number are among those for a larger one. Raises ConfigError if a class
    has too few examples.
    """
    random = rng(seed, Purpose.LABELS, draw)
    chosen = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if len(own) < per_class:
            raise ConfigError(
                f"labels_per_class {per_class} asks more than there is: class number {label} "
                f"has {len(own)} examples",
                "labels_per_class",
            )
        chosen.append(random.permutation(own)[:per_class])
    return np.concatenate(chosen)


def standardise(train: Features, test: Features) -> None:
    """Standardise features in place, by the mean and deviation on `train`, to rows of norm about 1.

    So one grid of C serves features of any number and scale. A feature that never varies becomes 0.
    """
    mean = train.mean(0, dtype=np.float64)
    deviation = np.zeros_like(mean)
    for start in range(0, len(train), ROWS):
        deviation += np.square(train[start : start + ROWS] - mean).sum(0)
    deviation = np.sqrt(deviation / len(train))
    varies = deviation > 1e-6 * (np.abs(mean) + deviation.max())
    scale = np.where(varies, 1 / np.where(varies, deviation, 1), 0) / np.sqrt(train.shape[1])
    for features in (train, test):
        features -= mean.astype(np.float32)
        features *= scale.astype(np.float32)


def read_linearly(
    kind: Classifier,
    train: tuple[Features, Indices],
    test: tuple[Features, Indices],
    draws: Sequence[Indices],
    seed: int,
) -> Reading:
    """Choose C on held-out labels, fit each draw with it, name the test examples.

    Args:
        kind: the classifier.
        train, test: standardised features [N, D] and labels [N].
        draws: rows of `train` whose labels are known, as returned by `balanced_draw`: the same
            number of each class.
        seed: the seed of the classifier.

    A class-balanced fifth of a draw (at least one example of each class) is held out, draw after
    draw, until 1,000 labels are held out. The C that names most of these rightly, or the smallest
    of equally good ones, is used for all draws; each draw is fitted with it on all of its labels.
    No test label is used in choosing or fitting.

    Raises MissingExtraError without scikit-learn.
    """
    x, y = train
    best = _choose(kind, _trials(x, y, draws), seed)
    right, unfinished = [], 0
    for rows in draws:
        span = Span(x[rows])
        fitted = _fit(kind, best, span.own, y[rows], seed)
        unfinished += int(np.max(fitted.n_iter_) >= ITERATIONS)
        named = [fitted.predict(span(test[0][i : i + ROWS])) for i in range(0, len(test[0]), ROWS)]
        right.append(float((np.concatenate(named) == test[1]).mean()))
    return Reading(tuple(right), best, unfinished)


def _trials(
    x: Features, y: Indices, draws: Sequence[Indices]
) -> list[tuple[Features, Indices, NDArray[np.bool_]]]:
    """Return (examples, labels, whether held out) of each draw that is used to choose C."""
    trials, votes = [], 0
    for rows in draws:
        if votes >= VOTES:
            break
        place = np.arange(len(rows)) % (len(rows) // len(np.unique(y[rows])))
        held = place < max(1, (place.max() + 1) // HELD_OUT)
        trials.append((Span(x[rows]).own, y[rows], held))
        votes += int(held.sum())
    return trials


def _choose(
    kind: Classifier, trials: list[tuple[Features, Indices, NDArray[np.bool_]]], seed: int
) -> float:
    """Return the C that names most held-out labels rightly, the smallest of equally good ones."""
    named: list[int] = []
    for strength in STRENGTHS:
        named.append(0)
        for own, labels, held in trials:
            fitted = _fit(kind, strength, own[~held], labels[~held], seed)
            named[-1] += int((fitted.predict(own[held]) == labels[held]).sum())
        own, labels, held = trials[-1]
        if max(named[-2:]) < max(named) and fitted.score(own[~held], labels[~held]) > FITTED:
            break
    return STRENGTHS[named.index(max(named))]


class Span:
    """Coordinates in the span of a few examples, if there are more features than examples.

    The weights of a linear classifier with an L2 penalty are a combination of its examples, so
    its fit and its answers are the same in these coordinates, at a fraction of the cost.
    """

    def __init__(self, examples: Features) -> None:
        """Set `own` to the coordinates of `examples` [N, D]: [N, at most N] if N < D."""
        self._basis: Features | None = None
        self.own = examples
        if len(examples) < min(SPAN + 1, examples.shape[1]):
            values, vectors = np.linalg.eigh((examples @ examples.T).astype(np.float64))
            kept = values > values[-1] * 1e-6
            coefficients = vectors[:, kept] / np.sqrt(values[kept])
            self._basis = examples.T @ coefficients.astype(np.float32)
            self.own = self(examples)

    def __call__(self, features: Features) -> Features:
        """Return features [M, D] in these coordinates."""
        return features if self._basis is None else features @ self._basis


def _fit(kind: Classifier, strength: float, x: Features, y: Indices, seed: int) -> Any:
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import LinearSVC
    except ImportError:
        raise MissingExtraError("a linear classifier", "evaluate") from None
    if kind == "svm":
        # Both have the same optimum, but the dual converges slowly if the penalty is weak.
        dual = strength <= 1 or len(x) <= SPAN
        model = LinearSVC(C=strength, dual=dual, max_iter=ITERATIONS, random_state=seed % 2**32)
    else:
        model = LogisticRegression(C=strength, max_iter=ITERATIONS)
    with warnings.catch_warnings():  # counted by `read_linearly`
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y)


def memory_needed(rows: int, dims: int) -> int:
    """Return the bytes that a fit takes besides its features: as doubles, and a solver's copies."""
    return 0 if rows <= SPAN else rows * dims * (8 + 16)
