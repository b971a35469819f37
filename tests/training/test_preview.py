"""The picture of real examples has the layout of the samples."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.data import ArrayDataset
from gankit.pictures import GAP, grid
from gankit.training.preview import Preview
from gankit.training.state import build_game


def pictures(labels, names=()):
    """16 x 16 pictures, each of the grey 10 times its number."""
    grey = np.arange(len(labels), dtype=np.uint8) * 10
    images = np.broadcast_to(grey[:, None, None, None], (len(labels), 1, 16, 16)).copy()
    return ArrayDataset("x", images, "x", np.asarray(labels) if names else None, names)


def greys(picture, columns):
    """The grey in the middle of each tile, row by row."""
    tile = (picture.shape[1] - GAP) // columns
    return picture[tile // 2 :: tile, tile // 2 :: tile].tolist()


def test_each_class_has_its_columns(small):
    data = pictures([1, 0, 1, 1, 0], ("a", "b"))
    preview = Preview(build_game(small("cgan"), data), data)
    found = greys(preview.real, 8)
    assert found[0] == [10, 40, 10, 40, 0, 20, 30, 0]
    assert len(found) == 10


def test_a_class_without_examples_is_black(small):
    data = pictures([2, 2, 0], ("a", "b", "c"))
    data.examples += 1
    preview = Preview(build_game(small("cgan"), data), data)
    assert greys(preview.real, 6)[0] == [21, 21, 0, 0, 1, 11]


@pytest.mark.parametrize("family", ["dcgan", "gan"])
def test_without_classes_they_are_spread_over_the_data(small, family):
    data = pictures(np.zeros(25, int))
    preview = Preview(build_game(small(family), data), data)
    found = np.array(greys(preview.real, 8)).reshape(-1)
    assert (found[0], found[-1], len(found)) == (0, 240, 64)
    assert (np.diff(found) >= 0).all()


def test_vectors_are_shown_with_the_example_that_has_them(small):
    data = pictures([0, 0, 0])
    data.labels = np.eye(3, 2, dtype=np.float32)
    preview = Preview(build_game(small("cgan"), data), data)
    assert greys(preview.real, 8)[0] == [0, 10, 20, 0, 10, 20, 0, 10]


def test_points_are_drawn_with_the_samples_and_have_no_picture_of_their_own(small):
    points = ArrayDataset("p", np.zeros((9, 2), np.float32), "p")
    assert Preview(build_game(small("gan", "toy:ring8"), points), points).real is None


def test_colours_stay(small):
    images = np.random.default_rng(0).integers(0, 256, (64, 3, 16, 16)).astype(np.uint8)
    data = ArrayDataset("x", images, "x")
    preview = Preview(build_game(small("dcgan"), data), data)
    assert np.array_equal(preview.real, grid(images.transpose(0, 2, 3, 1), 8))
