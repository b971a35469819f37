"""The spread of a set of examples, against closed forms and the plain double loop."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.metrics.spread import compare_spread, spread

RNG = np.random.default_rng(0)


def test_of_points_against_the_double_loop():
    x, labels = RNG.normal(size=(30, 3)), np.arange(30) % 3
    found = spread(x, labels)
    apart = [
        min(np.linalg.norm(x[i] - x[j]) for j in range(30) if j != i) / 3**0.5 for i in range(30)
    ]
    assert found.nearest == pytest.approx(np.median(apart))
    assert found.diversity == pytest.approx(np.sqrt(x.var(0, ddof=1).mean()))
    within = sum(x[labels == c].var(0).sum() * 10 for c in range(3)) / 27 / 3
    assert found.within == pytest.approx(np.sqrt(within))
    assert found.middle == 1


def test_images_are_taken_as_shares_of_white():
    images = np.zeros((4, 1, 2, 2), np.uint8)
    images[:2] = 255
    images[0, 0, 0, 0] = 100
    found = spread(images)
    assert found.middle == 1 / 16
    assert found.mean.max() <= 1
    assert found.within is None


def test_neither_diversity_nor_within_depends_on_the_number():
    x, labels = RNG.normal(size=(20_000, 2)) * 3, np.arange(20_000) % 4
    few = [spread(x[i : i + 12], labels[i : i + 12]) for i in range(0, 6000, 12)]
    assert np.mean([s.diversity**2 for s in few]) == pytest.approx(9, rel=0.05)
    assert np.mean([s.within**2 for s in few if s.within]) == pytest.approx(9, rel=0.05)


def test_nearest_is_of_groups_of_one_size():
    x = RNG.normal(size=(640, 5))
    assert spread(x, group=64).nearest == pytest.approx(spread(x[:64]).nearest, rel=0.2)
    assert spread(x, group=640).nearest < 0.75 * spread(x, group=64).nearest


def test_alike_is_one_and_no_offset():
    a, b = (spread(RNG.normal(size=(4000, 2)), np.arange(4000) % 2) for _ in range(2))
    shares = compare_spread(a, b)
    assert shares.pop("offset") < 0.05
    assert all(value == pytest.approx(1, rel=0.1) for value in shares.values())


def test_one_picture_again_and_again():
    real = spread(RNG.integers(0, 256, (64, 1, 4, 4)).astype(np.uint8))
    same = spread(np.full((64, 1, 4, 4), 255, np.uint8))
    shares = compare_spread(same, real)
    assert shares["diversity"] == shares["nearest"] == shares["middle"] == 0
    assert shares["offset"] > 1


def test_real_examples_that_are_all_the_same_are_no_division_by_zero():
    same = spread(np.ones((8, 2)))
    assert np.isfinite(list(compare_spread(spread(RNG.normal(size=(8, 2))), same).values())).all()


def test_too_few_of_a_class_say_nothing():
    assert spread(RNG.normal(size=(5, 2)), np.arange(5) % 3).within is None
