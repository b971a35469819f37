"""How a GAN shows itself in a notebook."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from gankit.trained.export import write_samples

from .test_gan import made


@pytest.fixture
def pets(small):
    return made(small("cgan"), (1, 28, 28), ("<cat>", "dog"))


def test_images_are_the_sheet_that_sampling_writes(pets, tmp_path):
    write_samples(pets, 64, None, 0, tmp_path / "it.png")
    assert pets._repr_png_() == (tmp_path / "it.png").read_bytes()


def test_points_are_a_plot(small):
    shown = made(small("gan", "toy:ring8"), (2,))._repr_png_()
    assert np.asarray(Image.open(io.BytesIO(shown))).shape[2] == 3


def test_as_html_it_says_what_it_is_and_loads_nothing(pets):
    shown = pets._repr_html_()
    assert "cgan: images of 1x28x28; 0 steps; classes &lt;cat&gt;, dog" in shown
    source = re.findall(r'src="([^"]*)"', shown)
    assert [one.partition(",")[0] for one in source] == ["data:image/png;base64"]
    assert base64.b64decode(source[0].partition(",")[2]) == pets._repr_png_()


def test_what_has_no_picture_is_words(small):
    gan = made(small("cgan"), (1, 28, 28), ("a", "b"))
    gan.condition = 3
    assert gan._repr_png_() is None
    assert "<img" not in gan._repr_html_()
    assert "asked by a vector of 3" in gan._repr_html_()
