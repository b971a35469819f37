"""The SVM of features on disk is the one in memory."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.probe import streamed
from gankit.probe.linear import balanced_draw, read_linearly, standardise
from gankit.probe.streamed import Stored, fit_svm, name, read_streamed

svm = pytest.importorskip("sklearn.svm")

RANDOM = np.random.default_rng(0)
LABELS = np.arange(300) % 3
FEATURES = (RANDOM.normal(size=(300, 20)) + 1.5 * np.eye(3, 20)[LABELS]) * 7 + 40
FEATURES = FEATURES.astype(np.float16).astype(np.float32)


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setattr(streamed, "ROWS", 64)
    found = Stored(tmp_path / "x", 300, 20)
    found.write(0, FEATURES[:100])
    found.write(100, FEATURES[100:])
    found.standardise(np.arange(240))
    return found


def in_memory():
    train, test = FEATURES[:240].copy(), FEATURES[240:].copy()
    standardise(train, test)
    return train, test


def test_rows_are_standardised_as_they_are_in_memory(stored):
    blocks = list(stored.blocks(np.arange(300)))
    assert [len(block) for block in blocks] == [64, 64, 64, 64, 44]
    assert np.allclose(np.concatenate(blocks), np.concatenate(in_memory()), atol=1e-5)


@pytest.mark.parametrize("strength", [1.0, 100.0])
def test_it_is_the_svm_of_scikit_learn(stored, strength):
    train, test = in_memory()
    theirs = svm.LinearSVC(C=strength, tol=1e-6, max_iter=100_000).fit(train, LABELS[:240])
    rows = RANDOM.permutation(240)
    weights, finished = fit_svm(stored, rows, LABELS[rows], strength)
    assert finished
    wanted = np.concatenate([theirs.coef_.T, theirs.intercept_[None]])
    assert np.abs(weights - wanted).max() < 0.02 * np.abs(wanted).max()
    agree = name(stored, np.arange(240, 300), weights) == theirs.predict(test)
    assert agree.mean() > 0.95


def test_the_protocol_is_that_in_memory(stored):
    train, test = in_memory()
    draws = [balanced_draw(LABELS[:240], 60, 0, draw) for draw in range(2)]
    said = []
    rest = (np.arange(240, 300), LABELS[240:])
    found = read_streamed(stored, LABELS[:240], draws, rest, said.append)
    theirs = read_linearly("svm", (train, LABELS[:240]), (test, LABELS[240:]), draws, 0)
    assert np.abs(np.subtract(found.right, theirs.right)).max() <= 0.1
    assert said[-1].endswith("draw 2 of 2 is fitted")


def test_what_the_disk_or_half_precision_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="GB on disk"):
        Stored(tmp_path / "y", 10**12, 10**5)
    for number in (1e5, np.nan):
        with pytest.raises(ConfigError, match="half precision"):
            Stored(tmp_path / "z", 1, 1).write(0, np.array([[number]], np.float32))
