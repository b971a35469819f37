"""What measures are given, looked at once: sets of features [N, D]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError


def as_features(*sets: Any) -> tuple[NDArray[Any], ...]:
    """Sets of features as arrays [N, D] of one D; arrays are not copied.

    Raises ConfigError if one has another shape, holds no numbers, or has another D.
    """
    arrays = tuple(np.asarray(given) for given in sets)
    for array in arrays:
        if array.ndim != 2 or not array.size:
            raise ConfigError(f"features must be an array [N, D], got shape {list(array.shape)}")
        if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)):
            raise ConfigError(f"features must be real numbers, got {array.dtype}")
    sizes = [str(array.shape[1]) for array in arrays]
    if len(set(sizes)) > 1:
        raise ConfigError(f"features of {' and of '.join(sizes)} dimensions are not of one network")
    return arrays


def as_labels(labels: Any, count: int) -> NDArray[Any]:
    """Labels as whole numbers [count]. Raises ConfigError if they are anything else."""
    array = np.asarray(labels)
    if array.shape != (count,) or not np.issubdtype(array.dtype, np.integer):
        raise ConfigError(
            f"labels must be whole numbers [{count}], got {array.dtype} {list(array.shape)}"
        )
    return array
