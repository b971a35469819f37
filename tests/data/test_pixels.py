"""Images as users give them, brought into the order in which they are stored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from gankit.data import planes_of
from gankit.errors import ConfigError

GREY, COLOUR = (1, 5, 4), (3, 5, 4)


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ((2, 5, 4), GREY),
        ((2, 5, 4, 1), GREY),
        ((2, 1, 5, 4), GREY),
        ((2, 5, 4, 3), COLOUR),
        ((2, 3, 5, 4), COLOUR),
    ],
)
def test_channels_may_come_first_or_last_or_be_left_out(given, shape):
    images = np.arange(np.prod(given), dtype=np.uint8).reshape(given)
    planes = planes_of(images, shape)
    assert planes.shape == (2, *shape)
    last = given[1:] == (5, 4, 3)
    assert np.array_equal(planes, np.moveaxis(images, 3, 1) if last else images.reshape(2, *shape))


def test_lists_of_pictures_and_tensors_are_images():
    red = Image.new("RGB", (4, 5), (255, 0, 0))
    planes = planes_of([red, red], COLOUR)
    assert planes.shape == (2, *COLOUR)
    assert planes[:, 0].min() == 255
    assert planes[:, 1:].max() == 0
    assert planes_of(torch.ones(2, *COLOUR), COLOUR).dtype == np.float32


@pytest.mark.parametrize(
    ("images", "shape", "said"),
    [
        (np.zeros((2, 5, 5)), GREY, r"shape \[2, 5, 5\] given; this run needs \[N, 5, 4\]$"),
        (np.zeros((2, 5, 4)), COLOUR, r"needs \[N, 5, 4, 3\]$"),
        (np.zeros((2, 5, 4, 4)), COLOUR, r"shape \[2, 5, 4, 4\] given; this run needs"),
        (np.zeros((5, 4)), GREY, "put a single image into a list"),
        (np.zeros((5, 4, 3)), COLOUR, "put a single image into a list"),
        (np.zeros((3, 5, 4)), COLOUR, "put a single image into a list"),
        (np.zeros((0, 5, 4)), GREY, r"shape \[0, 5, 4\] given"),
        ([], GREY, r"shape \[0\] given"),
        (7, GREY, r"shape \[\] given"),
        ("cat.png", GREY, r"shape \[\] given"),
        ([np.zeros((5, 4)), np.zeros((4, 4))], GREY, "different shapes"),
    ],
)
def test_other_shapes_are_refused(images, shape, said):
    with pytest.raises(ConfigError, match=said):
        planes_of(images, shape)
