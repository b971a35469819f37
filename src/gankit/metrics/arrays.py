"""Checks of what measures are given: sets of features [N, D], and labels [N]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import refuse_masked
from gankit.errors import ConfigError


def as_features(*sets: Any) -> tuple[NDArray[Any], ...]:
    """Return sets of features as arrays [N, D] that share one D; arrays are not copied.

    Raises ConfigError if a set has another shape, is empty or holds no real numbers, or if two
    sets differ in D.
    """
    for given in sets:
        refuse_masked("features", given)
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
    """Return labels as whole numbers [count]. Raises ConfigError if they are anything else."""
    refuse_masked("labels", labels)
    array = np.asarray(labels)
    if array.shape != (count,) or not np.issubdtype(array.dtype, np.integer):
        raise ConfigError(
            f"labels must be whole numbers [{count}], got {array.dtype} {list(array.shape)}"
        )
    return array
