"""Samples that cover the real examples: the choice itself, and what is said of it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import gankit
from gankit.exploring.covering import choose_covering, cover
from gankit.families import Task
from gankit.features.named import Pixels

TEN = Task((1, 28, 28), tuple("0123456789"))


def union(held, chosen):
    return held[list(chosen)].any(0).sum()


def test_the_choice_covers_nearly_as_much_as_the_best_one():
    """A greedy cover is at least 1 - 1/e of the best, and each next row adds no more."""
    random = np.random.default_rng(0)
    for _ in range(20):
        held = random.random((9, 30)) < 0.2
        chosen = choose_covering(held, 3)
        best = max(union(held, some) for some in combinations(range(9), 3))
        assert union(held, chosen) >= (1 - 1 / np.e) * best
        added = np.diff([0, *(union(held, chosen[: i + 1]) for i in range(3))])
        assert (np.diff(added) <= 0).all()


def test_no_row_is_chosen_twice_and_a_second_round_begins():
    held = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]], bool)
    assert choose_covering(held, 5).tolist() == [0, 1, 2, 4, 3]


def test_it_is_repeatable_and_measured_on_other_examples(gans):
    gan = gans("cgan", TEN)
    kwargs = {"say": print, "among": 40, "data": "digits", "features": Pixels()}
    found = cover(gan, 8, seed=3, **kwargs)
    again = cover(gan, 8, seed=3, **kwargs)
    assert np.array_equal(found.latents.noise, again.latents.noise)
    every = gan.latents(40, seed=3)
    rows = [int(np.flatnonzero((every.noise == z).all(1))[0]) for z in found.latents.noise]
    assert len(set(rows)) == 8
    assert found.examples == (1000, 1000)
    assert 0 <= found.held_back <= 1
    assert found.chosen_by >= 0
    assert "8 of 40 samples cover" in found.describe()
    assert found.split == "test"
    everything = cover(gan, 40, seed=3, **kwargs)  # nothing is left to choose
    assert everything.held_back == everything.at_random[0]


def test_with_a_label_only_its_examples_count(gans):
    gan = gans("cgan", TEN)
    found = cover(gan, 5, say=print, labels="3", among=20, data="digits", features=Pixels())
    labels = gankit.load_dataset("digits", split="test").labels
    assert found.examples[0] == (labels == 3).sum() // 2
    assert set(found.latents.labels) == {3}


def test_numbers_that_cannot_be(gans):
    gan = gans("cgan", TEN)
    for n, among in ((0, 10), (11, 10), (5, 10**6)):
        with pytest.raises(gankit.ConfigError, match="choose n of"):
            cover(gan, n, say=print, among=among)
