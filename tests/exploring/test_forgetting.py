"""What is marked is found in the feature maps, and is gone when these are dropped."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import gankit
from gankit.errors import ConfigError, DataError
from gankit.exploring.forgetting import _activations, forget, learn_maps, read_boxes, read_masks
from gankit.exploring.sheets import pictures_of


@pytest.fixture
def gan(gans):
    """A generator whose last layer sees several maps."""
    return gans("cgan", **{"network.generator_width": 8})


def marks_of_map(gan, map_, samples=6):
    """Pixels of the seed's samples of class 1 where one map is above its median."""
    activations = _activations(gan, gan.latents(samples, 1, 0))[:, map_]
    scale = gan.shape[-1] // activations.shape[-1]
    masks = activations > np.median(activations)
    return {i: np.kron(mask, np.ones((scale, scale), bool)) for i, mask in enumerate(masks)}


def test_the_map_that_shows_it_weighs_most(gan):
    count = _activations(gan, gan.latents(1, 1)).shape[1]
    for map_ in (0, count - 1):
        found = learn_maps(gan, marks_of_map(gan, map_), 1)
        assert found.weights.argmax() == map_
        assert found.dropped[map_]
        assert np.array_equal(found.dropped, found.weights > 0)
        assert found.right is not None
        assert found.right > 0.9
        assert found.samples == 6
        one = learn_maps(gan, marks_of_map(gan, map_), 1, most=1)
        assert np.flatnonzero(one.dropped).tolist() == [map_]
        assert f"1 of {count} feature maps dropped" in one.describe()


def test_a_dropped_map_is_nought_everywhere_and_only_then(gan):
    latents = gan.latents(4, 1, 1)
    before = pictures_of(gan, latents)
    maps = learn_maps(gan, marks_of_map(gan, 0), 1, most=1)
    after = forget(gan, latents, maps)
    assert not np.array_equal(before, after)
    assert np.array_equal(pictures_of(gan, latents), before)
    last = [m for m in gan.generator.modules() if getattr(m, "weight", None) is not None][-1]
    kept = last.weight.detach().clone()
    with torch.no_grad():  # a map whose weights are 0 is dropped too
        last.weight[0] = 0
        assert np.array_equal(pictures_of(gan, latents), after)
        last.weight.copy_(kept)


def test_one_sample_says_nothing_of_others(gan):
    found = learn_maps(gan, read_boxes(gan, ["3:2,2,9,9"]))
    assert found.right is None
    assert "one sample is marked" in found.describe()


def test_boxes_are_pixels_from_the_left_and_the_top(gan):
    marks = read_boxes(gan, ["2:1,3,4,5", "2: 0,0,1,1", "0:0,0,16,16"])
    assert sorted(marks) == [0, 2]
    assert marks[2].sum() == 3 * 2 + 1
    assert marks[2][3:5, 1:4].all()
    assert marks[0].all()
    for text in ("2", "x:0,0,1,1", "0:3,3,3,4", "0:0,0,17,3", "-1:0,0,1,1", "0:0,0,1"):
        with pytest.raises(ConfigError, match="box"):
            read_boxes(gan, [text])


def test_masks_from_a_folder(gan, tmp_path):
    with pytest.raises(DataError, match="holds no mask"):
        read_masks(gan, tmp_path)
    Image.fromarray(np.eye(16, dtype=np.uint8) * 255).save(tmp_path / "11.png")
    (tmp_path / "notes.txt").write_text("x")
    marks = read_masks(gan, tmp_path)
    assert list(marks) == [11]
    assert np.array_equal(marks[11], np.eye(16, dtype=bool))
    Image.new("L", (8, 16)).save(tmp_path / "1.png")
    with pytest.raises(DataError, match=r"1.png' is 16x8 .*16x16"):
        read_masks(gan, tmp_path)
    (tmp_path / "1.png").write_bytes(b"x")
    with pytest.raises(DataError, match="cannot be read"):
        read_masks(gan, tmp_path)


def test_what_cannot_be_forgotten(gan, gans):
    nothing, everything = np.zeros((16, 16), bool), np.ones((16, 16), bool)
    for marks in ({0: nothing}, {0: everything, 1: everything}):
        with pytest.raises(ConfigError, match="mark some places"):
            learn_maps(gan, marks)
    assert learn_maps(gan, {0: nothing, 1: everything}).right is not None
    for marks in ({}, {10**6: everything}):
        with pytest.raises(ConfigError, match="mark the object on samples"):
            learn_maps(gan, marks)
    with pytest.raises(ConfigError, match="at least one map"):
        learn_maps(gan, read_boxes(gan, ["0:1,1,9,9"]), most=0)
    with pytest.raises(ConfigError, match="sees no feature maps"):
        learn_maps(gans("gan"), {0: everything})
    with pytest.raises(gankit.ConfigError, match="of another run"):
        forget(gans("cgan"), gans("cgan").latents(1), learn_maps(gan, marks_of_map(gan, 0)))
