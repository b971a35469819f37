"""Parzen-window log-likelihood, as in the first GAN papers (arXiv 1406.2661, section 5).

Samples become a mixture of Gaussians of one width, and the test set is scored under it. The score
does not rank quality: k-means centres of the training set score above the training set itself
(Theis et al. 2016, arXiv 1511.01844).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features, as_numbers
from gankit.text import shown

SIGMAS = np.logspace(-1, 0, 10)
"""Widths to choose from, in the units of images in [0, 1]."""
ROWS = 250
"""Test examples scored at a time: memory is this times the number of samples."""


@typed_arguments()
def log_likelihoods(
    samples: NDArray[np.floating], test: NDArray[np.floating], sigmas: Sequence[float]
) -> NDArray[np.float64]:
    """Return log p(x), in nats, of each test example under each width: float64 [len(sigmas), N].

    Args:
        samples: [M, D], the centres of the mixture.
        test: [N, D], in the same units.
        sigmas: standard deviations of the Gaussians, above 0, in the same units.

    >>> log_likelihoods(np.zeros((1, 1)), np.zeros((1, 1)), [1.0]).round(4)  # -1/2 log 2 pi
    array([[-0.9189]])

    Raises ConfigError for other shapes, or a width that is not above 0.
    """
    samples, test = as_features(samples, test)
    widths = as_numbers(sigmas, "Parzen widths")
    if widths.ndim != 1 or not len(widths) or not (widths > 0).all():
        raise ConfigError(f"Parzen widths must be above 0, got {shown(sigmas)}")
    centres = samples.astype(np.float64)
    count, size = centres.shape
    squares = np.square(centres).sum(1)
    out = np.empty((len(sigmas), len(test)))
    for start in range(0, len(test), ROWS):
        x = test[start : start + ROWS].astype(np.float64)
        distance = squares + np.square(x).sum(1)[:, None] - 2 * x @ centres.T
        for i, sigma in enumerate(sigmas):
            exponent = -np.maximum(distance, 0) / (2 * sigma**2)
            most = exponent.max(1, keepdims=True)
            mean = np.log(np.exp(exponent - most).sum(1)) + most[:, 0] - math.log(count)
            out[i, start : start + len(x)] = mean - size * math.log(sigma * math.sqrt(2 * math.pi))
    return out


@typed_arguments()
def parzen_score(
    samples: NDArray[np.floating],
    validation: NDArray[np.floating],
    test: NDArray[np.floating],
    sigmas: Sequence[float] = tuple(SIGMAS),
) -> tuple[float, float, float]:
    """Return the mean log-likelihood of `test` in nats, its standard error, and the width used.

    The width is the one under which `validation` is most likely.

    >>> random = np.random.default_rng(0)
    >>> mean, error, sigma = parzen_score(*(random.normal(size=(200, 1)) for _ in range(3)))
    >>> 0.1 < sigma < 1
    True

    Args:
        samples, validation, test: [M, D], [N, D] and [L, D], in the same units.
        sigmas: widths to choose from, in rising order, 3 or more, above 0.

    Raises ConfigError for other shapes, or if the best width lies at the edge of those tried: the
    optimum may then lie outside, and the number would mean nothing.
    """
    best = int(log_likelihoods(samples, validation, sigmas).mean(1).argmax())
    if best in (0, len(sigmas) - 1):
        raise ConfigError(
            f"the best Parzen width is {sigmas[best]:.3g}, the edge of those tried "
            f"({sigmas[0]:.3g} to {sigmas[-1]:.3g}): try others"
        )
    scores = log_likelihoods(samples, test, [sigmas[best]])[0]
    return float(scores.mean()), float(scores.std() / math.sqrt(len(scores))), float(sigmas[best])
