"""Sliders in a notebook, moved from Python as the browser does it."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

import gankit
from gankit.errors import ConfigError, MissingExtraError

from .test_gan import made


def shown(box):
    return np.asarray(Image.open(io.BytesIO(box.children[0].value)))


def named(box, name):
    return next(one for one in box.children[1:] if one.description == name)


@pytest.fixture
def pets(small):
    return made(small("cgan"), (1, 28, 28), ("cat", "dog"))


def test_it_shows_the_sample_of_its_seed_and_class(pets):
    box = gankit.sliders(pets, dimensions=3)
    assert [one.description for one in box.children[1:]] == ["seed", "class", "z 0", "z 1", "z 2"]
    assert np.array_equal(shown(box), pets.sample(1, "cat", seed=0)[0])
    named(box, "class").value = 1
    assert np.array_equal(shown(box), pets.sample(1, "dog", seed=0)[0])
    named(box, "seed").value = 7
    assert np.array_equal(shown(box), pets.sample(1, "dog", seed=7)[0])


def test_a_slider_moves_one_dimension_until_there_is_another_seed(pets):
    box = gankit.sliders(pets)
    first = shown(box)
    slider = named(box, "z 1")
    begun = slider.value
    slider.value = -begun
    assert not np.array_equal(shown(box), first)
    named(box, "seed").value = 1
    assert np.array_equal(shown(box), pets.sample(1, "cat", seed=1)[0])
    named(box, "seed").value = 0
    assert np.array_equal(shown(box), first)
    assert slider.value == begun


def test_codes_are_there_too(small):
    gan = made(small("infogan", **{"network.codes": "3,c"}), (1, 16, 16))
    box = gankit.sliders(gan, dimensions=0)
    assert [one.description for one in box.children[1:]] == ["seed", "code 1", "code 2"]
    pictures = set()
    for category in range(3):
        named(box, "code 1").value = category
        pictures.add(shown(box).tobytes())
    assert len(pictures) == 3


def test_what_has_no_sliders_is_told_why(small, pets, monkeypatch):
    with pytest.raises(ConfigError, match="this run makes points"):
        gankit.sliders(made(small("gan", "toy:ring8"), (2,)))
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gankit\[notebook\]'"):
        gankit.sliders(pets)
