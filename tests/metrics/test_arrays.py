"""What measures refuse, in one line, whichever is called."""

from __future__ import annotations

import inspect
from contextlib import suppress

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


Z, LABELS = RNG.normal(size=(5, 8)), np.arange(60) % 2
IMAGES = RNG.integers(0, 255, (6, 32, 32), dtype=np.uint8)
TEXTS = [[1, 2, 3, 4], [1, 3, 2, 4]]
GOOD = {
    "bleu": {"samples": TEXTS, "references": TEXTS, "order": 2},
    "class_distance": {"features": A, "labels": LABELS, "classes": 2},
    "class_frechet": {
        "real": A, "real_labels": LABELS, "fake": A, "fake_labels": LABELS, "classes": 2,
        "least": 5,
    },
    "compare_spread": {"fake": metrics.spread(A), "real": metrics.spread(A)},
    "conditional_accuracy": {"predicted": LABELS, "asked": LABELS, "classes": 2},
    "count_modes": {"points": A, "centres": A[:3], "sigma": 0.1},
    "count_stacks": {"modes": np.arange(20)},
    "frechet_distance": {"a": A, "b": A},
    "inception_score": {"probabilities": np.full((40, 4), 0.25), "splits": 4, "seed": 0},
    "interpolate": {"start": Z, "end": -Z, "t": np.full(5, 0.5), "prior": "normal"},
    "interval_of_draws": {"values": [1.0, 2.0, 3.0], "within": (0, 5), "count": 3},
    "interval_of_halves": {
        "metric": metrics.frechet_distance, "real": A, "fake": A, "draws": 10, "seed": 0,
        "fixed_real": False,
    },
    "interval_of_mean": {"values": [1.0, 2.0, 3.0], "within": (0, 5)},
    "interval_of_share": {"share": 0.5, "count": 10},
    "kernel_distance": {"a": A, "b": A, "subsets": 3, "size": 20, "seed": 0},
    "kl_to_uniform": {"counts": np.arange(4)},
    "label_match": {"real": A, "real_labels": LABELS, "fake": A, "asked": LABELS},
    "log_likelihoods": {"samples": A, "test": A, "sigmas": [0.1]},
    "manifold": {"real": A, "fake": A, "k": 3, "seed": 0},
    "match_clusters": {"clusters": LABELS, "labels": LABELS, "classes": 2},
    "mean_distance": {"features": A, "exact": 10, "pairs": 100, "seed": 0},
    "mean_ms_ssim": {"images": IMAGES, "labels": None, "pairs": 4, "seed": 0},
    "memorisation": {
        "fake": A, "train": A, "held_out": A[:20], "alpha": 0.05, "seed": 0, "apart": None,
    },
    "moments": {"blocks": [A]},
    "ms_ssim": {"a": IMAGES, "b": IMAGES},
    "nearest": {"queries": A, "examples": A, "skip_own": False},
    "over_runs": {"values": [1.0, 2.0], "within": (0, 5)},
    "parzen_score": {
        "samples": A[:20], "validation": A[20:40], "test": A[40:],
        "sigmas": [0.1, 1, 9],
    },
    "path_ends": {"start": Z, "end": -Z, "t": np.full(5, 0.5), "epsilon": 1e-4, "prior": "normal"},
    "path_length": {"first": A, "second": A + 0.1, "epsilon": 1e-4, "trim": 0.01},
    "self_bleu": {"samples": TEXTS, "order": 2},
    "spread": {"examples": A, "labels": LABELS, "group": 8},
    "squared_mmd": {"a": A, "b": A},
}  # fmt: skip
"""A call of each measure that it answers."""
ODD = [
    None, -1, 0, 2.5, True, float("nan"), float("inf"), 10**30, "4", "", b"x", object(), [], {},
    [3], (1, 2), [[1, 2], [3]], np.zeros(3), np.zeros((0, 4)), np.full((60, 4), np.nan),
    A.astype(complex), A[:, :2], np.array(["a"]), np.array([[object()]]),
    np.ma.masked_array(A, A > 1), [float("nan"), 1.0], ("0", "1"),
]  # fmt: skip


def test_every_measure_is_here():
    assert set(GOOD) == {n for n in metrics.__all__ if not inspect.isclass(getattr(metrics, n))}


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name, given in GOOD.items() for argument in given]
)
def test_what_a_measure_does_not_take_it_refuses(name, argument):
    """With a ConfigError and nothing else; some of the odd values are right in some places."""
    measure = getattr(metrics, name)
    measure(**GOOD[name])
    for odd in ODD:
        with suppress(ConfigError):
            measure(**{**GOOD[name], argument: odd})


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: metrics.manifold(A, A, k="5"), "k must be a whole number, got '5'"),
        (lambda: metrics.manifold(A, A, seed=-1), "seed must be at least 0, got -1"),
        (lambda: metrics.manifold(np.where(A > 2, np.nan, A), A), "examples are not finite"),
        (lambda: metrics.manifold([[1.0, 2.0], [3.0]], A), "features must be an array, got "),
        (lambda: metrics.kernel_distance(A, A, subsets=10**30), "subsets must be 1 to 1,000,000"),
        (lambda: metrics.bleu("abc", TEXTS, 2), "samples must be a list of sequences of tokens"),
        (lambda: metrics.self_bleu(TEXTS, 10**30), "order must be 1 to 1,000, got"),
        (lambda: metrics.self_bleu(TEXTS, 0), "order must be 1 to 1,000, got 0"),
        (lambda: metrics.bleu(TEXTS, TEXTS, "2"), "order must be a whole number, got '2'"),
        (lambda: metrics.count_stacks([0.5]), "modes must be whole numbers [N], got float64 [1]"),
        (lambda: metrics.over_runs([1.0, 2.0], within=("0", "5")), "within must be (a number, a"),
        (lambda: metrics.spread(A, np.zeros(3)), "labels must be whole numbers [60], got float64"),
    ],
)
def test_the_line_says_what_was_given_and_what_is_needed(call, said):
    with pytest.raises(ConfigError) as error:
        call()
    assert said in str(error.value)
    assert "\n" not in str(error.value)
