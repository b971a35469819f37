"""Every family's generator can be exported by torch, with a batch of any size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gankit.families import FAMILIES, Task
from gankit.trained.gan import GAN
from gankit.training.state import build_game

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
    **{(family, "classes", ""): {} for family in FAMILIES.names()},
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


def given(gan, count):
    """What the generator is called with for `count` samples."""
    labels = None
    if gan.condition:
        labels = torch.linspace(0, 1, count * gan.condition).view(count, -1)
    elif gan.class_names:
        labels = torch.arange(count) % len(gan.class_names)
    latent = gan.game.latent(count, labels, np.random.default_rng(0))
    return (latent.noise, latent.labels)


@pytest.mark.parametrize(("family", "what", "how"), CASES, ids=lambda part: part or "default")
@pytest.mark.slow
def test_an_exported_generator_takes_any_batch(small, family, what, how):
    game = build_game(small(family, **CASES[family, what, how]), TASKS[what])
    game.generator.eval().requires_grad_(False)
    gan = GAN(game, step=0)
    example = given(gan, 3)
    batch = torch.export.Dim("batch")
    sizes = tuple(None if part is None else {0: batch} for part in example)
    program = torch.export.export(gan.generator, example, dynamic_shapes=sizes)
    for count in (1, 3, 8):
        made, wanted = program.module()(*given(gan, count)), gan.generator(*given(gan, count))
        assert made.shape == (count, *SHAPE)
        torch.testing.assert_close(made, wanted, rtol=0, atol=1e-5)
    named = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    layers = sum(isinstance(module, CONVOLUTIONS) for module in gan.generator.modules())
    assert sum("conv" in name for name in named) == layers
