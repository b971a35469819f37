"""Mixtures of labels, and the picture that an exported page shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import gankit
from gankit.exporting.mixing import sample_at, takes_mixtures
from gankit.families import Task
from gankit.own_networks import with_networks
from gankit.trained.gan import GAN
from tests.exporting.made import PERCEPTRON, SHAPE, untrained

BRANCHES = {**PERCEPTRON, "network.conditioning": "branches", "network.generator_branches": "6,6"}


class OneHotInside(nn.Module):
    """A user's generator that asks for whole numbers, with no layer that codes them."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(67, 480)

    def forward(self, noise, labels):
        code = nn.functional.one_hot(labels, 3).to(noise.dtype)
        return self.layer(torch.cat([noise, code], 1)).view(-1, *SHAPE).tanh()


@pytest.mark.parametrize("how", [{}, PERCEPTRON, BRANCHES], ids=["conv", "mlp", "branches"])
def test_a_whole_share_is_the_class(small, how):
    gan = untrained(small("cgan", **how))
    latent = gan.game.latent(1, torch.tensor([0]), np.random.default_rng(0)).noise[0].numpy()
    asked = sample_at(gan, latent, "b").astype(int)
    mixed = sample_at(gan, latent, shares=[0, 1, 0]).astype(int)
    assert np.abs(asked - mixed).max() <= 1
    between = sample_at(gan, latent, shares=[0.5, 0.5, 0]).astype(int)
    assert np.abs(between - mixed).max() > 1


def test_where_labels_cannot_be_mixed(small):
    assert not takes_mixtures(untrained(small("dcgan")))
    assert not takes_mixtures(untrained(small("cgan"), Task(SHAPE, (), 5)))
    family = with_networks(type(untrained(small("cgan")).game), (OneHotInside(), None))
    game = family(small("cgan"), Task(SHAPE, ("a", "b", "c")))
    gan = GAN(game, step=0)
    assert not takes_mixtures(gan)
    with pytest.raises(gankit.ConfigError, match="takes no 3 shares"):
        sample_at(gan, np.zeros(gan.game.latent_size), shares=[1, 0, 0])
