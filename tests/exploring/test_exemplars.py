"""What a person types to point at latents."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.errors import ConfigError, RunError
from gankit.exploring import exemplars
from gankit.exploring.exemplars import exemplars_of, read_exemplars
from gankit.features.network import FeatureNetwork


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


def test_a_run_that_is_asked_for_classes_is_asked(gans):
    gan = gans("cgan")
    some, others = (exemplars_of(gan, name, 3, seed=2)[0] for name in ("b", "c"))
    assert some.labels.tolist() == [1, 1, 1]
    assert others.labels.tolist() == [2, 2, 2]
    assert np.array_equal(some.noise, others.noise)
    with pytest.raises(ConfigError, match="outside the 3 classes"):
        exemplars_of(gan, "x", 3)
    with pytest.raises(ConfigError, match="exemplars must be in 1 to 100"):
        exemplars_of(gan, "b", 0)


class Halves(FeatureNetwork):
    """Names an image by its lighter half, left or right."""

    name, digest, class_names = "halves", "0", ("left", "right")

    def forward(self, images):
        lighter = images.mean((1, 2))[:, :8].mean(1) > images.mean((1, 2))[:, 8:].mean(1)
        chance = lighter.float()[:, None]
        return chance, torch.cat([chance, 1 - chance], 1) * 0.5 + 0.25


def test_a_classifier_finds_them(gans):
    gan = gans("gan")
    found, said = exemplars_of(gan, "left", 5, seed=1, classifier=Halves())
    assert "5 samples that 'halves' takes for left" in said
    assert Halves().probabilities(gan.as_stored(latents=found)).argmax(1).tolist() == [0] * 5
    every = gan.latents(1000, seed=1)
    assert all((every.noise == z).all(1).any() for z in found.noise)
    with pytest.raises(ConfigError, match="knows no class 'up': it knows left, right"):
        exemplars_of(gan, "up", 5, classifier=Halves())
    with pytest.raises(ConfigError, match="nothing tells the classes"):
        exemplars_of(gan, "left", 5)


def test_too_few_are_said(gans, monkeypatch):
    monkeypatch.setattr(exemplars, "LOOKED_AT", 3)
    with pytest.raises(ConfigError, match=r"takes \d of 3 samples for left, and 4 are asked for"):
        exemplars_of(gans("gan"), "left", 4, classifier=Halves())


def test_the_runs_own_discriminator_finds_them(gans):
    gan = gans("ssgan")
    names = gan.judged_names
    chances = gan.judge(gan.as_stored(latents=gan.latents(1000, seed=0)))
    place = int(np.bincount(chances.argmax(1)).argmax())
    found, said = exemplars_of(gan, names[place], 2)
    assert "the run's own D" in said
    assert gan.judge(gan.as_stored(latents=found)).argmax(1).tolist() == [place, place]
