"""Grids, scatter plots and films."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from gankit.pictures import (
    GENERATED,
    MOST_FRAMES,
    NAME,
    REAL,
    grid,
    is_whole,
    layout,
    paths,
    read_picture,
    save_film,
    save_png,
    scatter,
    tell_visible,
    ticks,
    visible,
    with_names,
)


@pytest.mark.parametrize("colour", [(), (3,)])
def test_each_image_lies_in_its_place_enlarged_by_a_whole_factor(colour):
    images = np.random.default_rng(0).integers(0, 256, (5, 20, 24, *colour)).astype(np.uint8)
    picture = grid(images, 3)
    assert picture.shape == (2 * 42 + 2, 3 * 50 + 2, *colour)
    top, left = 2 + 42, 2 + 50  # the fifth: second row, second column
    assert np.array_equal(picture[top : top + 40 : 2, left : left + 48 : 2], images[4])


def test_large_images_are_not_enlarged():
    assert grid(np.zeros((1, 64, 64), np.uint8), 1).shape == (68, 68)


@pytest.mark.parametrize(
    ("classes", "n", "rows"),
    [
        (2, 20, ["aaaabbbb", "aaaabbbb", "aa  bb  "]),
        (2, 3, ["aab "]),
        (2, 1, ["a"]),
        (3, 9, ["aabbcc", "a b c "]),
        (4, 8, ["aabbccdd"]),
        (7, 9, ["abcdefg", "ab     "]),
        (10, 20, ["abcdefghij", "abcdefghij"]),
        (10, 3, ["abc"]),
        (16, 17, ["abcdefghijklmnop", "a               "]),
        (1, 5, ["aaa", "aa "]),
        (17, 5, ["abc", "de "]),
        (100, 5, ["abc", "de "]),
    ],
)
def test_few_classes_have_several_columns_each_and_many_have_none(classes, n, rows):
    letters = np.arange(n) % classes + ord("a")
    columns, apart = layout(classes, n)
    images = np.broadcast_to(letters.astype(np.uint8)[:, None, None], (n, 56, 56))
    picture = grid(images, columns, classes=apart)
    seen = picture[30::58, 30::58]
    assert ["".join(map(chr, row)).replace("0", " ") for row in seen] == rows


def test_each_class_keeps_its_order():
    images = np.broadcast_to(np.arange(16, dtype=np.uint8)[:, None, None], (16, 56, 56))
    seen = grid(images, 8, classes=2)[30::58, 30::58].tolist()
    assert seen == [[0, 2, 4, 6, 1, 3, 5, 7], [8, 10, 12, 14, 9, 11, 13, 15]]


@pytest.mark.parametrize("classes", [0, 1, 2, 3, 4, 7, 10, 100])
def test_what_has_no_number_yet_is_about_eight_columns_wide(classes):
    assert layout(classes)[0] == {3: 6, 7: 7, 10: 10}.get(classes, 8)


def test_points_lie_over_the_real_ones_and_strays_are_left_out():
    real = np.array([[0.0, 0.0], [1.0, 1.0]])
    picture = scatter(np.array([[1.0, 1.0], [9.0, 9.0], [np.nan, 0.0]]), real)
    orange = (picture == GENERATED).all(-1)
    orange[:30] = False  # the legend
    assert orange.sum() == 4  # one point of 2 x 2 pixels
    row, column = np.argwhere(orange)[0]
    assert row < picture.shape[0] / 2 < column  # up and to the right


@pytest.mark.parametrize("points", [[[0.0, 0.0], [1.0, 1.0]], [[0.3], [0.7]]])
def test_real_points_are_seen_beneath_generated_ones(points):
    real = np.array(points)
    blue = (scatter(real, real) == REAL).all(-1)
    alone = (scatter(None, real) == REAL).all(-1)
    blue[:30] = alone[:30] = False  # the legend
    assert blue.sum() == alone.sum() - 2 * 4  # each is covered by a square of 2 x 2 pixels
    assert blue.sum() > 20


def test_the_reference_may_only_set_the_frame():
    real = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert not (scatter(real, real, None) == REAL).all(-1).any()
    assert (scatter(real, real, None) == GENERATED).all(-1).any()


def test_points_at_one_place_are_drawn():
    assert (scatter(None, np.zeros((5, 2))) == REAL).all(-1).any()
    assert (scatter(np.ones((5, 2)), np.zeros((5, 2))) == REAL).all(-1).any()


@pytest.mark.parametrize(
    ("ends", "marks"),
    [((-1, 4), [-1, 0, 1, 2, 3, 4]), ((0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]), ((7, 7.03), None)],
)
def test_marks_are_round_and_within_the_axis(ends, marks):
    found = ticks(*ends)
    assert all(ends[0] <= value <= ends[1] for value in found)
    assert 2 <= len(found) <= 7
    assert marks in (None, found)


@pytest.mark.parametrize("numbers", [1, 2, 3])
def test_trajectories_are_lines(numbers):
    lines = np.cumsum(np.ones((3, 5, numbers)), 1)
    assert (paths(lines) == REAL).all(-1).sum() > 100
    assert paths(np.zeros((2, 4, numbers))).shape == paths(lines).shape


@pytest.mark.parametrize("numbers", [1, 2])
@pytest.mark.parametrize("value", [1.0, -1e9, 3e38])
def test_examples_that_are_all_alike_have_axes(value, numbers):
    alike = np.full((5, numbers), value, np.float32)
    assert (scatter(alike, alike) == GENERATED).all(-1).any()
    assert paths(alike[:, None].repeat(3, 1)).ndim == 3


def test_points_as_far_apart_as_float32_allows():
    ends = np.array([[3e38, -3e38], [-3e38, 3e38]], np.float32)
    below_the_legend = scatter(None, ends)[20:]
    assert (below_the_legend == REAL).all(-1).sum() == 2 * 5 * 5


@pytest.mark.parametrize("colour", [(), (3,)])
def test_names_stand_before_rows(colour):
    rows = [(name, np.full((20, 50, *colour), 9, np.uint8)) for name in ("cat", "\u72d7" * 99, "")]
    picture = with_names(rows)
    assert picture.shape == (60, 50 + NAME, *colour)
    assert (picture[:, NAME:] == 9).all()
    written = (picture[:, :NAME] < 250).reshape(3, -1).any(1)
    assert written.tolist() == [True, True, False]


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


@pytest.mark.parametrize("colour", [(), (3,)])
def test_a_film_has_room_for_every_frame(tmp_path, colour):
    frames = [tmp_path / "high.png", tmp_path / "wide.png"]  # a run of an earlier layout went on
    save_png(frames[0], np.full((40, 20, *colour), 255, np.uint8))
    save_png(frames[1], np.full((20, 60, *colour), 255, np.uint8))
    assert save_film(tmp_path / "it.gif", frames) == []
    assert is_whole(tmp_path / "it.gif")
    with Image.open(tmp_path / "it.gif") as film:
        for frame, (height, width) in enumerate([(40, 20), (20, 60)]):
            film.seek(frame)
            seen = np.asarray(film.convert("L"))
            assert seen.shape == (40, 60)
            assert (seen[:height, :width] == 255).all()
            assert (seen > 0).sum() == height * width


@pytest.mark.parametrize("channels", [2, 4, 5, 16])
def test_planes_of_many_channels_stand_side_by_side(channels):
    images = np.random.default_rng(0).integers(0, 256, (3, 20, 24, channels)).astype(np.uint8)
    tiles = visible(images)
    across = {2: 2, 4: 2, 5: 3, 16: 4}[channels]
    assert tiles.shape[2] == across * 25 - 1
    for channel in range(channels):
        top, left = channel // across * 21, channel % across * 25
        plane = tiles[:, top : top + 20, left : left + 24]
        assert np.array_equal(plane, images[..., channel])
    assert grid(images, 2).ndim == 2
    assert str(channels) in tell_visible(channels)


def test_large_planes_are_made_smaller():
    assert max(visible(np.zeros((1, 512, 512, 16), np.uint8)).shape) < 300


def test_opacity_is_seen_over_a_checkerboard():
    images = np.zeros((1, 16, 16, 4), np.uint8)
    images[0, :8] = (200, 0, 0, 255)
    seen = visible(images, alpha=True)[0]
    assert (seen[:8] == (200, 0, 0)).all()
    assert {tuple(colour) for row in seen[8:].tolist() for colour in row} == {
        (204,) * 3, (153,) * 3
    }  # fmt: skip
    assert grid(images, 1, alpha=True).shape[2] == 3


@pytest.mark.parametrize("colour", [(), (3,)])
def test_grey_and_colours_are_seen_as_they_are(colour):
    images = np.zeros((1, 16, 16, *colour), np.uint8)
    assert visible(images) is images
    assert not tell_visible(3 if colour else 1)
