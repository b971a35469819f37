"""How well clusters found without labels agree with classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError, MissingExtraError
from gankit.metrics.arrays import as_labels, check_count


@typed_arguments()
def match_clusters(
    clusters: NDArray[np.int64], labels: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Return the class of each cluster, one to one, so that most examples agree: int64 [classes].

    Match on training examples, and score the match on others.

    >>> match_clusters(np.array([1, 1, 0]), np.array([0, 0, 1]), 2).tolist()
    [1, 0]

    Args:
        clusters: the cluster of each example, whole numbers [N] in 0..classes-1.
        labels: the class of each example, whole numbers [N] in 0..classes-1.
        classes: the number of classes, and of clusters.

    Raises ConfigError for other shapes or numbers, MissingExtraError without SciPy.
    """
    check_count("classes", classes, most=10_000)  # a square of so many is made
    clusters = as_labels(clusters, what="clusters")
    labels = as_labels(labels, len(clusters))
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
