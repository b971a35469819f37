"""Files of samples: their names, and how pictures are laid out."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.game_types import Task
from gankit.pictures import grid
from gankit.trained.export import write_samples
from gankit.trained.gan import GAN
from tests.trained.made import made

ODD = ("a/b", "line\nbreak\0", "caf\udce9", "long " * 100, "日本")
"""Classes as tables and folders may name them."""


@pytest.fixture
def pets(small):
    return made(small("cgan"), (1, 28, 28), ("cat", "dog"))


def test_classes_in_turn_stand_side_by_side(pets, tmp_path):
    write_samples(pets, 24, None, 0, tmp_path / "it.png")
    seen, images = np.asarray(Image.open(tmp_path / "it.png")), pets.sample(24, seed=0)
    left, right = grid(images[0::2], 4), grid(images[1::2], 4)
    assert np.array_equal(seen[:, : left.shape[1]], left)
    assert np.array_equal(seen[:, -right.shape[1] :], right)


@pytest.mark.parametrize("label", ["dog", [0, 0, 1, 1, 0, 1, 1, 0, 0]])
def test_what_is_asked_for_otherwise_keeps_its_order(pets, tmp_path, label):
    write_samples(pets, 9, label, 0, tmp_path / "it.png")
    wanted = grid(pets.sample(9, label, seed=0), 3)
    assert np.array_equal(Image.open(tmp_path / "it.png"), wanted)


def test_vectors_keep_their_order(small, tmp_path):
    config = small("cgan")
    gan = GAN(FAMILIES["cgan"](config, Task((1, 28, 28), (), 3)), 0)
    vectors = np.random.default_rng(0).normal(size=(9, 3))
    write_samples(gan, 9, vectors, 0, tmp_path / "it.png")
    wanted = grid(gan.sample(9, vectors, seed=0), 3)
    assert np.array_equal(Image.open(tmp_path / "it.png"), wanted)


@pytest.mark.parametrize("channels", [1, 5])
def test_a_class_of_any_name_is_a_part_of_a_files_name(small, tmp_path, channels):
    gan = made(small("cgan"), (channels, 28, 28), ODD)
    write_samples(gan, 5, None, 0, tmp_path / "x")
    names = sorted(path.stem for path in (tmp_path / "x").iterdir())
    assert names[:3] == ["0-a_b", "1-line_break_", "2-caf_"]
    assert (names[3][:12], names[4]) == ("3-long long ", "4-日本")
    assert len(names[3]) == 202


def test_samples_are_never_mixed_with_others(small, tmp_path):
    gan = made(small("cgan"), (1, 28, 28), ("cat", "dog"))
    (tmp_path / "x").mkdir()
    (tmp_path / "x/readme.png").write_bytes(b"of another kind")
    for _ in range(2):  # the same ones are written anew
        write_samples(gan, 4, None, 0, tmp_path / "x")
    for n, label in ((2, None), (4, "dog")):
        with pytest.raises(ConfigError, match="holds other samples, such as"):
            write_samples(gan, n, label, 0, tmp_path / "x")
    assert len(list((tmp_path / "x").iterdir())) == 5
