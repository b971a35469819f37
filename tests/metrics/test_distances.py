"""The nearest neighbour."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.metrics import distances
from gankit.metrics.distances import nearest, nearest_labels

RNG = np.random.default_rng(0)


def plainly_nearest(queries, examples, skip_own):
    apart = np.square(queries[:, None].astype(float) - examples[None].astype(float)).sum(2)
    if skip_own:
        np.fill_diagonal(apart, np.inf)
    return apart.argmin(1), np.sqrt(apart.min(1))


SETS = {
    "normal": (RNG.normal(size=(90, 6)), RNG.normal(size=(250, 6))),
    "far from 0": (1e5 + RNG.normal(size=(90, 6)), 1e5 + RNG.normal(size=(250, 6))),
    "large": (1e25 * RNG.normal(size=(30, 6)), 1e25 * RNG.normal(size=(90, 6))),
    "small": (1e-25 * RNG.normal(size=(30, 6)), 1e-25 * RNG.normal(size=(90, 6))),
    "one far away": (RNG.normal(size=(90, 6)), np.diag([1e7, *[1] * 5])[RNG.integers(0, 6, 50)]),
    "repeated": (RNG.integers(0, 3, (90, 2)), RNG.integers(0, 3, (250, 2))),
    "all the same": (np.ones((30, 2)), np.ones((90, 2))),
    "bytes": (RNG.integers(0, 256, (90, 20), np.uint8), RNG.integers(0, 256, (250, 20), np.uint8)),
    "many numbers": RNG.random((2, 40, 3000), np.float32),
}


@pytest.mark.parametrize("skip_own", [False, True])
@pytest.mark.parametrize("tile", [(1000, 4000), (7, 11)])
@pytest.mark.parametrize("name", SETS)
def test_the_nearest_is_that_of_all_differences_in_float64(name, tile, skip_own, monkeypatch):
    monkeypatch.setattr(distances, "ROWS", tile[0])
    monkeypatch.setattr(distances, "COLUMNS", tile[1])
    queries, examples = SETS[name]
    examples = queries if skip_own else examples
    index, apart = nearest(queries, examples, skip_own)
    expected, least = plainly_nearest(queries, examples, skip_own)
    assert np.allclose(apart, least, rtol=1e-12, atol=0)
    if name not in ("repeated", "all the same", "one far away"):  # ties
        assert (index == expected).all()


def test_copies_in_the_last_block_are_all_found(monkeypatch):
    monkeypatch.setattr(distances, "COLUMNS", 300)
    examples = RNG.normal(size=(2000, 8)).astype(np.float32)
    index, apart = nearest(examples[-120:], examples)
    assert (index == np.arange(1880, 2000)).all()
    assert (apart == 0).all()


def test_the_nearest_neighbour_is_scikit_learn_s():
    neighbours = pytest.importorskip("sklearn.neighbors").KNeighborsClassifier
    rng = np.random.default_rng(0)
    examples = rng.integers(0, 256, (300, 4, 4)).astype(np.uint8)
    queries = rng.integers(0, 256, (1100, 4, 4)).astype(np.uint8)
    labels = rng.integers(0, 5, 300)
    flat = [a.reshape(len(a), -1).astype(float) for a in (examples, queries)]
    expected = neighbours(1).fit(flat[0], labels).predict(flat[1])
    assert (nearest_labels(examples, labels, queries) == expected).mean() > 0.999  # ties
