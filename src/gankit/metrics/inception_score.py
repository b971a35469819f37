"""Inception score: how sure a classifier is of single images, and how evenly all classes occur."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_numbers, random


@typed_arguments()
def inception_score(
    probabilities: NDArray[np.floating], splits: int = 10, seed: int = 0
) -> tuple[float, float]:
    """Return the mean and standard deviation over splits of exp(mean KL(p(y|x) || p(y))).

    A score lies between 1 and K (Salimans et al. 2016, arXiv 1606.03498). The paper splits in the
    order given; here the order is drawn first, so that samples sorted by class do not make each
    split one class.

    Args:
        probabilities: [N, K], a classifier's, each row summing to 1.
        splits: number of parts, 1 to N, each scored against its own p(y); 1 gives a deviation
            of 0.
        seed: of the order.

    >>> inception_score(np.eye(4), splits=1)  # sure of each, and all classes equally often
    (4.0, 0.0)

    Raises ConfigError for rows that are no probabilities, or for fewer rows than splits.
    """
    p = as_numbers(probabilities, "probabilities").astype(np.float64)
    if not (p.ndim == 2 and (p >= 0).all() and np.allclose(p.sum(1), 1, atol=1e-3)):
        raise ConfigError("an Inception score needs probabilities, each row summing to 1")
    if not 1 <= splits <= len(p):
        raise ConfigError(f"{len(p)} examples cannot be scored in {splits} splits")
    order = random(seed).permutation(len(p))
    scores = [_score(p[part]) for part in np.array_split(order, splits)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(p: NDArray[np.float64]) -> float:
    marginal = p.mean(0)
    # 0 log 0 is 0; if p > 0, so is the marginal.
    ratio = np.divide(p, marginal, out=np.ones_like(p), where=p > 0)
    return max(1.0, float(np.exp((p * np.log(ratio)).sum(1).mean())))  # but for rounding
