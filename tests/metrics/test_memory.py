"""Memory that a metric takes does not grow with the number of examples."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from gankit.metrics import distances
from gankit.metrics.diversity import mean_distance
from gankit.metrics.frechet import moments
from gankit.metrics.kernel import kernel_distance
from gankit.metrics.manifold import manifold
from gankit.metrics.memorisation import memorisation

SIZE = 32


def made(count: int):
    """Features in blocks that nobody keeps."""
    for seed in range(count // 500):
        yield np.random.default_rng(seed).standard_normal((500, SIZE), np.float32)


def peak(work: Callable[[], object]) -> float:
    """MB that `work` held at most, above what there was before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def test_moments_of_blocks_and_of_one_block():
    few, many = (peak(lambda n=n: moments(made(n))) for n in (2000, 40_000))
    assert many < few + 0.1
    whole = np.concatenate(list(made(40_000)))  # 5 MB; in float64 it would be 10
    assert peak(lambda: moments([whole])) < 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "metric",
    [
        lambda x: manifold(x, x),
        lambda x: memorisation(x[:500], x, x[:500]),
        lambda x: mean_distance(x, exact=10**6),
        lambda x: mean_distance(x, exact=0, pairs=5000),
        lambda x: kernel_distance(x, x, subsets=3, size=300),
    ],
    ids=["manifold", "memorisation", "mean distance", "random pairs", "kernel"],
)
def test_what_compares_examples(metric, monkeypatch):
    """Of 8,000 the distances alone are 512 MB; a few numbers for each example are allowed."""
    monkeypatch.setattr(distances, "ROWS", 200)
    monkeypatch.setattr(distances, "COLUMNS", 500)
    few, many = (np.concatenate(list(made(n))) for n in (2000, 8000))
    assert peak(lambda: metric(many)) < peak(lambda: metric(few)) + 6000 * 200 / 1e6
