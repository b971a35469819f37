"""Features of several layers of k-means, whose upper layers look at learned receptive fields."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from gankit.errors import ConfigError
from gankit.probe.kmeans_features import PATCH, Codebook, KMeansFeatures, in_blocks, quarters
from gankit.randomness import Purpose, rng

FIELDS, INPUTS = 32, 200
"""The most receptive fields of a layer, and the most inputs of each."""
EACH = 8
"""The fewest centroids of a receptive field, if a layer has as many."""
WINDOWS = 10_000
"""The number of windows that an upper layer is learned from, or 100 for each centroid of a field if
that is more."""
WINDOW = POOL = 2
"""The side of a window of an upper layer, and the side of the squares that maps are pooled by."""
BLOCK = 1000


class DeepKMeansFeatures:
    """Several layers of k-means, pooled by quarters and joined.

    After Coates & Ng 2011, Selecting Receptive Fields in Deep Networks. The first layer is that of
    `KMeansFeatures`. Each layer's maps are averaged over squares of 2x2; the next layer looks at
    windows of 2x2 of what results, through receptive fields: groups of inputs that vary in energy
    together. Each field is standardised and whitened, and has its own centroids and triangle
    activation.

    Attributes:
        dims: features of one image, 4 K for each layer.
    """

    def __init__(self, images: NDArray[np.generic], centroids: int, layers: int, seed: int) -> None:
        """Learn from images uint8 [N, C, H, W], without labels; each layer has K centroids.

        Raises:
            ConfigError: the images are too small for so many layers.
            MissingExtraError: scikit-learn is not installed.
        """
        check_depth(images.shape[2:], layers)
        self.dims = 4 * centroids * layers
        self._first = KMeansFeatures(images, centroids, seed)
        self._upper: list[FieldLayer] = []
        for number in range(1, layers):
            windows = self._sampled(images, centroids, seed, number)
            self._upper.append(FieldLayer(windows, centroids, seed, number))

    def __call__(self, images: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the features float32 [N, dims] of images uint8 [N, C, H, W], 0..255."""
        out = np.empty((len(images), self.dims), np.float32)
        done = 0
        for block in in_blocks(images):
            joined = np.concatenate([quarters(maps) for maps in self._layers(block)], 1)
            out[done : done + len(block)] = joined
            done += len(block)
        return out

    def _layers(self, images: NDArray[np.generic]) -> list[Tensor]:
        """Return the maps [N, K, H, W] of each layer that has been learned."""
        found = [self._first.maps(images)]
        for layer in self._upper:
            found.append(layer.maps(_pooled(found[-1])))
        return found

    def _sampled(
        self, images: NDArray[np.generic], centroids: int, seed: int, number: int
    ) -> Tensor:
        """Return windows at random places of random images: [M, 4 K] of the last layer."""
        count = max(WINDOWS, 100 * max(_shares(centroids)))
        random = rng(seed, Purpose.REFERENCE, 2 + number)
        which = np.sort(random.integers(len(images), size=count))
        shares, found, done = random.random(count), list[Tensor](), 0
        for block in in_blocks(images):
            own = (which >= done) & (which < done + len(block))
            windows = _windows(_pooled(self._layers(block)[-1]))
            places = (shares[own] * windows.shape[1]).astype(np.int64)
            found.append(windows[which[own] - done, places])
            done += len(block)
        return torch.cat(found)


class FieldLayer:
    """One upper layer: receptive fields, and a codebook of each.

    Attributes:
        fields: the inputs of each receptive field, int64.
        codebooks: what was learned of each.
    """

    def __init__(self, windows: Tensor, centroids: int, seed: int, number: int) -> None:
        """Learn layer `number`, from 1, from windows [M, inputs]."""
        self._mean = windows.mean(0)
        deviation = windows.std(0, correction=0)
        varies = deviation > 1e-6 * deviation.max()
        self._scale = torch.where(varies, 1 / deviation.where(varies, torch.ones(())), 0.0)
        shares = _shares(centroids)
        inputs = self._standardised(windows)
        able = np.flatnonzero(varies) if varies.any() else np.arange(len(varies))
        random = rng(seed, Purpose.REFERENCE, 2 + number, 1)
        begun = random.choice(able, len(shares), replace=len(able) < len(shares))
        self.fields = receptive_fields(inputs, torch.from_numpy(begun), INPUTS)
        self.codebooks = [
            Codebook(inputs[:, field], share, seed + number)
            for field, share in zip(self.fields, shares, strict=True)
        ]

    def maps(self, maps: Tensor) -> Tensor:
        """Return the activations [N, K, H - 1, W - 1] of pooled maps [N, inputs / 4, H, W]."""
        high, wide = (side - WINDOW + 1 for side in maps.shape[2:])
        inputs = self._standardised(_windows(maps).flatten(0, 1))
        read = zip(self.codebooks, self.fields, strict=True)
        codes = torch.cat([book.encode(inputs[:, field]) for book, field in read], 1)
        return codes.view(len(maps), high, wide, -1).permute(0, 3, 1, 2)

    def _standardised(self, windows: Tensor) -> Tensor:
        return (windows - self._mean) * self._scale


def receptive_fields(inputs: Tensor, begun: Tensor, size: int) -> list[Tensor]:
    """Return, for each input in `begun`, it and the inputs that are most like it in energy.

    Args:
        inputs: [M, inputs], each of mean 0 and variance 1.
        begun: the inputs that fields begin with.
        size: the number of inputs of a field, if there are as many.
    """
    alike = energy_similarity(inputs, begun)
    alike[begun, torch.arange(len(begun))] = torch.inf
    order = alike.argsort(dim=0, descending=True, stable=True)
    return [*order[:size].T]


def energy_similarity(inputs: Tensor, chosen: Tensor) -> Tensor:
    """Return how much each input's energy varies with that of each chosen one: [inputs, chosen].

    It is the correlation of the squares of the two, after the pair was whitened by ZCA: so what
    two inputs share by being correlated does not count. All of it follows from moments of the
    inputs. An input that never varies is the least alike.

    Args:
        inputs: [M, inputs], each of mean 0 and variance 1.
        chosen: the numbers of the chosen inputs.
    """
    moments = torch.zeros(5, inputs.shape[1], len(chosen), dtype=torch.float64)
    for block in torch.split(inputs, BLOCK):
        x, y = block.double(), block[:, chosen].double()
        powers = ((x, y), (x**2, y**2), (x**3, y), (x, y**3), (x**4, torch.ones_like(y)))
        moments += torch.stack([a.T @ b for a, b in powers]) / len(inputs)
    xy, xxyy, xxxy, xyyy, xxxx = moments
    yyyy = xxxx[chosen, 0]
    # The whitened pair is (p x + q y, q x + p y).
    plus, minus = (1 + xy).clamp_min(1e-6).rsqrt(), (1 - xy).clamp_min(1e-6).rsqrt()
    p, q = (plus + minus) / 2, (plus - minus) / 2
    both = (p * q) ** 2 * (xxxx + 2 * xxyy + yyyy)
    both += 2 * p * q * (p**2 + q**2) * (xxxy + xyyy) + (p**2 + q**2) ** 2 * xxyy
    mixed = 6 * (p * q) ** 2 * xxyy
    first = p**4 * xxxx + 4 * p**3 * q * xxxy + mixed + 4 * p * q**3 * xyyy + q**4 * yyyy
    second = q**4 * xxxx + 4 * p * q**3 * xxxy + mixed + 4 * p**3 * q * xyyy + p**4 * yyyy
    alike = (both - 1) / ((first - 1) * (second - 1)).clamp_min(1e-12).sqrt()
    return torch.where((xxxx > 0) & (yyyy > 0), alike, -torch.inf)


def check_depth(size: tuple[int, ...], layers: int) -> None:
    """Raise ConfigError if images of this (height, width) are too small for so many layers."""
    least = WINDOW
    for _ in range(layers - 2):
        least = POOL * least + WINDOW - 1
    least = PATCH if layers == 1 else POOL * least + PATCH - 1
    if min(size) < least:
        raise ConfigError(
            f"kmeans_layers {layers} needs images of at least {least} x {least}, and these are "
            f"{size[0]} x {size[1]}: give fewer layers",
            "kmeans_layers",
        )


def _shares(centroids: int) -> list[int]:
    """Return how many of a layer's centroids each receptive field has."""
    count = max(1, min(FIELDS, centroids // EACH))
    return [(centroids + place) // count for place in range(count)]


def _pooled(maps: Tensor) -> Tensor:
    return F.avg_pool2d(maps, POOL)


def _windows(maps: Tensor) -> Tensor:
    """Return every window of maps [N, K, H, W]: [N, places, 4 K]."""
    return F.unfold(maps, WINDOW).transpose(1, 2)
