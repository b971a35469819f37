"""Directions of a latent that change much, found without labels and without training.

Both ways look at the generator alone: the weights of its first layer, or what a later layer makes
of many latents.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gankit.errors import ConfigError
from gankit.exploring.columns import draw_latents, noise_of
from gankit.trained.drawing import BLOCK
from gankit.trained.gan import GAN
from gankit.trained.latents import Latents

LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
"""The layers that count, when one of them is named by its place."""
SAMPLES = 2000
"""How many latents `principal` looks at by default."""


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions of a latent, the strongest first.

    Attributes:
        vectors: float32 [K, size], each of length 1; 0 beside the noise. The largest number of each
            is positive, so that the sign is always the same.
        strengths: float64 [K]: by how much a step along it moves what was looked at.
    """

    vectors: NDArray[np.float32]
    strengths: NDArray[np.float64]


def factorise(gan: GAN, count: int) -> Directions:
    """Find the directions that the generator's first layer stretches most (arXiv 2007.06600).

    For a first layer y = A z + b, these are the eigenvectors of A^T A with the largest eigenvalues;
    their square roots, the singular values of A, are the strengths. Columns of A that belong to
    labels and codes are left out.

    Args:
        gan: the trained run.
        count: how many directions, from 1 to the size of the noise.

    Raises ConfigError if there are not as many, or if the noise enters by no layer of weights.
    """
    _check_count(gan, count)
    weight = _first_weight(gan).double().cpu().numpy()
    _, strengths, vectors = np.linalg.svd(weight, full_matrices=True)
    strengths = np.pad(strengths, (0, max(0, count - len(strengths))))
    return _directions(gan, vectors[:count], strengths[:count])


def principal(
    gan: GAN, count: int, *, like: Latents, layer: int = 2, n: int = SAMPLES, seed: int = 0
) -> Directions:
    """Find the latent directions of a layer's principal components (arXiv 2004.02546).

    The layer's outputs for `n` latents have principal components; the directions are those by which
    the latents are best regressed on them (equation 4 of the paper), of length 1. The strengths are
    the standard deviations of the outputs along the components.

    Args:
        gan: the trained run.
        count: how many directions, from 1 to the size of the noise.
        like: the latent whose label all latents have; otherwise classes would come first.
        layer: the place of the layer among those with weights, from 1. The first is a linear map of
            the noise, whose components are those of `factorise`; after the second comes what is
            bent.
        n: how many latents, more than `count`.
        seed: of the latents.

    Raises ConfigError if a number is out of range.
    """
    _check_count(gan, count)
    if n <= gan.config.latent.size:
        raise ConfigError(f"n must be above the noise's size, {gan.config.latent.size}, got {n}")
    label = gan.adopt(like[:1]).labels
    drawn = draw_latents(gan, n, None if label is None else label.repeat(n, 0), seed)
    _, deviations, scores = pca(_outputs(gan, drawn, layer), count)
    noise = drawn.noise[:, noise_of(gan)].astype(np.float64)
    vectors = np.linalg.lstsq(scores, noise - noise.mean(0), rcond=None)[0]
    return _directions(gan, vectors, deviations)


def pca(
    rows: NDArray[np.floating], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the first principal components of rows [N, D].

    Returns (components [count, D] of length 1, standard deviations [count] along them, and the
    rows' own coordinates [N, count]). The smaller of the two covariance matrices, D x D and N x N,
    is taken apart.
    """
    centred = rows.astype(np.float64) - rows.mean(0, dtype=np.float64)
    n, size = centred.shape
    if size <= n:
        _, vectors = np.linalg.eigh(centred.T @ centred)
        components = vectors[:, ::-1][:, :count].T
    else:
        values, vectors = np.linalg.eigh(centred @ centred.T)
        lengths = np.sqrt(values[::-1][:count].clip(np.finfo(np.float64).tiny))
        components = (centred.T @ vectors[:, ::-1][:, :count] / lengths).T
    scores = centred @ components.T
    return components, scores.std(0, ddof=1), scores


def _check_count(gan: GAN, count: int) -> None:
    size = gan.config.latent.size
    if not 1 <= count <= size:
        raise ConfigError(f"count must be in 1 to {size}, the size of the noise, got {count}")


def _directions(
    gan: GAN, vectors: NDArray[np.float64], strengths: NDArray[np.float64]
) -> Directions:
    """Return directions of the noise [K, z] as directions of the whole latent [K, size]."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors / np.maximum(lengths, np.finfo(np.float64).tiny)
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1)[:, None], 1)
    whole = np.zeros((len(vectors), gan.game.latent_size), np.float32)
    whole[:, noise_of(gan)] = vectors * np.sign(largest)
    return Directions(whole, strengths)


@contextmanager
def watched(generator: nn.Module) -> Iterator[list[tuple[nn.Module, Tensor, Tensor]]]:
    """Yield a list that fills with (layer, input, output) of the layers with weights, as called."""
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []

    def note(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        calls.append((layer, given[0], made))

    layers = [layer for layer in generator.modules() if isinstance(layer, LAYERS)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _first_weight(gan: GAN) -> Tensor:
    """Return A [outputs, z] of the generator's first layer. Raises ConfigError if it has none."""
    condition = np.zeros(gan.condition, np.float32) if gan.condition else None
    probe = gan.latents(2, condition)
    with torch.inference_mode(), watched(gan.generator) as calls:
        gan(probe)
    own = noise_of(gan)
    for layer, given, _ in calls:
        if isinstance(layer, nn.Linear):
            weight = layer.weight.detach()
        elif isinstance(layer, nn.ConvTranspose2d) and layer.groups == 1:
            weight = layer.weight.detach().flatten(1).T
        else:
            continue
        seen = given.flatten(1)[:, own].cpu().numpy()
        if weight.shape[1] >= own.stop and np.array_equal(seen, probe.noise[:, own]):
            return weight[:, own]
    raise ConfigError(
        "no layer of this generator is a linear map of the noise, so none can be factorised: "
        "choose method 'pca'",
        "method",
    )


def _outputs(gan: GAN, latents: Latents, layer: int) -> NDArray[np.float32]:
    """Return what a layer with weights, counted from 1, makes of latents: [N, D].

    Layers that see only labels, the same for all of these latents, do not count.
    """
    found: list[NDArray[np.float32]] = []
    places: list[int] = []
    for start in range(0, len(latents), BLOCK):
        with watched(gan.generator) as calls:
            gan(latents[start : start + BLOCK])
        if not start:
            inputs = [given for _, given, _ in calls]
            places = [i for i, x in enumerate(inputs) if not torch.equal(x[0], x[1])]
        if not 1 <= layer <= len(places):
            raise ConfigError(
                f"layer must be in 1 to {len(places)}, the layers with weights, got {layer}",
                "layer",
            )
        found.append(calls[places[layer - 1]][2].flatten(1).float().cpu().numpy())
    return np.concatenate(found)
