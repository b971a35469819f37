"""Checks of what measures are given: sets of features [N, D], labels [N], counts and seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import refuse_masked
from gankit.errors import ConfigError
from gankit.text import shown

MOST = 10**6
"""The largest count that a measure takes, of classes, of pairs, of draws."""


def as_numbers(given: Any, what: str) -> NDArray[Any]:
    """Return real numbers as an array of their own type, which is not copied if it is one.

    Raises ConfigError, which says `what` they are, if they are anything else.
    """
    refuse_masked(what, given)
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, RuntimeError):  # rows of several lengths, or a tensor elsewhere
        raise ConfigError(f"{what} must be an array, got {shown(given)}") from None
    if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)):
        raise ConfigError(f"{what} must be real numbers, got {array.dtype} {list(array.shape)}")
    return array


def as_features(*sets: Any) -> tuple[NDArray[Any], ...]:
    """Return sets of features as arrays [N, D] that share one D; arrays are not copied.

    Raises ConfigError if a set has another shape, is empty or holds anything but finite real
    numbers, or if two sets differ in D.
    """
    arrays = tuple(as_numbers(given, "features") for given in sets)
    for array in arrays:
        if array.ndim != 2 or not array.size:
            raise ConfigError(f"features must be an array [N, D], got shape {list(array.shape)}")
        if not np.isfinite(array).all():
            wrong = int((~np.isfinite(array)).any(1).sum())
            raise ConfigError(f"features of {wrong} of {len(array)} examples are not finite")
    sizes = [str(array.shape[1]) for array in arrays]
    if len(set(sizes)) > 1:
        raise ConfigError(f"features of {' and of '.join(sizes)} dimensions are not of one network")
    return arrays


def as_labels(labels: Any, count: int | None = None, what: str = "labels") -> NDArray[Any]:
    """Return labels as whole numbers [count], or [N] without a count.

    Raises ConfigError, which says `what` they are, if they are anything else.
    """
    array = as_numbers(labels, what)
    shape = array.shape if count is None else (count,)
    if array.ndim != 1 or array.shape != shape or not np.issubdtype(array.dtype, np.integer):
        raise ConfigError(
            f"{what} must be whole numbers [{'N' if count is None else count}], got {array.dtype} "
            f"{list(array.shape)}"
        )
    return array


def check_count(what: str, given: int, least: int = 1, most: int = MOST) -> None:
    """Raise ConfigError if a number of things is out of range."""
    if not least <= given <= most:
        raise ConfigError(f"{what} must be {least:,} to {most:,}, got {given:,}", what)


def check_seed(seed: int) -> None:
    """Raise ConfigError if a seed is below 0."""
    if seed < 0:
        raise ConfigError(f"seed must be at least 0, got {seed}", "seed")


def random(seed: int) -> np.random.Generator:
    """Return numpy's generator for a seed. Raises ConfigError if it is below 0."""
    check_seed(seed)
    return np.random.default_rng(seed)
