"""Sheets become grids and films."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gankit.errors import ConfigError, RunError
from gankit.exploring.sheets import Sheet, draw, write_images, write_sheet
from gankit.families import Task

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 4, 28, 28)).astype(np.uint8)


def test_a_grid_and_a_film(tmp_path):
    write_images(IMAGES, tmp_path / "new" / "s.png")
    with Image.open(tmp_path / "new" / "s.png") as grid:
        assert grid.size == (4 * 58 + 2, 3 * 58 + 2)
    write_images(IMAGES, tmp_path / "s.gif")
    with Image.open(tmp_path / "s.gif") as film:
        assert film.n_frames == 6  # there and back
    write_images(IMAGES, tmp_path / "s.webp", loop=True)
    with Image.open(tmp_path / "s.webp") as film:
        assert film.n_frames == 4
    write_images(IMAGES, tmp_path / "named.png", ["one", "two", "three"])
    with Image.open(tmp_path / "named.png") as named:
        assert named.width == 120 + 4 * 58 + 2


def test_what_is_drawn_are_the_samples(gans):
    gan = gans("dcgan")
    latents = gan.latents(6)
    images = draw(gan, Sheet(latents, 3))
    assert np.array_equal(images, gan.sample(6).reshape(2, 3, 16, 16))
    coloured = gans("dcgan", Task((3, 16, 20)))
    assert draw(coloured, Sheet(coloured.latents(4), 2)).shape == (2, 2, 16, 20, 3)


def test_what_cannot_be_shown(gans, tmp_path):
    points = gans("gan", Task((2,)))
    with pytest.raises(ConfigError, match="this run makes points"):
        write_sheet(points, Sheet(points.latents(2), 2), tmp_path / "x.png")
    for name in ("x.jpg", "x", "x.npz"):
        with pytest.raises(ConfigError, match=r"name\.png, or a film"):
            write_images(IMAGES, tmp_path / name)
    (tmp_path / "taken").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_images(IMAGES, tmp_path / "taken" / "x.png")
