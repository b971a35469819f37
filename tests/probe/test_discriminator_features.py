"""The features of D's convolutions: which, how many, and that nothing but the image is in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES, Task
from gankit.fitting import fit
from gankit.probe.discriminator_features import (
    ConvFeatures,
    trained_discriminator,
    untrained_discriminator,
)
from gankit.recipes import RECIPES
from gankit.run import Run
from gankit.settings.config import override
from gankit.training.state import build_game

from ..conftest import IMAGE_FAMILIES

TEN = tuple("0123456789")
TASK = Task((1, 28, 28), TEN)
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 1, 28, 28)).astype(np.uint8)
CONVOLUTIONAL = {
    "gan": {
        "network.body": "conv",
        "network.generator_hidden": "16,16",
        "network.discriminator_hidden": "8",
        "network.channels": "4,4,6",
    },
    "ssgan": {"network.body": "conv", "network.discriminator_width": 4},
}
"""What makes a family convolutional where it is not by default. A new family is tested without."""
every_family = pytest.mark.parametrize("family", IMAGE_FAMILIES)


def game_of(small, family, **changes):
    config = small(family, **{**CONVOLUTIONAL.get(family, {}), **changes})
    return build_game(config, TASK)


def silent(_line):
    pass


@pytest.mark.slow
def test_the_papers_network_has_28672():
    config = RECIPES["dcgan-features-paper"]()
    with torch.device("meta"):
        game = FAMILIES[config.family](config, Task((3, 32, 32)))
    features = ConvFeatures(game)
    assert features.dims == 28_672
    assert features.convolutions == 6


def test_they_are_each_stages_maps_pooled(small):
    game = game_of(small, "dcgan")
    x = torch.from_numpy(IMAGES).float() / 127.5 - 1
    wanted = []
    with torch.no_grad():
        game.discriminator.eval()
        for stage in game.discriminator.trunk:
            x = stage(x)
            wanted.append(F.adaptive_max_pool2d(x, 4).flatten(1))
    assert np.allclose(ConvFeatures(game)(IMAGES), torch.cat(wanted, 1), atol=1e-6)


def test_a_backbone_is_not_the_discriminators_own(small):
    game = game_of(small, "projected")
    own = [m for m in game.discriminator.heads.modules() if isinstance(m, torch.nn.Conv2d)]
    assert ConvFeatures(game).convolutions == len(own)


def test_where_a_block_activates_by_a_function_leaky_relu_is_taken(small):
    game = game_of(small, "modern")
    features = ConvFeatures(game)
    network = game.discriminator
    found = sum(isinstance(m, torch.nn.Conv2d) for m in network.modules())
    assert features.convolutions == found
    flat = np.full((1, 1, 28, 28), 200, np.uint8)  # of noise the maximum is always above 0
    first = network.image(torch.from_numpy(flat).float() / 127.5 - 1)
    assert first.min() < 0 < first.max()
    wanted = F.adaptive_max_pool2d(F.leaky_relu(first, 0.2), 4).flatten(1)
    assert np.allclose(features(flat)[:, : wanted.shape[1]], wanted.detach(), atol=1e-6)


def test_the_maximum_of_pieces_is_the_activation(small):
    features = ConvFeatures(game_of(small, "gan"))
    assert features.convolutions == 3
    assert features.dims == (4 + 4 + 6) * 16  # units, not pieces; 14, 7 and 4 pixels a side


def test_of_an_autoencoder_only_the_encoder(small):
    game = game_of(small, "began")
    encoder = game.discriminator.encoder
    found = sum(isinstance(m, torch.nn.Conv2d) for m in encoder.modules())
    assert ConvFeatures(game).convolutions == found


@every_family
def test_every_family_gives_features_of_each_image_on_its_own(small, family):
    features = ConvFeatures(game_of(small, family))
    together = features(IMAGES)
    assert together.shape == (6, features.dims)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    assert together.std(0).max() > 0
    alone = np.concatenate([features(IMAGES[i : i + 1]) for i in range(6)])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.array_equal(together, features(IMAGES))


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("dcgan", {"objective.penalty": "spectral_norm"}),
        ("dcgan", {"stabilise.virtual_batch": 5}),
        ("dcgan", {"stabilise.minibatch_kernels": 3}),
        ("cgan", {"network.conditioning": "concat"}),
        ("cgan", {"network.conditioning": "embedding"}),
        ("cgan", {"network.conditioning": "layers"}),
        (
            "cgan",
            {
                "network.conditioning": "concat",
                "network.discriminator_norm": "batch",
                "stabilise.virtual_batch": 5,
            },
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "+".join(map(str, given.values())),
)
def test_whatever_is_wrapped_around_it(small, family, changes):
    features = ConvFeatures(game_of(small, family, **changes))
    together = features(IMAGES)
    alone = np.concatenate([features(IMAGES[i : i + 1]) for i in range(6)])
    assert together.shape == (6, features.dims)
    assert np.allclose(together, alone, atol=1e-5)


def test_a_label_that_is_laid_over_the_image_is_the_mean_of_all(small):
    game = game_of(small, "cgan", **{"network.conditioning": "concat", "network.stages": 1})
    x = torch.from_numpy(IMAGES).float() / 127.5 - 1
    planes = torch.full((6, 10, 28, 28), 0.1)
    with torch.no_grad():
        wanted = F.adaptive_max_pool2d(game.discriminator.trunk[0](torch.cat([x, planes], 1)), 4)
    assert np.allclose(ConvFeatures(game)(IMAGES), wanted.flatten(1), atol=1e-6)


def test_a_run_asked_by_vectors(small):
    config = small("cgan", **{"network.conditioning": "concat"})
    features = ConvFeatures(build_game(config, Task((1, 28, 28), (), 3)))
    assert features(IMAGES).shape == (6, features.dims)


def test_perceptrons_are_refused(small):
    game = build_game(small("gan"), TASK)
    with pytest.raises(ConfigError, match="no convolutions to probe"):
        ConvFeatures(game)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["32", "64"])
def test_it_is_the_newest_checkpoint_that_can_be_read(small, tmp_path, newest, precision):
    changes = {"training.steps": 3, "runtime.precision": precision, "output.checkpoint_every": 1}
    fit(small("dcgan", **changes), tmp_path / "run")
    run, said = Run(tmp_path / "run"), []
    game, step = trained_discriminator(run, said.append)
    weights = {f"discriminator/{k}": v for k, v in game.discriminator.state_dict().items()}
    kept = newest(run.folder)
    assert step == 3
    assert said == []
    assert all(torch.equal(v, kept[k].to(v.dtype)) for k, v in weights.items())
    assert ConvFeatures(game)(IMAGES).shape == (6, (4 + 8) * 16)
    paths = sorted(run.checkpoints.glob("step-*"))
    paths[-1].write_bytes(paths[-1].read_bytes()[:-50])
    assert trained_discriminator(run, said.append)[1] == 2
    assert "skipping checkpoint step-00000003" in said[0]
    for path in paths:
        path.unlink()
    with pytest.raises(RunError, match="holds no checkpoint"):
        trained_discriminator(run, silent)


@pytest.mark.slow
def test_what_is_no_run_of_images(small, tmp_path):
    with pytest.raises(RunError, match="holds no run"):
        trained_discriminator(Run(tmp_path / "none"), silent)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").write_text("of something else")
    for path in ("other", "other/file"):
        with pytest.raises(RunError, match="holds no run"):
            trained_discriminator(Run(tmp_path / path), silent)
    config = override(small("gan", "toy:ring8"), {"training.steps": 1})
    fit(config, tmp_path / "toy")
    with pytest.raises(ConfigError, match="points"):
        trained_discriminator(Run(tmp_path / "toy"), silent)


def test_the_untrained_one_has_the_runs_first_weights_and_the_datas_moments(small):
    config = small("dcgan", **{"training.seed": 7})
    game = untrained_discriminator(config, TASK, IMAGES)
    first = build_game(config, TASK).discriminator
    mine = dict(game.discriminator.named_parameters())
    assert all(torch.equal(mine[k], v) for k, v in first.named_parameters())
    x = torch.from_numpy(IMAGES).float() / 127.5 - 1
    with torch.no_grad():
        maps = first.trunk[1][0](first.trunk[0](x))
    norm = game.discriminator.trunk[1][1]
    assert torch.allclose(norm.running_mean, maps.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(norm.running_var, maps.transpose(0, 1).flatten(1).var(1), rtol=1e-4)


def test_the_untrained_one_takes_real_images_as_its_reference(small):
    config = small("dcgan", **{"stabilise.virtual_batch": 5})
    game = untrained_discriminator(config, TASK, IMAGES)
    x = torch.from_numpy(IMAGES).float() / 127.5 - 1
    assert torch.allclose(game.discriminator.get_buffer("inputs"), x[:5], atol=1e-6)
