"""What a trained discriminator makes of images, by the names of its layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gankit
from gankit.errors import ConfigError, RunError
from gankit.fitting import fit


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)


def test_features_are_those_of_the_last_discriminator(small, tmp_path, newest, pictures):
    fit(small("dcgan", **{"training.steps": 2}), tmp_path / "run", quiet=True)
    gan = gankit.load(tmp_path / "run")
    found = gan.features(pictures)
    assert list(found) == ["trunk.0.1", "trunk.1.2", "last"]
    weights = {
        name.removeprefix("discriminator/"): value
        for name, value in newest(tmp_path / "run").items()
        if name.startswith("discriminator/")
    }
    scaled = torch.from_numpy(pictures)[:, None].float() / 127.5 - 1
    first = torch.nn.functional.conv2d(
        scaled, weights["trunk.0.0.weight"], weights["trunk.0.0.bias"], stride=2, padding=2
    )
    expected = torch.nn.functional.leaky_relu(first, 0.2).numpy()
    assert np.allclose(found["trunk.0.1"], expected, atol=1e-5)
    assert np.allclose(gan.features(pictures[:2])["last"], found["last"][:2], atol=1e-5)
    logits = gan.features(pictures, layers=["head"])["head"]
    assert logits.shape == (5,)
    with pytest.raises(ConfigError, match=r"no layer 'trunk\.0\.9'"):
        gan.features(pictures, layers=["trunk.0.9"])
    with pytest.raises(ConfigError, match=r"\[5, 20, 28\] given; this run needs \[N, 28, 28\]$"):
        gan.features(pictures[:, :20])
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "run/model.safetensors").read_bytes())
    with pytest.raises(RunError, match="no checkpoint beside it"):
        gankit.load(tmp_path / "model.safetensors").features(pictures)


def test_a_conditional_discriminator_is_told_the_class(small, tmp_path, pictures):
    fit(small("cgan", **{"training.steps": 2}), tmp_path / "run", quiet=True)
    gan = gankit.load(tmp_path / "run")
    with pytest.raises(ConfigError, match="judges an image as one of a class"):
        gan.features(pictures)
    one, each = gan.features(pictures, 3), gan.features(pictures, [3, 3, 3, 3, 4])
    assert np.allclose(one["last"][:4], each["last"][:4], atol=1e-5)
