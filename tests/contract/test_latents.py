"""What holds for the latents of every registered family, and of every kind of label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gankit.data.pixels import to_pixels
from gankit.errors import ConfigError
from gankit.exploring import (
    arithmetic,
    factorise,
    interpolate,
    invert,
    mean,
    principal,
    sweep,
    truncate,
    turn,
)
from gankit.exploring.columns import draw_latents, movable
from gankit.families import Task
from gankit.trained.drawing import BLOCK
from gankit.trained.gan import GAN
from gankit.trained.latents import Latents
from gankit.training.state import build_game

from ..conftest import families_of

SHAPE = (1, 16, 16)
CLASSES, VECTORS = Task(SHAPE, ("a", "b", "c")), Task(SHAPE, (), 4)
MASKS = {
    "network.body": "mlp",
    "network.conditioning": "branches",
    "network.classifier": "0,0",
    "network.generator_hidden": "12",
    "network.generator_branches": "6,6",
    "network.generator_dropout": 0.5,
}
CASES = {
    **{family: (family, CLASSES, {}) for family in families_of("images")},
    "vectors": ("cgan", VECTORS, {}),
    "masks": ("cgan", CLASSES, MASKS),
    "points": ("gan", Task((2,)), {}),
    **{
        how: ("cgan", CLASSES, {"network.conditioning": how})
        for how in ("concat", "embedding", "layers", "projection")
    },
}
MADE: dict[str, GAN] = {}
"""By case, an untrained GAN; no test changes one."""
every_case = pytest.mark.parametrize("case", CASES)
every_family = pytest.mark.parametrize("family", families_of("images"))


@pytest.fixture
def made(small):
    """made("cgan") -> an untrained GAN, and the labels that it has to be given, if any."""

    def make(case):
        if case not in MADE:
            family, task, changes = CASES[case]
            game = build_game(small(family, **changes), task)
            game.generator.eval().requires_grad_(False)
            MADE[case] = GAN(game, step=0, digest="own")
        gan = MADE[case]
        return gan, np.linspace(-1, 1, 4, dtype=np.float32) if gan.condition else None

    return make


@every_case
def test_latents_are_those_of_the_samples_to_the_bit(made, tmp_path, case):
    gan, labels = made(case)
    n = BLOCK + 2  # more than one block
    latents = gan.latents(n, labels, seed=5)
    latents.save(tmp_path / "x.npz")
    read = Latents.load(tmp_path / "x.npz")
    assert (read.family, read.digest) == (gan.config.family, "own")
    assert latents.noise.shape == (n, gan.game.latent_size)
    images = gan.sample(n, labels, seed=5)
    assert np.array_equal(gan.sample(latents=read), images)
    blocks = list(gan.blocks(latents=read))
    assert [len(block) for block in blocks] == [BLOCK, 2]
    few = to_pixels(gan(read[:3]), gan.game.value_range)
    assert np.abs(few.astype(float) - images[:3]).max() <= (1 if gan.kind == "images" else 1e-4)


@every_case
def test_a_walk_begins_and_ends_at_its_keys(made, case):
    gan, labels = made(case)
    keys = gan.latents(3, labels)
    sheet = interpolate(gan, keys, 4)
    ends = sheet.latents[[0, 3, 4, 7]]
    assert np.array_equal(ends.noise, keys.noise[[0, 1, 1, 2]])
    assert len(gan.sample(latents=sheet.latents)) == 8
    circle = interpolate(gan, keys, 4, loop=True).latents
    assert len(circle) == 12
    assert np.array_equal(circle.noise[[0, 4, 8]], keys.noise)


@every_case
def test_what_cannot_move_is_held(made, case):
    gan, labels = made(case)
    latents, held = gan.latents(5, labels), ~movable(gan)
    moved = [
        truncate(gan, latents, 0.3),
        turn(gan, latents[:2], latents[2:4], latents[4], 3).latents,
        truncate(gan, latents, 0.0),
    ]
    assert np.array_equal(moved[0].noise[:, held], latents.noise[:, held])
    assert np.array_equal(moved[1].noise[:, held], latents.noise[[4] * 3][:, held])
    middle = 0.5 if gan.config.latent.prior == "uniform01" else 0.0
    assert (moved[2].noise[:, : gan.config.latent.size] == middle).all()
    assert np.allclose(moved[1].noise[1], latents.noise[4])  # the start is in the middle
    for some in moved:
        assert np.isfinite(gan.sample(latents=some).astype(float)).all()


@every_case
def test_arithmetic_of_one_set_thrice_is_its_mean(made, case):
    gan, labels = made(case)
    latents = gan.latents(3, labels)
    answer = arithmetic(gan, latents, latents, latents)
    assert len(answer) == 9
    assert np.allclose(answer.noise[4], mean(gan, latents).noise[0], atol=1e-6)
    near = np.abs(answer.noise - answer.noise[4])
    own = gan.config.latent.size
    assert 0.1 < near[:, :own].max() <= 0.25 + 1e-6
    assert not near[:, own:].any()
    assert len(gan.sample(latents=answer)) == 9


@every_case
def test_directions_have_length_one_and_move_the_noise_alone(made, case):
    gan, labels = made(case)
    like = gan.latents(1, labels)
    for found in (
        factorise(gan, 3),
        principal(gan, 3, like=like, n=gan.config.latent.size + 50),
    ):
        assert found.vectors.shape == (3, gan.game.latent_size)
        assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
        assert not found.vectors[:, gan.config.latent.size :].any()
        assert (np.diff(found.strengths) <= 0).all()


@every_case
def test_a_sweep_from_one_latent(made, case):
    gan, labels = made(case)
    sheet = sweep(gan, gan.latents(2, labels), dimension=1, steps=3)
    noise = sheet.latents.noise.reshape(2, 3, -1)
    assert len(np.unique(noise[:, :, 1])) == 3
    assert (np.delete(noise, 1, 2) == np.delete(noise, 1, 2)[:, :1]).all()


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][1] is CLASSES])
def test_a_share_of_one_class_alone_is_that_class(made, case):
    gan, _ = made(case)
    if not gan.class_names:
        with pytest.raises(ConfigError, match="it takes none"):
            gan(replace(gan.latents(3), labels=np.eye(3, dtype=np.float32)))
        return
    plain = gan.latents(3)
    shares = replace(plain, labels=np.eye(3, dtype=np.float32)[plain.labels])
    assert torch.equal(gan(plain), gan(shares))
    mixed = gan(replace(plain, labels=np.full((3, 3), 1 / 3, np.float32)))
    assert torch.isfinite(mixed).all()
    assert torch.equal(gan(plain), gan(shares))  # nothing of the mixture stays


@every_family
@pytest.mark.slow
def test_a_sample_is_found_again_nearer_than_the_nearest_sample(made, family):
    gan, _ = made(family)
    latents = gan.latents(3, seed=1)
    images = gan.sample(latents=latents)
    if np.ptp(images) < 8:
        pytest.skip("untrained, this family draws a blank picture")
    found = invert(gan, images, pool=50, starts=2, steps=40)
    assert (found.errors <= found.nearest_errors).all()
    assert found.errors.sum() < found.nearest_errors.sum()
    drawn = gan.sample(latents=found.latents).astype(float)
    error = np.sqrt(np.square(drawn - images).mean((1, 2)))
    assert np.allclose(error, found.errors, atol=1)


def test_latents_of_another_run_are_refused(made):
    gan, _ = made("cgan")
    with pytest.raises(ConfigError, match=r"of family 'dcgan' .* this run is of family 'cgan'"):
        gan.sample(latents=made("dcgan")[0].latents(2))
    with pytest.raises(ConfigError, match=r"of 3 numbers given: this run .* takes 64"):
        gan.sample(latents=Latents(np.zeros((2, 3))))
    size = gan.game.latent_size
    for labels in ([0, 3], [-1, 0], np.zeros((2, 2), np.float32)):
        with pytest.raises(ConfigError, match="takes classes 0 to 2"):
            gan.sample(latents=Latents(np.zeros((2, size)), labels))
    with pytest.raises(ConfigError, match="takes vectors of 4 numbers"):
        made("vectors")[0](Latents(np.zeros((2, size)), [0, 1]))
    with pytest.raises(ConfigError, match="n, the number of samples, or latents"):
        gan.sample(3, latents=gan.latents(3))
    with pytest.raises(ConfigError, match="n, the number of samples, or latents"):
        gan.sample()


def test_labels_given_beside_latents_come_first(made):
    gan, _ = made("cgan")
    latents = gan.latents(4)
    assert latents.labels.tolist() == [0, 1, 2, 0]
    assert np.array_equal(gan.sample(latents=latents, labels="b"), gan.sample(4, "b"))
    plain = Latents(latents.noise)  # without labels: every class in turn
    assert np.array_equal(gan.sample(latents=plain), gan.sample(4))


def test_drawn_with_labels_as_latents_have_them(made):
    gan, _ = made("cgan")
    drawn = draw_latents(gan, 3, np.array([2, 2, 1]), 0)
    assert drawn.labels.tolist() == [2, 2, 1]
    assert np.array_equal(drawn.noise, gan.latents(3).noise)
