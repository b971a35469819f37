"""Layers, networks and initial weights that families are built from; they need torch alone.

>>> import torch
>>> from gankit import nn
>>> g = nn.MLPGenerator(16, shape=(1, 8, 8), hidden=(32,), output="tanh")
>>> g(torch.randn(5, 16)).shape
torch.Size([5, 1, 8, 8])
"""

from gankit.nn.conv import ConvDiscriminator, ConvGenerator
from gankit.nn.init import init_glorot, init_normal, init_uniform
from gankit.nn.layers import (
    ConditionalBatchNorm2d,
    GaussianNoise,
    Maxout,
    OneHot,
    frozen,
    limit_norms,
)
from gankit.nn.minibatch_discrimination import MinibatchDiscrimination
from gankit.nn.mlp import MLPDiscriminator, MLPGenerator
from gankit.nn.shapes import stages_for, widths_for

__all__ = [
    "ConditionalBatchNorm2d",
    "ConvDiscriminator",
    "ConvGenerator",
    "GaussianNoise",
    "MLPDiscriminator",
    "MLPGenerator",
    "Maxout",
    "MinibatchDiscrimination",
    "OneHot",
    "frozen",
    "init_glorot",
    "init_normal",
    "init_uniform",
    "limit_norms",
    "stages_for",
    "widths_for",
]
