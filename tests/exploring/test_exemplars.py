"""What a person types to point at latents."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import ConfigError, RunError
from gankit.exploring.exemplars import read_exemplars


def test_by_seed_and_number_and_in_files(gans, tmp_path):
    gan = gans("cgan")
    gan.latents(4, seed=9).save(tmp_path / "x.npz")
    found = read_exemplars(gan, f"0:3, 7 ,2:1-2,{tmp_path}/x.npz:3,{tmp_path}/x.npz")
    wanted = [
        gan.latents(4).noise[3], gan.latents(1, seed=7).noise[0], *gan.latents(3, seed=2).noise[1:],
        gan.latents(4, seed=9).noise[3], *gan.latents(4, seed=9).noise,
    ]  # fmt: skip
    assert np.array_equal(found.noise, np.stack(wanted))
    assert found.labels.tolist() == [0, 0, 1, 2, 0, 0, 1, 2, 0]
    assert read_exemplars(gan, f"0:3,{tmp_path}/x.npz:1", "c").labels.tolist() == [2, 2]


def test_labels_that_are_vectors(gans):
    from gankit.families import Task

    gan = gans("cgan", Task((1, 16, 16), (), 4))
    label = np.ones(4, np.float32)
    assert read_exemplars(gan, "0:3,1:2", label).labels.tolist() == [[1] * 4] * 2
    with pytest.raises(ConfigError, match="asked by a vector: give labels"):
        read_exemplars(gan, "0:3")


@pytest.mark.parametrize(
    "text", ["", ",", "x", "0:", ":3", "0:3-", "-1:2", "0:x", "x.png:1", "0:1:2"]
)
def test_what_points_at_nothing(gans, text):
    with pytest.raises(ConfigError, match="points at no latent: give SEED:NUMBER"):
        read_exemplars(gans("dcgan"), text)


def test_numbers_that_are_not_there(gans, tmp_path):
    gan = gans("dcgan")
    gan.latents(2).save(tmp_path / "x.npz")
    with pytest.raises(ConfigError, match="have the numbers 0 to 99,999"):
        read_exemplars(gan, "0:100000")
    for typed in ("2", "1-2", "1-0"):
        with pytest.raises(ConfigError, match="have the numbers 0 to 1"):
            read_exemplars(gan, f"{tmp_path}/x.npz:{typed}")
    with pytest.raises(ConfigError, match=r"seed must be in \[0, 2\^64\)"):
        read_exemplars(gan, f"{2**64}:0")
    with pytest.raises(RunError, match="no latents at"):
        read_exemplars(gan, f"{tmp_path}/y.npz")
