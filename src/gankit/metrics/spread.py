"""How far a set of examples is spread: measures cheap enough to take while a run trains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_labels, as_numbers, check_count
from gankit.metrics.distances import kth_nearest


@dataclass(frozen=True)
class Spread:
    """How far apart examples lie; lengths are root mean squares over the numbers of an example.

    >>> found = spread(np.array([[0.0], [2.0], [4.0]]))
    >>> found.mean.tolist(), found.diversity, found.nearest
    ([2.0], 2.0, 2.0)

    Attributes:
        mean: the mean example, float64 [D].
        diversity: how far examples lie from their mean.
        within: how far they lie from the mean of their own class; None without labels, or with
            fewer than two examples a class on average.
        nearest: the median distance of an example to its nearest other one.
        middle: the share of an image's numbers, in [0, 1], at neither end of its range; 1 for
            points.
    """

    mean: NDArray[np.float64]
    diversity: float
    within: float | None
    nearest: float
    middle: float


@typed_arguments()
def spread(
    examples: NDArray[np.generic], labels: NDArray[np.int64] | None = None, group: int = 64
) -> Spread:
    """Measure how far apart examples lie.

    `diversity` and `within` have N less 1, and N less the classes, in the denominator, so their
    squares do not depend on N. `nearest` does depend on it, so it is taken within groups of about
    `group` examples, each of every so many-th example: compare values of the same group size only.

    Args:
        examples: [N, ...], N at least 2: uint8 images 0..255, which are taken as 0..1, or points.
        labels: int64 [N], for `within`.
        group: examples in a group.

    >>> spread(np.array([[0.0], [2.0]])).nearest
    2.0

    Raises ConfigError for fewer than 2 examples, or for an array of one dimension.
    """
    examples = as_numbers(examples, "examples")
    check_count("group", group, least=2)
    if examples.ndim < 2 or len(examples) < 2:
        raise ConfigError(f"a spread needs 2 examples [N, ...], got {list(examples.shape)}")
    labels = None if labels is None else as_labels(labels, len(examples))
    is_images = examples.dtype == np.uint8
    x = examples.reshape(len(examples), -1).astype(np.float64) / (255 if is_images else 1)
    mean = x.mean(0)
    groups = max(1, len(x) // group)
    apart = [kth_nearest(x[start::groups], 1) for start in range(groups)]
    ends = (examples == 0) | (examples == 255) if is_images else np.zeros(1)
    return Spread(
        mean=mean,
        diversity=_deviation(np.square(x - mean).sum(), len(x) - 1, x.shape[1]),
        within=_within(x, labels),
        nearest=float(np.median(np.concatenate(apart))) / x.shape[1] ** 0.5,
        middle=float(1 - ends.mean()),
    )


@typed_arguments()
def compare_spread(fake: Spread, real: Spread) -> dict[str, float]:
    """Return the fakes' spread as multiples of the real examples': near 1 if they are alike.

    The keys are `diversity`, `nearest`, `within` (if both have one), `middle` (if either is below
    1), and `offset`: how far apart the means lie, in units of the real examples' diversity, near 0
    if they are alike.

    >>> real = spread(np.array([[0.0], [2.0]]))
    >>> compare_spread(spread(np.array([[0.0], [1.0]])), real)["diversity"]
    0.5
    """
    apart = float(np.sqrt(np.square(fake.mean - real.mean).mean()))
    shares = {
        "diversity": fake.diversity / max(real.diversity, TINY),
        "nearest": fake.nearest / max(real.nearest, TINY),
        "offset": apart / max(real.diversity, TINY),
    }
    if fake.within is not None and real.within is not None:
        shares["within"] = fake.within / max(real.within, TINY)
    if real.middle < 1 or fake.middle < 1:
        shares["middle"] = fake.middle / max(real.middle, 0.01)
    return shares


TINY = 1e-12
"""Replaces a real length of 0 (all examples are the same) in a denominator."""


def _within(x: NDArray[np.float64], labels: NDArray[np.int64] | None) -> float | None:
    if labels is None:
        return None
    classes = np.unique(labels)
    if len(x) < 2 * len(classes):
        return None
    total = sum(float(np.square(x[labels == c] - x[labels == c].mean(0)).sum()) for c in classes)
    return _deviation(total, len(x) - len(classes), x.shape[1])


def _deviation(total: float, freedom: int, size: int) -> float:
    return float(np.sqrt(total / freedom / size))
