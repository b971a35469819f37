"""Directions, against numpy's and scikit-learn's own answers."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from gankit.errors import ConfigError
from gankit.exploring.directions import factorise, pca, principal
from gankit.own_networks import with_networks
from gankit.trained.gan import GAN


def test_factorisation_is_that_of_the_first_weights(gans):
    """arXiv 2007.06600, equation 6: eigenvectors of A^T A; here by numpy, from the weights."""
    gan = gans("dcgan", **{"network.generator_units": 24})
    weight = next(m for m in gan.generator.modules() if isinstance(m, nn.Linear)).weight
    a = weight.detach().double().numpy()
    values, vectors = np.linalg.eigh(a.T @ a)
    found = factorise(gan, 4)
    assert np.allclose(found.strengths**2, values[::-1][:4], rtol=1e-8)
    for i in range(4):
        assert abs(found.vectors[i] @ vectors[:, -1 - i]) == pytest.approx(1, abs=1e-5)
        assert found.vectors[i][np.abs(found.vectors[i]).argmax()] > 0


def test_columns_of_labels_are_left_out(gans):
    gan = gans("cgan", **{"network.conditioning": "concat"})  # noise and label share a layer
    found = factorise(gan, 2)
    a = next(m for m in gan.generator.modules() if isinstance(m, nn.Linear)).weight
    own = a.detach().double().numpy()[:, : gan.config.latent.size]
    assert np.allclose(found.strengths, np.linalg.svd(own)[1][:2], rtol=1e-8)


def test_a_transposed_convolution_is_a_linear_map_of_the_noise_too(gans, small):
    class Up(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.ConvTranspose2d(100, 1, 16)

        def forward(self, z):
            return self.up(z[:, :, None, None])

    game = gans("dcgan").game
    own = with_networks(type(game), (Up(), None))(small("dcgan"), game.task)
    found = factorise(GAN(own, 0), 2)
    a = own.generator.network.up.weight.detach().flatten(1).double().numpy().T
    assert np.allclose(found.strengths, np.linalg.svd(a)[1][:2], rtol=1e-8)


@pytest.mark.parametrize("shape", [(60, 8), (30, 100)], ids=["tall", "wide"])
def test_components_are_those_of_scikit_learn(shape):
    from sklearn.decomposition import PCA

    rows = np.random.default_rng(0).normal(size=shape) * np.linspace(3, 1, shape[1])
    reference = PCA(5, svd_solver="full").fit(rows)
    components, deviations, scores = pca(rows, 5)
    assert np.allclose(deviations**2, reference.explained_variance_)
    signs = np.sign((components * reference.components_).sum(1))
    assert np.allclose(components, reference.components_ * signs[:, None], atol=1e-8)
    assert np.allclose(scores, reference.transform(rows) * signs, atol=1e-8)


def test_the_first_layers_components_are_its_factors(gans):
    """Of a linear layer of standard normal noise, the components lie along the factors."""
    gan = gans("gan", **{"latent.prior": "normal", "latent.size": 3})
    like = gan.latents(1)
    weights = factorise(gan, 1).vectors[0]
    outputs = principal(gan, 1, like=like, layer=1, n=4000).vectors[0]
    assert abs(weights @ outputs) > 0.95  # as near as 4,000 draws bring them


def test_what_is_out_of_range(gans):
    gan = gans("dcgan")
    like = gan.latents(1)
    size = gan.config.latent.size
    for count in (0, size + 1):
        with pytest.raises(ConfigError, match=f"count must be in 1 to {size}"):
            factorise(gan, count)
    with pytest.raises(ConfigError, match="layer must be in 1 to"):
        principal(gan, 1, like=like, layer=99, n=size + 1)
    with pytest.raises(ConfigError, match="n must be above the noise's size"):
        principal(gan, 1, like=like, n=size)
