"""How well clusters that nobody named agree with classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gankit.errors import MissingExtraError


def match_clusters(
    clusters: NDArray[np.int64], labels: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """The class of each cluster, one to one, that agrees with most examples: int64 [classes].

    Fit it on training examples and score it on others. Raises MissingExtraError without SciPy.
    """
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
