"""Modes counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics.modes import count_modes, count_stacks, kl_to_uniform


def test_modes_are_counted_by_good_samples():
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = np.array([[0.1, 0], [0, 0.2], [10, 0.29], [5, 5]])
    found = count_modes(points, centres, 0.1)
    assert (found.found, found.good) == (2, 0.75)
    assert found.kl == pytest.approx(2 / 3 * math.log(2 / 3 * 3) + 1 / 3 * math.log(1 / 3 * 3))


def test_kl_is_0_where_even_and_log_m_where_one_of_m():
    assert kl_to_uniform(np.array([5, 5, 5])) == pytest.approx(0)
    assert min(kl_to_uniform(np.full(count, 7)) for count in range(1, 300)) == 0  # never below
    assert kl_to_uniform(np.array([9, 0, 0, 0])) == pytest.approx(math.log(4))
    assert kl_to_uniform(np.zeros(3, int)) == math.inf


def misread(modes, share, random):
    """Take this share of the digits for the one that is 5 more: the worst case of confusion."""
    digits = modes[:, None] // [100, 10, 1] % 10
    digits[random.random(digits.shape) < share] += 5
    return digits % 10 @ [100, 10, 1]


@pytest.mark.parametrize("shown", [1000, 900, 700, 200, 10, 1])
def test_misread_digits_make_no_stacks(shown):
    random = np.random.default_rng(shown)
    modes = random.choice(random.permutation(1000)[:shown], 25_600)
    read = misread(modes, 0.001, random)
    assert len(np.unique(read)) >= shown
    found = count_stacks(read)
    assert abs(found.found - shown) <= 5
    assert found.kl == pytest.approx(math.log(1000 / shown), abs=0.03)


def test_a_rare_stack_is_found_from_two_samples():
    stacks = np.array([123, 123, 777, -1])
    found = count_stacks(stacks)
    assert (found.found, found.good, found.kl) == (1, 0.75, pytest.approx(math.log(1000)))
    assert count_stacks(np.array([123, 124, 125])).found == 0


def test_a_stack_beside_a_common_one_is_misread_unless_it_is_a_hundredth_of_it():
    common = np.full(1000, 123)
    assert count_stacks(np.append(common, [173] * 10)).found == 1
    assert count_stacks(np.append(common, [173] * 11)).found == 2
    assert count_stacks(np.append(common, [177] * 2)).found == 2  # two digits differ


@pytest.mark.parametrize("stacks", [np.array([], int), np.array([1000])])
def test_what_is_no_stack_is_refused(stacks):
    with pytest.raises(ConfigError, match="0 to 999"):
        count_stacks(stacks)
