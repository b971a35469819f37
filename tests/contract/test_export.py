"""Every family's generator can be exported, with a batch of any size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import gankit
from gankit.families import Task
from gankit.trained.gan import GAN
from gankit.training.state import build_game

from ..conftest import IMAGE_FAMILIES

SHAPE = (1, 20, 24)
TASKS = {
    "nothing": Task(SHAPE),
    "classes": Task(SHAPE, ("a", "b", "c")),
    "vectors": Task(SHAPE, (), 5),
}
PERCEPTRON = {
    "network.body": "mlp",
    "network.generator_hidden": "12",
    "network.classifier": "0,0",
}
BRANCHES = PERCEPTRON | {"network.conditioning": "branches", "network.generator_branches": "6,6"}
CASES = {
    **{(family, "classes", ""): {} for family in IMAGE_FAMILIES},
    ("modern", "nothing", ""): {},
    ("cgan", "vectors", ""): {},
    ("dcgan", "nothing", "units"): {"network.generator_units": 8, "network.kernel": 4},
    **{
        ("cgan", what, how): {"network.conditioning": how}
        for what in ("classes", "vectors")
        for how in ("concat", "embedding", "layers")
    },
    ("cgan", "classes", "branches"): BRANCHES,
    ("cgan", "vectors", "branches"): BRANCHES | {"network.generator_dropout": 0.5},
    ("gan", "nothing", "conv"): {"network.body": "conv", "network.generator_hidden": "12,8"},
    ("ssgan", "classes", "conv"): {"network.body": "conv", "network.generator_width": 4},
}
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def settle(game):
    """Let batch normalisation know the numbers that it normalises, as after training."""
    norms = [module for module in game.generator.modules() if isinstance(module, _BatchNorm)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    task = game.task
    labels = torch.arange(64) % task.classes if game.conditional and task.classes else None
    if game.conditional and task.condition:
        labels = torch.rand(64, task.condition)
    with torch.no_grad():
        game.generate(game.latent(64, labels, np.random.default_rng(0)))
    game.generator.eval()


@pytest.mark.parametrize(("family", "what", "how"), CASES, ids=lambda part: part or "default")
@pytest.mark.slow
def test_an_exported_generator_takes_any_batch(small, tmp_path, family, what, how):
    """`export` itself compares the program and its code with gankit, at three sizes of batch.

    ONNX files are made of the same program: tests/exporting tries three families.
    """
    game = build_game(small(family, **CASES[family, what, how]), TASKS[what])
    game.generator.eval().requires_grad_(False)
    for weight in game.generator.parameters():
        weight.add_(0.1 * torch.randn_like(weight))  # so that labels do something
    settle(game)
    made = gankit.export(GAN(game, step=0), tmp_path / "plain")
    assert made.difference <= 1e-5
    text = (tmp_path / "plain" / "generator.py").read_text()
    assert "torch.ops" not in text
    layers = sum(isinstance(module, CONVOLUTIONS) for module in game.generator.modules())
    assert text.count("F.conv") == layers


@pytest.mark.slow
def test_families_from_outside_are_exported_too(small, tmp_path):
    """All that `generate` does is exported, not the network alone; words have a fixed batch."""
    from tests.contract import actors

    def gan(family, source):
        game = build_game(small(family, source), Task.of(actors.DATASETS[source](None)))
        game.generator.eval().requires_grad_(False)
        return GAN(game, step=0)

    assert gankit.export(gan("walker", "walks"), tmp_path / "plain").difference <= 1e-5
    with pytest.raises(gankit.RunError, match=r"write x\.shape\[0\], not len\(x\)"):
        gankit.export(gan("words", "alphabet"), tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]
