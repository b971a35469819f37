"""A user's arrays: what an .npz may hold, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import gankit
from gankit.config import override
from gankit.data import load_dataset
from gankit.errors import ConfigError, DataError
from gankit.training.loop import fit

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 16, 20)).astype(np.uint8)
POINTS = RNG.normal(size=(40, 5))


def saved(folder, **arrays):
    np.savez(folder / "data.npz", **arrays)
    return str(folder / "data.npz")


def test_images_with_labels(tmp_path):
    data = load_dataset(saved(tmp_path, images=IMAGES, labels=np.arange(40) % 3))
    assert data.shape == (1, 16, 20)
    assert data.class_names == ("0", "1", "2")
    assert data.condition == 0
    assert np.array_equal(data.read(np.arange(40))[:, 0], IMAGES)


def test_colour_images_and_a_test_split(tmp_path):
    colour = np.repeat(IMAGES[..., None], 3, 3)
    path = saved(tmp_path, images=colour, test_images=colour[:7])
    assert load_dataset(path).shape == (3, 16, 20)
    assert len(load_dataset(path, split="test")) == 7


def test_points_with_a_vector_each(tmp_path):
    data = load_dataset(saved(tmp_path, points=POINTS, conditions=RNG.normal(size=(40, 3))))
    assert data.shape == (5,)
    assert data.condition == 3
    assert data.labels.dtype == np.float32
    assert data.class_names == ()


@pytest.mark.parametrize("kind", [bool, np.int64])
def test_several_labels_at_once(tmp_path, kind):
    several = RNG.integers(0, 2, (40, 4)).astype(kind)
    data = load_dataset(saved(tmp_path, images=IMAGES, labels=several))
    assert data.condition == 4
    assert np.array_equal(data.labels, several.astype(np.float32))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "needs either images or points"),
        ({"images": IMAGES, "points": POINTS}, "needs either"),
        ({"images": IMAGES.astype(float)}, "must be uint8"),
        ({"images": IMAGES[..., None].repeat(2, 3)}, "have 2 channels"),
        ({"points": POINTS[:, 0]}, r"must be numbers \[N, D\]"),
        ({"points": np.full((4, 2), np.nan)}, "not all finite"),
        (
            {"points": POINTS, "labels": np.zeros(3, int)},
            "40 examples and labels or conditions for 3",
        ),
        ({"points": POINTS, "labels": np.full(40, -1)}, "whole numbers"),
        ({"points": POINTS, "labels": np.zeros(40)}, "whole numbers"),
        ({"points": POINTS, "labels": np.arange(40)[:, None] % 3}, "or several at once"),
        ({"points": POINTS, "labels": POINTS}, "other vectors are called conditions"),
        ({"points": POINTS, "conditions": np.zeros(40)}, "finite numbers"),
        ({"points": POINTS, "conditions": np.full((40, 2), "red")}, "finite numbers"),
        (
            {"points": POINTS, "conditions": POINTS, "labels": np.zeros(40, int)},
            "labels and conditions",
        ),
        ({"images": np.array([{}], dtype=object)}, r"no \.npz file of arrays"),
    ],
)
def test_what_is_refused(tmp_path, arrays, said):
    with pytest.raises(DataError, match=said):
        load_dataset(saved(tmp_path, **arrays))


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"no \.npz file of arrays"):
        load_dataset(tmp_path / "x.npz")
    with pytest.raises(DataError, match="leave size and channels out"):
        load_dataset(saved(tmp_path, images=IMAGES), size=32)


def conditional(tmp_path, small, **changes):
    """A run on images with several labels at once: left bright, right bright, both or none."""
    several = RNG.integers(0, 2, (256, 2)).astype(np.float32)
    images = RNG.integers(0, 40, (256, 16, 16)).astype(np.uint8)
    images[several[:, 0] == 1, :, :8] += 180
    images[several[:, 1] == 1, :, 8:] += 180
    path = saved(tmp_path, images=images, conditions=several)
    config = small("cgan", path, **{"training.batch": 16, **changes})
    fit(config, tmp_path / "run")
    return gankit.load(tmp_path / "run")


@pytest.mark.learning
@pytest.mark.slow
def test_several_labels_at_once_are_obeyed(tmp_path, small):
    learn = {"training.steps": 800, "generator.lr": 2e-3, "discriminator.lr": 2e-3}
    wider = {"network.generator_width": 8, "network.discriminator_width": 8, "training.ema": 0.95}
    everywhere = {"network.conditioning": "layers"}
    gan = conditional(tmp_path, small, **learn, **wider, **everywhere)
    assert gan.condition == 2
    # 4 seeds: 1.0 for all four; where labels are ignored, at most .5 for one of them.
    for asked in ([0, 0], [1, 0], [0, 1], [1, 1]):
        drawn = gan.sample(20, labels=asked).astype(float)
        sides = np.stack([drawn[..., :8].mean((1, 2)), drawn[..., 8:].mean((1, 2))], 1)
        assert ((sides > 110) == np.array(asked, bool)).mean() > 0.8, asked


@pytest.mark.slow
@pytest.mark.parametrize("conditioning", ["concat", "embedding", "layers", "projection"])
def test_every_conditioning_takes_a_vector(tmp_path, small, conditioning):
    changes = {"network.conditioning": conditioning, "training.steps": 2}
    gan = conditional(tmp_path, small, **changes)
    each = np.eye(2, dtype=np.float32)[[0, 1, 0]]
    assert gan.sample(3, labels=each).shape == (3, 16, 16)
    with pytest.raises(ConfigError, match="give labels, an array"):
        gan.sample(3)
    with pytest.raises(ConfigError, match=r"shape \(3,\) given"):
        gan.sample(3, labels=[0.0, 1.0, 2.0])


@pytest.mark.slow
@pytest.mark.parametrize("conditioning", ["branches", "concat", "embedding", "projection"])
def test_vectors_given_vectors(tmp_path, small, conditioning):
    """The tagging experiment's shape: points of 5, conditions of 3."""
    path = saved(tmp_path, points=POINTS, conditions=POINTS[:, :3])
    config = override(
        gankit.configure(source=path, recipe="cgan-tagging-paper"),
        {"training.steps": 2, "training.batch": 8, "runtime.threads": 1,
         "network.conditioning": conditioning, "network.generator_hidden": "8",
         "network.discriminator_hidden": "8"},
    )  # fmt: skip
    fit(config, tmp_path / "run")
    assert gankit.load(tmp_path / "run").sample(4, labels=[1, 2, 3]).shape == (4, 5)


def test_other_conditional_families_refuse_vectors(tmp_path, small):
    path = saved(tmp_path, images=IMAGES, conditions=RNG.normal(size=(40, 3)))
    with pytest.raises(ConfigError, match="needs labels"):
        fit(small("ssgan", path), tmp_path / "r")
