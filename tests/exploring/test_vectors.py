"""Arithmetic on latents: closed forms, labels, and the picture of the paper."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.exploring.vectors import arithmetic, arithmetic_picture, mean, turn, walk


def test_the_answer_is_a_sum_of_means(gans):
    gan = gans("dcgan")
    a, b, c = (gan.latents(3, seed=seed) for seed in (1, 2, 3))
    answer = arithmetic(gan, a, b, c, seed=4)
    wanted = a.noise.mean(0) - b.noise.mean(0) + c.noise.mean(0)
    assert np.allclose(answer.noise[4], wanted, atol=1e-6)
    others = np.delete(answer.noise - answer.noise[4], 4, 0)
    assert 0.2 < np.abs(others).max() <= 0.25 + 1e-6
    assert len(np.unique(others[:, 0])) == 8
    assert np.array_equal(arithmetic(gan, a, b, c, seed=4).noise, answer.noise)


def test_classes_take_part(gans):
    gan = gans("cgan")
    of, minus, plus = gan.latents(3, "a"), gan.latents(2, "a"), gan.latents(3, "c")
    assert arithmetic(gan, of, minus, plus).labels.tolist() == [2] * 9
    mixed = arithmetic(gan, gan.latents(4, ["a", "a", "a", "b"]), gan.latents(4), plus)
    assert np.allclose(mixed.labels[4], [0.25, 0, 0.75])  # (3a + b)/4 - (2a + b + c)/4 + c


def test_classes_that_do_not_add_up(gans):
    gan = gans("cgan")
    with pytest.raises(ConfigError, match="do not add up to a class"):
        arithmetic(gan, gan.latents(2, "a"), gan.latents(2, "b"), gan.latents(2, "c"))


def test_the_mean_of_classes_is_a_share_of_each(gans):
    gan = gans("cgan")
    found = mean(gan, gan.latents(4))  # a b c a
    assert found.labels.tolist() == [[0.5, 0.25, 0.25]]
    assert mean(gan, gan.latents(4, "b")).labels.tolist() == [1]


def test_the_picture_has_three_columns_and_a_square(gans):
    gan = gans("dcgan")
    terms = [gan.latents(n) for n in (3, 1, 2)]
    picture = arithmetic_picture(gan, terms, arithmetic(gan, *terms))
    side = 16 * 3 + 2  # a tile of 16 pixels, enlarged, and its gap
    assert picture.shape == (3 * side + 2 + 4 + side + 2, 3 * side + 2 + 16 + 3 * side + 2)


def test_a_turn_goes_along_the_difference_of_the_means(gans):
    gan = gans("dcgan")
    left, right, starts = gan.latents(4, seed=1), gan.latents(4, seed=2), gan.latents(2, seed=3)
    sheet = turn(gan, left, right, starts, 5, reach=0.5)
    noise = sheet.latents.noise.reshape(2, 5, -1)
    vector = right.noise.mean(0) - left.noise.mean(0)
    for row, start in zip(noise, starts.noise, strict=True):
        assert np.allclose(row[0], start - 0.5 * vector, atol=1e-5)
        assert np.allclose(row[2], start, atol=1e-6)
        assert np.allclose(row[4], start + 0.5 * vector, atol=1e-5)
    with pytest.raises(ConfigError, match="nowhere to turn"):
        turn(gan, left, left, starts, 5)


def test_each_vector_has_rows_of_its_own(gans):
    gan = gans("dcgan")
    size = gan.game.latent_size
    vectors = np.eye(size, dtype=np.float32)[[5, 7]]
    sheet = walk(gan, gan.latents(1), vectors, 3, reach=1.0, names=("5", "7"))
    noise = sheet.latents.noise.reshape(2, 3, size)
    assert np.flatnonzero(noise[0, 0] != noise[0, 2]).tolist() == [5]
    assert np.flatnonzero(noise[1, 0] != noise[1, 2]).tolist() == [7]
    with pytest.raises(ConfigError, match="steps must be at least 2"):
        walk(gan, gan.latents(1), vectors, 1, reach=1.0)
