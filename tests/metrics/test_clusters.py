"""Clusters matched to classes."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.metrics.clusters import match_clusters


def test_clusters_are_matched_one_to_one_for_the_most_agreement():
    pytest.importorskip("scipy")
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    clusters = np.array([2, 2, 1, 0, 0, 0, 1, 1, 1])
    assert match_clusters(clusters, labels, 3).tolist() == [1, 2, 0]
