"""Perceptrons."""

from __future__ import annotations

import torch

from gankit.nn.mlp import MLPGenerator


def test_mlp_generator_starts_from_noise_alone():
    assert MLPGenerator(5, (2,), (8,), "linear")(torch.randn(3, 5)).shape == (3, 2)
