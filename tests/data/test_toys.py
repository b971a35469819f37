import numpy as np
import pytest

from gankit.data import load_dataset
from gankit.data.toys import COUNT, SPIRAL_SIGMA, modes
from gankit.errors import DataError


def test_ring_is_eight_centres_on_a_circle_of_radius_two():
    centres, sigma = modes("toy:ring8")
    assert centres.shape == (8, 2)
    assert centres.dtype == np.float64
    assert sigma == 0.02
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 2)
    gaps = np.linalg.norm(centres - np.roll(centres, 1, axis=0), axis=1)
    np.testing.assert_allclose(gaps, 4 * np.sin(np.pi / 8))


def test_grid_is_five_by_five_two_apart():
    centres, sigma = modes("toy:grid25")
    assert sigma == 0.05
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {(round(x), round(y)) for x, y in centres} == expected
    np.testing.assert_allclose(centres, np.round(centres))


@pytest.mark.parametrize("name", ["toy:ring8", "toy:grid25"])
def test_points_lie_around_the_mode_of_their_label(name):
    dataset = load_dataset(name)
    centres, sigma = modes(name)
    points = dataset.read(np.arange(len(dataset)))
    assert points.shape == (COUNT, 2)
    assert points.dtype == np.float32
    off = points - centres[dataset.labels]
    assert off.std() == pytest.approx(sigma, rel=0.02)
    assert abs(off.mean()) < sigma / 20
    counts = np.bincount(dataset.labels, minlength=len(centres))
    assert counts.min() > 0.85 * COUNT / len(centres)
    assert dataset.class_names[0] == "mode 0"
    assert len(dataset.class_names) == len(centres)


def test_spiral_lies_on_its_arm():
    dataset = load_dataset("toy:spiral")
    points = dataset.read(np.arange(len(dataset))).astype(np.float64)
    assert dataset.labels is None
    assert dataset.class_names == ()
    along = np.linspace(0, 1, 4000)
    arm = 2 * along[:, None] * np.stack([np.cos(4 * np.pi * along), np.sin(4 * np.pi * along)], 1)
    some = points[::50]
    distance = np.linalg.norm(some[:, None] - arm[None], axis=2).min(axis=1)
    assert distance.max() < 5 * SPIRAL_SIGMA
    assert np.mean(np.linalg.norm(points, axis=1) > 1) == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("name", ["toy:ring8", "toy:grid25", "toy:spiral"])
def test_the_same_points_every_time_and_others_for_testing(name):
    one, again, test = load_dataset(name), load_dataset(name), load_dataset(name, split="test")
    assert not one.is_images
    assert one.fingerprint == again.fingerprint != test.fingerprint
    some = np.arange(100)
    assert np.array_equal(one.read(some), again.read(some))
    assert not np.array_equal(one.read(some), test.read(some))


@pytest.mark.parametrize("options", [{"size": 32}, {"channels": "grey"}])
def test_options_for_pictures_are_refused(options):
    with pytest.raises(DataError, match="'toy:grid25' is points, not images"):
        load_dataset("toy:grid25", **options)


def test_a_set_without_modes_has_none():
    with pytest.raises(DataError, match="no known modes"):
        modes("toy:spiral")
