"""How well clusters that nobody named agree with classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError, MissingExtraError
from gankit.metrics.arrays import as_labels


def match_clusters(
    clusters: NDArray[np.int64], labels: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """The class of each cluster, one to one, that agrees with most examples: int64 [classes].

    Fit it on training examples and score it on others.

    >>> match_clusters(np.array([1, 1, 0]), np.array([0, 0, 1]), 2).tolist()
    [1, 0]

    Args:
        clusters, labels: whole numbers [N], 0..classes-1.

    Raises ConfigError for other shapes or numbers, MissingExtraError without SciPy.
    """
    clusters, labels = as_labels(clusters, len(clusters)), as_labels(labels, len(clusters))
    for given in (clusters, labels):
        if len(given) and not 0 <= given.min() <= given.max() < classes:
            raise ConfigError(f"clusters and labels must be in 0 to {classes - 1}")
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError:
        raise MissingExtraError("matching clusters to classes", "evaluate") from None
    together = np.zeros((classes, classes), np.int64)
    np.add.at(together, (clusters, labels), 1)
    rows, columns = linear_sum_assignment(-together)
    matched = np.empty(classes, np.int64)
    matched[rows] = columns
    return matched
