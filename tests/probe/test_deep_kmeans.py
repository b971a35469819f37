"""Layers of k-means: how alike inputs are, which are grouped, what a layer makes of maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gankit.errors import ConfigError
from gankit.probe.deep_kmeans import (
    DeepKMeansFeatures,
    FieldLayer,
    check_depth,
    energy_similarity,
    receptive_fields,
)
from gankit.probe.kmeans_features import KMeansFeatures
from tests.probe.test_kmeans_features import textures

pytest.importorskip("sklearn")


def standardised(values):
    return torch.from_numpy((values - values.mean(0)) / values.std(0))


def grouped(groups=3, each=4, count=20_000):
    """Inputs without correlation; those of a group share a random scale, 1 or 3 alike often."""
    rng = np.random.default_rng(0)
    scale = rng.choice([1.0, 3.0], (count, groups)).repeat(each, 1)
    return standardised(scale * rng.standard_normal((count, groups * each)))


def test_similarity_is_that_of_the_whitened_pair():
    """The moments say what whitening each pair, and correlating the squares, would say."""
    x = grouped(count=500)
    x = standardised((x @ torch.linspace(-1, 1, 144, dtype=torch.float64).view(12, 12) + x).numpy())
    found = energy_similarity(x, torch.arange(12))
    for i, j in ((0, 1), (2, 9), (11, 4)):
        pair = x[:, [i, j]].numpy()
        values, vectors = np.linalg.eigh(pair.T @ pair / len(pair))
        squares = (pair @ (vectors / np.sqrt(values)) @ vectors.T) ** 2
        assert found[i, j].item() == pytest.approx(np.corrcoef(squares.T)[0, 1], abs=1e-6)
    assert torch.allclose(found, found.T)


def test_similarity_of_a_shared_scale_is_the_closed_form():
    """If x = s a and y = s b with normal a and b, it is var(s²) / (3 E s⁴ - (E s²)²) = 16 / 98."""
    found = energy_similarity(grouped(), torch.tensor([0, 4]))
    assert found[1, 0].item() == pytest.approx(16 / 98, abs=0.03)
    assert found[1, 1].item() == pytest.approx(0, abs=0.03)


def test_correlation_alone_is_no_similarity():
    random = np.random.default_rng(0).standard_normal((20_000, 2))
    normal = standardised(np.stack([random[:, 0], random[:, 0] + 0.5 * random[:, 1]], 1))
    assert abs(energy_similarity(normal, torch.tensor([0]))[1, 0]) < 0.03
    assert np.corrcoef((normal.numpy() ** 2).T)[0, 1] > 0.7  # which plain energies do not know


def test_fields_are_the_groups():
    fields = receptive_fields(grouped(), torch.tensor([1, 6, 8]), 4)
    assert [set(field.tolist()) for field in fields] == [
        {0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11},
    ]  # fmt: skip
    assert [field[0].item() for field in fields] == [1, 6, 8]


def test_an_input_that_never_varies_is_chosen_last():
    inputs = grouped(count=500)
    inputs[:, 2] = 0
    assert receptive_fields(inputs, torch.tensor([0]), 12)[0][-1] == 2


def test_a_layer_is_its_formula_window_by_window():
    rng = np.random.default_rng(0)
    maps = torch.from_numpy(rng.gamma(2, 1, (40, 5, 5, 5)).astype(np.float32))
    windows = F.unfold(maps, 2).transpose(1, 2).flatten(0, 1)
    layer = FieldLayer(windows, 20, 0, 1)
    found = layer.maps(maps)
    assert found.shape == (40, 20, 4, 4)
    assert [len(book.centroids) for book in layer.codebooks] == [10, 10]
    window = maps[7, :, 1:3, 2:4].reshape(-1).double()
    inputs = (window - windows.double().mean(0)) / windows.double().std(0, correction=0)
    expected = []
    for book, field in zip(layer.codebooks, layer.fields, strict=True):
        white = (inputs[field] - book.mean.double()) @ book.whiten.double()
        distances = (white - book.centroids.double()).norm(dim=1)
        expected.append((distances.mean() - distances).clamp_min(0))
    assert torch.allclose(found[7, :, 1, 2].double(), torch.cat(expected), atol=1e-4)


def test_layers_are_joined_and_the_first_is_that_of_one():
    images, _ = textures(30)
    features = DeepKMeansFeatures(images, 8, 3, seed=0)
    found = features(images)
    assert found.shape == (30, features.dims) == (30, 96)
    assert np.array_equal(found[:, :32], KMeansFeatures(images, 8, seed=0)(images))
    assert (found >= 0).all()
    assert found[:, 32:64].std() > 0
    assert found[:, 64:].std() > 0
    assert np.allclose(features(images[3:4]), found[3:4], atol=1e-4)
    assert np.array_equal(DeepKMeansFeatures(images, 8, 3, seed=0)(images), found)


def test_flat_pictures_are_nothing_but_zeros():
    flat = np.full((10, 3, 16, 16), 90, np.uint8)
    found = DeepKMeansFeatures(flat, 16, 2, seed=0)(flat)
    assert np.isfinite(found).all()
    assert found.std(0).max() < 1e-6


def test_images_that_are_too_small_for_so_many_layers():
    for layers, least in ((1, 6), (2, 9), (3, 15)):
        check_depth((least, 40), layers)
        with pytest.raises(ConfigError, match=f"at least {least} x {least}.*fewer layers"):
            check_depth((40, least - 1), layers)
    small = np.random.default_rng(0).integers(0, 256, (20, 1, 15, 15)).astype(np.uint8)
    assert DeepKMeansFeatures(small, 8, 3, seed=0)(small).shape == (20, 96)
