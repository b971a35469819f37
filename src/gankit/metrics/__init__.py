"""Measures of samples: they take arrays and return numbers.

>>> import numpy as np
>>> from gankit import metrics
>>> real, fake = np.random.default_rng(0).normal(size=(2, 500, 8))
>>> metrics.frechet_distance(real, fake) < 1
True
>>> metrics.manifold(real, fake).coverage > 0.9
True

Features are arrays [N, D]: what a network makes of pictures, or points as they are. Everything is
imported at once, so that `metrics.manifold` is always the function and never the module of that
name. The package needs numpy alone (`match_clusters` needs SciPy too).
"""

from gankit.metrics.bleu import bleu, self_bleu
from gankit.metrics.clusters import match_clusters
from gankit.metrics.conditional import ByClass, class_frechet, conditional_accuracy, label_match
from gankit.metrics.distances import nearest
from gankit.metrics.diversity import class_distance, mean_distance, mean_ms_ssim, ms_ssim
from gankit.metrics.frechet import Moments, frechet_distance, moments
from gankit.metrics.inception_score import inception_score
from gankit.metrics.intervals import (
    interval_of_draws,
    interval_of_halves,
    interval_of_mean,
    interval_of_share,
    over_runs,
)
from gankit.metrics.kernel import kernel_distance, squared_mmd
from gankit.metrics.manifold import Manifold, manifold
from gankit.metrics.memorisation import Memorisation, memorisation
from gankit.metrics.modes import ModeCount, count_modes, count_stacks, kl_to_uniform
from gankit.metrics.parzen import log_likelihoods, parzen_score
from gankit.metrics.smoothness import interpolate, path_ends, path_length
from gankit.metrics.spread import Spread, compare_spread, spread

__all__ = [
    "ByClass",
    "Manifold",
    "Memorisation",
    "ModeCount",
    "Moments",
    "Spread",
    "bleu",
    "class_distance",
    "class_frechet",
    "compare_spread",
    "conditional_accuracy",
    "count_modes",
    "count_stacks",
    "frechet_distance",
    "inception_score",
    "interpolate",
    "interval_of_draws",
    "interval_of_halves",
    "interval_of_mean",
    "interval_of_share",
    "kernel_distance",
    "kl_to_uniform",
    "label_match",
    "log_likelihoods",
    "manifold",
    "match_clusters",
    "mean_distance",
    "mean_ms_ssim",
    "memorisation",
    "moments",
    "ms_ssim",
    "nearest",
    "over_runs",
    "parzen_score",
    "path_ends",
    "path_length",
    "self_bleu",
    "spread",
    "squared_mmd",
]
