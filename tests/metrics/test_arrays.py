"""What measures refuse, in one line, whichever is called."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit import metrics
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features, as_labels

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 60, 4))
OF_TWO_SETS = {
    "frechet_distance": metrics.frechet_distance,
    "squared_mmd": metrics.squared_mmd,
    "kernel_distance": lambda a, b: metrics.kernel_distance(a, b, size=10),
    "manifold": metrics.manifold,
    "memorisation": lambda a, b: metrics.memorisation(a, b, b),
    "count_modes": lambda a, b: metrics.count_modes(a, b, 0.1),
    "log_likelihoods": lambda a, b: metrics.log_likelihoods(a, b, [1.0]),
    "nearest": metrics.nearest,
}


@pytest.mark.parametrize("measure", OF_TWO_SETS.values(), ids=OF_TWO_SETS)
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (A[0], r"\[N, D\]"),
        (A[:, None], r"\[N, D\]"),
        (A[:0], r"\[N, D\]"),
        (A[:, :3], "of 3 dimensions"),
        (A.astype(str), "real numbers"),
        (A + 1j, "real numbers"),
    ],
)
def test_other_shapes_are_refused_in_one_line(measure, wrong, said):
    for given in ((wrong, B), (A, wrong)):
        with pytest.raises(ConfigError, match=said if "3" not in said else "not of one|of .* and"):
            measure(*given)


def test_arrays_are_not_copied_and_lists_and_tensors_will_do():
    assert as_features(A)[0] is A
    tensors = metrics.frechet_distance(torch.from_numpy(A), torch.from_numpy(B))
    assert tensors == metrics.frechet_distance(A, B) == metrics.frechet_distance(A, B.tolist())


def test_a_distance_of_arrays_is_that_of_their_moments():
    apart = metrics.frechet_distance(metrics.moments([A]), metrics.moments([B]))
    assert metrics.frechet_distance(A, B) == apart
    assert metrics.frechet_distance(A, metrics.moments([B])) == apart


def test_a_distance_of_gaussians_of_one_number():
    """(mu_a - mu_b)^2 + (sigma_a - sigma_b)^2, in closed form."""
    a, b = RNG.normal(size=(2, 500, 1)) * [[[2.0]], [[0.5]]] + [[[1.0]], [[-3.0]]]
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("labels", [[0.5, 1.0], [0], [[0, 1]]])
def test_labels_are_whole_numbers_one_for_each(labels):
    with pytest.raises(ConfigError, match="whole numbers"):
        as_labels(labels, 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.manifold(A, B, k=0),
        lambda: metrics.kernel_distance(A, B, size=10, subsets=0),
        lambda: metrics.count_modes(A, B, 0.0),
        lambda: metrics.log_likelihoods(A, B, [0.0]),
        lambda: metrics.mean_distance(A[0]),
        lambda: metrics.class_distance(A, np.zeros(3, int), 2),
        lambda: metrics.class_frechet(A, np.zeros(9, int), B, np.zeros(60, int), 2),
        lambda: metrics.conditional_accuracy(np.zeros(3), np.zeros(3, int), 2),
        lambda: metrics.mean_ms_ssim(A),
        lambda: metrics.ms_ssim(A, A),
        lambda: metrics.inception_score(A),
        lambda: metrics.moments([A, A[:, :2]]),
        lambda: metrics.spread(A[0]),
        lambda: metrics.interpolate(A, B[:3], np.zeros(60)),
        lambda: metrics.interpolate(A, B, np.zeros(60), prior="cauchy"),
        lambda: metrics.match_clusters(np.array([0, 2]), np.array([0, 1]), 2),
    ],
)
def test_numbers_out_of_range_are_refused(call):
    with pytest.raises(ConfigError):
        call()
