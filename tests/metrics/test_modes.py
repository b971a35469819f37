"""Modes counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit.metrics.modes import count_modes, kl_to_uniform


def test_modes_are_counted_by_good_samples():
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = np.array([[0.1, 0], [0, 0.2], [10, 0.29], [5, 5]])
    found = count_modes(points, centres, 0.1)
    assert (found.found, found.good) == (2, 0.75)
    assert found.kl == pytest.approx(2 / 3 * math.log(2 / 3 * 3) + 1 / 3 * math.log(1 / 3 * 3))


def test_kl_is_0_where_even_and_log_m_where_one_of_m():
    assert kl_to_uniform(np.array([5, 5, 5])) == pytest.approx(0)
    assert kl_to_uniform(np.array([9, 0, 0, 0])) == pytest.approx(math.log(4))
    assert kl_to_uniform(np.zeros(3, int)) == math.inf
