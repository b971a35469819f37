"""Every family's generator can be exported, with a batch of any size."""

from __future__ import annotations

import base64
import re
from contextlib import suppress
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import gankit
from gankit.data import as_planes
from gankit.exporting.to_html import page_of
from gankit.families import Task
from gankit.trained.artifact import save_artifact
from gankit.trained.gan import GAN
from gankit.training.state import build_game

from ..conftest import families_of

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
    **{(family, "classes", ""): {} for family in families_of("images")},
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


def ready(config, task):
    """A game of settled networks, each of whose weights has moved, so that labels do something."""
    game = build_game(config, task)
    for network in (game.generator, game.discriminator):
        network.eval().requires_grad_(False)
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    settle(game)
    return game


@pytest.mark.parametrize(("family", "what", "how"), CASES, ids=lambda part: part or "default")
@pytest.mark.slow
def test_an_exported_generator_takes_any_batch(small, tmp_path, family, what, how):
    """`export` itself compares the program and its code with gankit, at three sizes of batch."""
    game = ready(small(family, **CASES[family, what, how]), TASKS[what])
    made = gankit.export(GAN(game, step=0), tmp_path / "plain")
    assert made.difference <= 1e-5
    text = (tmp_path / "plain" / "generator.py").read_text()
    assert "torch.ops" not in text
    layers = sum(isinstance(module, CONVOLUTIONS) for module in game.generator.modules())
    assert text.count("F.conv") == layers


@pytest.fixture(scope="module")
def one_registry():
    """Let torch build its list of ONNX's operators once: that is a third of each export's time."""
    pytest.importorskip("onnxscript", reason="onnxscript writes ONNX files")
    pytest.importorskip("onnxruntime", reason="onnxruntime runs ONNX files")
    with pytest.MonkeyPatch.context() as patch:
        with suppress(ImportError, AttributeError):  # it is no public part of torch
            from torch.onnx._internal.exporter._registration import ONNXRegistry

            listed = staticmethod(cache(ONNXRegistry.from_torchlib))
            patch.setattr(ONNXRegistry, "from_torchlib", listed)
        yield


WHOLE = {
    **dict.fromkeys(families_of("images"), TASKS["classes"]),
    "cgan of vectors, odd": Task((3, 21, 27), (), 5),
}


@pytest.mark.parametrize("case", WHOLE)
@pytest.mark.slow
def test_artifact_and_page_make_the_same_samples(small, tmp_path, one_registry, case):
    """The page runs its own ONNX file, which takes the shares of every class as labels.

    Plain PyTorch and torch's program are compared above.
    """
    game = ready(small(case.split()[0]), WHOLE[case])
    players = {"generator": game.generator, "discriminator": game.discriminator}
    kept = players if game.judges else {"generator": game.generator}
    save_artifact(tmp_path / "model.safetensors", game, kept, 1)
    gan, loaded = GAN(game, step=1), gankit.load(tmp_path / "model.safetensors")
    labels = torch.rand(5, gan.condition).numpy() if gan.condition else None
    latents = gan.latents(5, labels)
    np.testing.assert_array_equal(loaded.as_stored(latents=latents), gan.as_stored(latents=latents))

    content, onnx = page_of(loaded)
    assert onnx.difference <= onnx.limit <= 1e-3
    given = {"latents": latents.noise}
    if gan.condition:
        given["labels"] = latents.labels
    elif gan.class_names:
        given["labels"] = np.eye(3, dtype=np.float32)[latents.labels]
    run = onnxruntime_of(content, "model")
    (made,) = run(given)
    found = np.rint(((made + 1) * 127.5).clip(0, 255))
    wanted = gan.as_stored(latents=latents)
    assert np.abs(found - as_planes(wanted)).max() <= 1

    if game.judges:  # D, as the page asks it
        (chances,) = onnxruntime_of(content, "discriminator")({"images": made})
        np.testing.assert_allclose(chances, gan.judge(wanted), atol=0.05)


def onnxruntime_of(page, name):
    """A network in a page, run by onnxruntime."""
    import onnxruntime

    text = re.search(rb'<script id="%s" type="text/plain">([^<]*)' % name.encode(), page)[1]
    session = onnxruntime.InferenceSession(
        base64.b64decode(text), providers=["CPUExecutionProvider"]
    )
    return lambda given: session.run(None, given)


@pytest.mark.slow
def test_text_is_written_too(small, tmp_path, one_registry):
    """The families of text share one generator, whose choices are made of latents."""
    task = replace(Task.of(gankit.load_dataset("sentences")), shape=(4,))
    gan = GAN(ready(small("gumbel"), task), step=0)
    assert gankit.export(gan, tmp_path / "text.onnx").difference == 0
    assert gankit.export(gan, tmp_path / "plain").difference == 0


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
