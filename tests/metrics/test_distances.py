"""The nearest neighbour."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.metrics.distances import nearest_labels


def test_the_nearest_neighbour_is_scikit_learn_s():
    neighbours = pytest.importorskip("sklearn.neighbors").KNeighborsClassifier
    rng = np.random.default_rng(0)
    examples = rng.integers(0, 256, (300, 4, 4)).astype(np.uint8)
    queries = rng.integers(0, 256, (1100, 4, 4)).astype(np.uint8)
    labels = rng.integers(0, 5, 300)
    flat = [a.reshape(len(a), -1).astype(float) for a in (examples, queries)]
    expected = neighbours(1).fit(flat[0], labels).predict(flat[1])
    assert (nearest_labels(examples, labels, queries) == expected).mean() > 0.999  # ties
