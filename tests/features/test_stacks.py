"""Stacked digits read: a doubtful digit shows nothing, and a known number of modes is counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit.data import as_pictures, load_dataset
from gankit.errors import DataError
from gankit.features.named import Digits
from gankit.features.stacks import UNREAD, read_stacks
from gankit.metrics import count_stacks

NETWORK = Digits("cpu")


@pytest.fixture(scope="module")
def real():
    """The embedded test digits, uint8 [2000, 28, 28], and their labels."""
    data = load_dataset("digits", split="test")
    return as_pictures(data.read(np.arange(len(data)))), data.labels


@pytest.fixture(scope="module")
def read(real):
    """How each of them is read, by itself: 0 to 9, or -1."""
    modes = read_stacks(NETWORK, np.repeat(real[0][..., None], 3, axis=3))
    return np.where(modes == UNREAD, UNREAD, modes // 111)


def test_what_is_read_is_almost_always_right(real, read):
    sure = read != UNREAD
    assert sure.mean() > 0.95
    assert (read != real[1])[sure].sum() <= 3  # 9, if doubtful ones were read too


def test_a_doubtful_digit_is_unread(real, read):
    doubtful = NETWORK.probabilities(real[0]).max(1) < 0.95
    assert doubtful.any()
    assert (read[doubtful] == UNREAD).all()


def test_channels_are_hundreds_tens_and_ones(real, read):
    three = np.array([np.flatnonzero(read == digit)[0] for digit in (4, 0, 7)])
    stack = real[0][three].transpose(1, 2, 0)[None]
    assert read_stacks(NETWORK, stack).tolist() == [407]
    larger = np.kron(stack, np.ones((1, 2, 2, 1), np.uint8))
    assert read_stacks(NETWORK, larger).tolist() == [407]


@pytest.mark.parametrize("shape", [(4, 28, 28), (4, 28, 28, 1)])
def test_images_without_three_channels_are_refused(shape):
    with pytest.raises(DataError, match=r"colour images \[N, H, W, 3\], got \[4, 28, 28"):
        read_stacks(NETWORK, np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shown", [1000, 900, 700, 200, 10, 1])
def test_a_known_number_of_modes_is_counted(real, read, shown):
    """25,600 stacks of real test digits, which the network has not learned, show so many modes."""
    random = np.random.default_rng(shown)
    modes = random.choice(random.permutation(1000)[:shown], 25_600)
    digits = modes[:, None] // [100, 10, 1] % 10
    members = np.argsort(real[1], kind="stable").reshape(10, 200)
    channels = read[members[digits, random.integers(200, size=digits.shape)]]
    stacks = np.where((channels == UNREAD).any(1), UNREAD, channels @ [100, 10, 1])
    found = count_stacks(stacks)
    assert abs(found.found - shown) <= 10
    assert found.kl == pytest.approx(math.log(1000 / shown), abs=0.03)
    assert 0.75 < found.good < 1
