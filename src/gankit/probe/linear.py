"""How much a linear classifier reads from features, given few labels."""

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
"""Values of C, weights of the examples' loss against the penalty, tried in turn."""
FITTED = 0.99
"""Where this share of the examples is named rightly, and two values were worse than the best, the
rest is left out: the weaker the penalty, the slower the fit."""
HELD_OUT = 5
"""One labelled example in so many chooses C."""
VOTES = 1000
"""Held-out labels that are enough to choose C: later draws are then not asked."""
ITERATIONS = 1000
SPAN = 2000
"""Examples up to which features that are more than these are turned into their span."""
ROWS = 1000


@dataclass(frozen=True)
class Reading:
    """The share of test examples named rightly, for each draw of labels.

    `strength` is the C that was chosen, `unfinished` how many of the final fits reached the limit
    of iterations.
    """

    right: tuple[float, ...]
    strength: float
    unfinished: int


def balanced_draw(labels: Indices, per_class: int, seed: int, draw: int) -> Indices:
    """Indices of `per_class` examples of each class, those of one class after those of another.

    A smaller number gives a part of a larger one's. Raises ConfigError where a class has too few.
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
    """In place: each feature less its mean over its deviation on `train`; rows of norm about 1.

    So one grid of C serves features of any number and scale. One that never varies becomes 0.
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
        train, test: standardised features [N, D] and labels [N].
        draws: rows of `train` whose labels are known, as `balanced_draw` gives them, for classes
            of the same number each.

    A class-balanced fifth of a draw is held out (of a class at least one), draw after draw until
    1,000 labels were. The C that names most of these rightly, the smallest of equals, is taken for
    all draws; each is fitted with it on all of its labels. No test label is looked at.

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
    """Examples, labels and which of them are held out, of as many draws as choose C."""
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
    """The C that names most held-out labels rightly, the smallest of equals."""
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
    """Coordinates in the span of a few examples, where features are more than these.

    A linear classifier with an L2 penalty is a combination of its examples, so what it learns and
    says is the same in these coordinates, at a fraction of the cost.
    """

    def __init__(self, examples: Features) -> None:
        """`examples` [N, D]; `own` is what they become: [N, at most N] where N < D."""
        self._basis: Features | None = None
        self.own = examples
        if len(examples) < min(SPAN + 1, examples.shape[1]):
            values, vectors = np.linalg.eigh((examples @ examples.T).astype(np.float64))
            kept = values > values[-1] * 1e-6
            coefficients = vectors[:, kept] / np.sqrt(values[kept])
            self._basis = examples.T @ coefficients.astype(np.float32)
            self.own = self(examples)

    def __call__(self, features: Features) -> Features:
        """Features [M, D] in these coordinates."""
        return features if self._basis is None else features @ self._basis


def _fit(kind: Classifier, strength: float, x: Features, y: Indices, seed: int) -> Any:
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import LinearSVC
    except ImportError:
        raise MissingExtraError("a linear classifier", "evaluate") from None
    if kind == "svm":
        # The same optimum; coordinates of the dual converge slowly under a weak penalty.
        dual = strength <= 1 or len(x) <= SPAN
        model = LinearSVC(C=strength, dual=dual, max_iter=ITERATIONS, random_state=seed % 2**32)
    else:
        model = LogisticRegression(C=strength, max_iter=ITERATIONS)
    with warnings.catch_warnings():  # counted by `read_linearly`
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y)


def memory_needed(rows: int, dims: int) -> int:
    """Bytes that one fit takes besides its features: doubles, and a solver's copy of them."""
    return 0 if rows <= SPAN else rows * dims * (8 + 16)
