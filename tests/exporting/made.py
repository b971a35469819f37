"""Runs to export: untrained networks of a few weights, as gankit loads them."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from gankit.families import Task
from gankit.trained.gan import GAN
from gankit.training.state import build_game

SHAPE = (1, 20, 24)
CLASSES = Task(SHAPE, ("a", "b", "c"))
PERCEPTRON = {
    "network.body": "mlp",
    "network.generator_hidden": "12",
    "network.classifier": "0,0",
}
"""Settings of a cgan of dense layers."""
with_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnxruntime", "onnxscript")),
    reason="onnxruntime and onnxscript write and run ONNX files",
)


def untrained(config, task=CLASSES) -> GAN:
    """A GAN of a configuration that has taken no step, with every weight moved.

    As they start, some weights do nothing: labels of a conditional normalisation, for one.
    """
    game = build_game(config, task)
    game.generator.eval().requires_grad_(False)
    for weight in game.generator.parameters():
        weight.add_(0.1 * torch.randn_like(weight))
    return GAN(game, step=0)
