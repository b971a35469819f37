"""Whether a set of images is the same in a mirror: what is, what is not, and chance alone."""

from __future__ import annotations

import numpy as np
import pytest

from gankit import Dataset, load_dataset
from gankit.data.mirror import FEWEST, same_in_a_mirror


def noise(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def bars(count, seed=0):
    """Images with a bar that begins at the left edge, in any colour on any ground."""
    rng = np.random.default_rng(seed)
    images = np.empty((count, 20, 24, 3), np.uint8)
    for image in images:
        image[:] = rng.integers(0, 256, 3)
        row, length = rng.integers(4, 15), rng.integers(5, 12)
        image[row : row + 3, :length] = rng.integers(0, 256, 3)
    return images


def mirrored(images, every):
    images = images.copy()
    images[::every] = images[::every, :, ::-1]
    return images


def test_chance_alone_is_seldom_taken_for_a_difference():
    found = [same_in_a_mirror(Dataset.of(noise(60, 12, 18, 3, seed=s))) for s in range(60)]
    assert sum(found) >= 56  # .6 of 60 are expected to fail


def test_images_that_begin_at_the_left_are_not_the_same_until_half_of_them_are_turned():
    assert not same_in_a_mirror(Dataset.of(bars(200)))
    assert not same_in_a_mirror(Dataset.of(mirrored(bars(200), 4)))
    assert same_in_a_mirror(Dataset.of(mirrored(bars(200), 2)))


def test_classes_that_differ_in_their_direction_are_seen():
    images = mirrored(bars(200), 2)
    assert same_in_a_mirror(Dataset.of(images))
    assert not same_in_a_mirror(Dataset.of(images, np.arange(200) % 2))
    assert same_in_a_mirror(Dataset.of(images, np.arange(200) // 2 % 2))


def test_letters_in_any_colour_on_any_ground_are_seen():
    """Their mean is grey: what tells is where strokes are, and which way they lean."""
    digits = load_dataset("digits").read(np.arange(300))[:, 0, :, :, None] / 255.0
    rng = np.random.default_rng(0)
    ink, ground = rng.integers(0, 256, (2, 300, 1, 1, 3))
    coloured = (digits * ink + (1 - digits) * ground).astype(np.uint8)
    assert not same_in_a_mirror(Dataset.of(coloured))
    turned = rng.permutation(300) < 150
    coloured[turned] = coloured[turned, :, ::-1]
    assert same_in_a_mirror(Dataset.of(coloured))


def test_a_date_in_one_corner_is_seen():
    images = noise(200, 32, 32, 3)
    images[:, 28:31, 20:31] = 255
    assert not same_in_a_mirror(Dataset.of(images))


@pytest.mark.parametrize(("count", "same"), [(1, False), (FEWEST - 1, False), (FEWEST, True)])
def test_of_few_images_it_cannot_be_told(count, same):
    assert same_in_a_mirror(Dataset.of(noise(count, 16, 16))) is same


def test_images_without_any_difference_are_the_same():
    assert same_in_a_mirror(Dataset.of(np.full((40, 20, 20, 3), 7, np.uint8)))
