"""A linear SVM of features that do not fit in memory: half precision on disk, read block by block.

50,000 images with 28,672 features each (arXiv 1511.06434, section 5.1) take 2.9 GB so; as floats in
memory, with a solver's copies, they would take over 40.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError
from gankit.probe.linear import HELD_OUT, ITERATIONS, STRENGTHS, Features, Indices, Reading

ROWS = 1000
"""The number of rows that are in memory at a time."""
HALF = 65504.0
"""The largest number of half precision."""
Weights = NDArray[np.float64]


class Stored:
    """Features [N, D] in a file, in half precision; `blocks` standardises what it reads."""

    def __init__(self, path: Path, count: int, dims: int) -> None:
        """Make the file. Raises ConfigError if the disk has no room for it."""
        needed, free = 2 * count * dims, shutil.disk_usage(path.parent).free
        if needed > free:
            raise ConfigError(
                f"{count:,} x {dims:,} features need {needed / 1e9:.1f} GB on disk, and "
                f"'{path.parent}' has {free / 1e9:.1f} free: lower labels_per_class, draws or "
                "test_limit, or name another folder in TMPDIR",
                *("labels_per_class", "draws", "test_limit"),
            )
        self._file = np.memmap(path, np.float16, "w+", shape=(count, dims))
        self.mean = np.zeros(dims, np.float32)
        self.scale = np.ones(dims, np.float32)

    def __len__(self) -> int:
        return len(self._file)

    def write(self, start: int, features: Features) -> None:
        """Write rows from `start` on. Raises ConfigError if a number is too large."""
        if not np.abs(features).max(initial=0) <= HALF:
            raise ConfigError(
                "the discriminator's features are too large for half precision: lower "
                "labels_per_class, so that they fit in memory"
            )
        self._file[start : start + len(features)] = features

    def standardise(self, train: Indices) -> None:
        """Set mean and scale as `linear.standardise` does, by the rows `train`."""
        total = np.zeros(self._file.shape[1])
        for rows in _parts(train):
            total += self._file[rows].astype(np.float32).sum(0, dtype=np.float64)
        mean, square = total / len(train), np.zeros_like(total)
        for rows in _parts(train):
            square += np.square(self._file[rows] - mean).sum(0)
        deviation = np.sqrt(square / len(train))
        varies = deviation > 1e-6 * (np.abs(mean) + deviation.max())
        scale = np.where(varies, 1 / np.where(varies, deviation, 1), 0) / np.sqrt(len(mean))
        self.mean, self.scale = mean.astype(np.float32), scale.astype(np.float32)

    def blocks(self, rows: Indices) -> Iterator[Features]:
        """Yield the standardised rows, float32, in blocks of at most `ROWS`."""
        for part in _parts(rows):
            block = self._file[part].astype(np.float32)
            block -= self.mean
            block *= self.scale
            yield block


def _parts(rows: Indices) -> Iterator[Indices]:
    yield from (rows[start : start + ROWS] for start in range(0, len(rows), ROWS))


def read_streamed(
    stored: Stored,
    labels: Indices,
    draws: Sequence[Indices],
    test: tuple[Indices, Indices],
    say: Callable[[str], None],
) -> Reading:
    """Choose C on a fifth of the first draw, fit each draw with it, name the test rows.

    C is chosen as in `linear.read_linearly`, but the search ends when two values were worse than
    the best.

    Args:
        stored: the standardised features.
        labels: the class of each of the first rows of `stored`.
        draws: rows whose labels are known, class after class, the same number of each.
        test: rows to name, with the class of each.
        say: is called with a line about each fit.
    """
    best, weights = _choose(stored, labels, draws[0], say)
    right, unfinished = [], 0
    for rows in draws:
        weights, finished = fit_svm(stored, rows, labels[rows], best, weights)
        right.append(float((name(stored, test[0], weights) == test[1]).mean()))
        unfinished += int(not finished)
        say(f"C = {best:g}: draw {len(right)} of {len(draws)} is fitted")
    return Reading(tuple(right), best, unfinished)


def _choose(
    stored: Stored, labels: Indices, rows: Indices, say: Callable[[str], None]
) -> tuple[float, Weights]:
    """Return the C that names most of the held-out rows, and weights to begin a fit with."""
    held = np.arange(len(rows)) % HELD_OUT == 0
    own, others = rows[~held], rows[held]
    right, weights = list[int](), np.zeros((len(stored.mean) + 1, int(labels.max()) + 1))
    for strength in STRENGTHS:
        weights, _ = fit_svm(stored, own, labels[own], strength, weights)
        right.append(int((name(stored, others, weights) == labels[others]).sum()))
        say(f"C = {strength:g}: {right[-1] / len(others):.2%} of the held-out labels")
        if len(right) - right.index(max(right)) > 2:
            break
    return STRENGTHS[right.index(max(right))], weights


def fit_svm(
    stored: Stored, rows: Indices, labels: Indices, strength: float, start: Weights | None = None
) -> tuple[Weights, bool]:
    """Fit scikit-learn's `LinearSVC` (squared hinge, one class against the rest) by L-BFGS.

    Each class minimises ||w||^2 / 2 + C sum_i max(0, 1 - y_i w x_i)^2 with y_i = 1 for its own and
    -1 for others; a 1 is appended to every x.

    Returns:
        weights float64 [D + 1, K], the classes by their numbers 0..K-1; and whether the search
        ended before its limit of iterations.
    """
    from scipy.optimize import minimize

    dims = len(stored.mean)
    classes = int(labels.max()) + 1
    order = np.argsort(rows)  # the file is read in its own order
    rows, labels = rows[order], labels[order]
    signs = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0).astype(np.float32)

    def loss(flat: Weights) -> tuple[float, Weights]:
        weights = flat.reshape(dims + 1, classes)
        single, slope = weights.astype(np.float32), weights.copy()
        value, at = float(np.square(weights).sum()) / 2, 0
        for block in stored.blocks(rows):
            sign = signs[at : at + len(block)]
            short = np.maximum(1 - sign * (block @ single[:-1] + single[-1]), 0)
            value += strength * float(np.square(short, dtype=np.float64).sum())
            pull = -2 * strength * sign * short
            slope[:-1] += block.T @ pull
            slope[-1] += pull.sum(0)
            at += len(block)
        return value, slope.ravel()

    begin = np.zeros((dims + 1, classes)) if start is None else start
    options = {"maxiter": ITERATIONS, "maxcor": 20, "ftol": 1e-6, "gtol": 0.0}
    found = minimize(loss, begin.ravel(), jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(dims + 1, classes), found.nit < ITERATIONS


def name(stored: Stored, rows: Indices, weights: Weights) -> Indices:
    """Return the class of the highest answer for each of the rows."""
    single = weights.astype(np.float32)
    answers = [block @ single[:-1] + single[-1] for block in stored.blocks(rows)]
    best: Indices = np.concatenate(answers).argmax(1)
    return best
