"""Classification by the nearest neighbour: what generated samples know of real classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROWS = 500


def nearest_labels(
    examples: NDArray[np.generic], labels: NDArray[np.int64], queries: NDArray[np.generic]
) -> NDArray[np.int64]:
    """The label of the nearest of `examples` [M, ...] to each of `queries` [N, ...]: int64 [N].

    Euclidean, on the values as they are.
    """
    centres = examples.reshape(len(examples), -1).astype(np.float32)
    squares = np.square(centres).sum(1)
    nearest = np.empty(len(queries), np.int64)
    for start in range(0, len(queries), ROWS):
        x = queries[start : start + ROWS].reshape(-1, centres.shape[1]).astype(np.float32)
        # |x|^2 is the same for every centre: the order does not need it.
        nearest[start : start + len(x)] = (squares - 2 * x @ centres.T).argmin(1)
    return labels[nearest]
