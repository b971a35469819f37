"""Path length against linear generators; interpolation against its geometry."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics.smoothness import interpolate, path_ends, path_length

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 500, 16))
T = RNG.random(500)


def test_the_path_length_of_a_linear_map_is_that_of_the_latents_way():
    weights = RNG.normal(size=(16, 5))
    first, second = path_ends(X, Y, T, 1e-3, prior="uniform")
    mean, error = path_length(first @ weights, second @ weights, 1e-3, trim=0)
    lengths = np.square((Y - X) @ weights).sum(1)
    assert mean == pytest.approx(lengths.mean(), rel=1e-6)
    assert error == pytest.approx(lengths.std(ddof=1) / 500**0.5, rel=1e-6)


def test_the_ends_of_the_lengths_are_left_out():
    apart = np.arange(100.0)[:, None]
    assert path_length(apart, np.zeros((100, 1)), 1, trim=0.1)[0] == pytest.approx(
        np.square(np.arange(9, 91)).mean()  # from the 10 % point down to the 90 % point up
    )


def test_a_generator_of_one_image_has_no_length():
    assert path_length(np.ones((9, 3)), np.ones((9, 3))) == (0, 0)


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_a_path_goes_from_its_start_to_its_end(prior):
    assert np.allclose(interpolate(X, Y, np.zeros(500), prior=prior), X, atol=1e-12)
    assert np.allclose(interpolate(X, Y, np.ones(500), prior=prior), Y, atol=1e-12)
    x32, y32 = X.astype(np.float32), Y.astype(np.float32)
    assert interpolate(x32, y32, T, prior=prior).dtype == np.float32


def test_the_arc_turns_evenly_and_keeps_its_length():
    x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (X, Y))
    found = interpolate(x, y, T)
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    whole = np.arccos((x * y).sum(1))
    assert np.allclose(np.arccos((x * found).sum(1)), T * whole)


def test_the_line_stays_in_the_cube():
    x, y = np.sign(X), np.sign(Y)
    assert np.abs(interpolate(x, y, T, prior="uniform")).max() <= 1
    assert np.abs(interpolate(x, y, T, prior="normal")).max() > 1


def test_an_arc_of_no_angle_and_of_half_a_turn_is_the_line():
    for y in (X, 2 * X, -X):
        assert np.allclose(interpolate(X, y, T), X + T[:, None] * (y - X), atol=1e-6)


def test_what_is_no_path_is_refused():
    with pytest.raises(ConfigError, match="pairs"):
        path_length(X, Y[:9])
    with pytest.raises(ConfigError, match="epsilon"):
        path_length(X, Y, 0)
    with pytest.raises(ConfigError, match="trim"):
        path_length(X, Y, trim=0.5)
