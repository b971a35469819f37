"""Grids, scatter plots and films."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from gankit.pictures import MOST_FRAMES, grid, read_picture, save_film, save_png, scatter


@pytest.mark.parametrize("colour", [(), (3,)])
def test_each_image_lies_in_its_place_enlarged_by_a_whole_factor(colour):
    images = np.random.default_rng(0).integers(0, 256, (5, 20, 24, *colour)).astype(np.uint8)
    picture = grid(images, 3)
    assert picture.shape == (2 * 42 + 2, 3 * 50 + 2, *colour)
    top, left = 2 + 42, 2 + 50  # the fifth: second row, second column
    assert np.array_equal(picture[top : top + 40 : 2, left : left + 48 : 2], images[4])


def test_large_images_are_not_enlarged():
    assert grid(np.zeros((1, 64, 64), np.uint8), 1).shape == (68, 68)


def test_points_lie_over_the_real_ones_and_strays_are_left_out():
    real = np.array([[0.0, 0.0], [1.0, 1.0]])
    picture = scatter(np.array([[1.0, 1.0], [9.0, 9.0], [np.nan, 0.0]]), real)
    orange = (picture == (226, 92, 18)).all(-1)
    assert orange.sum() == 4  # one point of 2 x 2 pixels
    row, column = np.argwhere(orange)[0]
    assert row < picture.shape[0] / 2 < column  # up and to the right


def test_a_damaged_frame_is_left_out_of_a_film(tmp_path):
    frames = [tmp_path / f"{i}.png" for i in range(4)]
    for i, frame in enumerate(frames):
        save_png(frame, np.random.default_rng(i).integers(0, 256, (9, 9, 3)).astype(np.uint8))
    frames[0].write_bytes(b"")
    frames[2].write_bytes(frames[2].read_bytes()[:90])
    save_film(tmp_path / "film.gif", frames)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 2
    save_film(tmp_path / "none.gif", [frames[0], tmp_path / "missing.png"])
    assert not (tmp_path / "none.gif").exists()


def test_every_damage_of_a_picture_is_an_oserror(tmp_path):
    path = tmp_path / "x.png"
    save_png(path, np.arange(300, dtype=np.uint8).reshape(10, 10, 3))
    whole = path.read_bytes()
    assert read_picture(path).size == (10, 10)
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        damaged[rng.integers(len(damaged))] = rng.integers(256)
        path.write_bytes(damaged)
        with suppress(OSError):  # and nothing else
            read_picture(path)


def test_a_picture_of_a_hundred_million_pixels_is_not_read(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (60_000, 1_000)).save(path)
    with pytest.raises(OSError, match="pixels"):
        read_picture(path)


def test_a_film_has_its_frames_and_no_more_than_its_most(tmp_path):
    frames = []
    for i in range(MOST_FRAMES + 20):
        frames.append(tmp_path / f"{i:03}.png")
        save_png(frames[-1], np.full((8, 8), i, np.uint8))
    save_film(tmp_path / "few.gif", frames[:3])
    save_film(tmp_path / "many.gif", frames)
    with Image.open(tmp_path / "few.gif") as few, Image.open(tmp_path / "many.gif") as many:
        assert few.n_frames == 3
        assert 1 < many.n_frames <= MOST_FRAMES
