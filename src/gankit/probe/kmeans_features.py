"""Features of one layer of k-means, which a discriminator's features have to beat."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from gankit.errors import MissingExtraError
from gankit.randomness import Purpose, rng

PATCH = 6
"""The side of a patch in pixels."""
PATCHES_EACH = 100
"""The number of patches that are clustered, for each centroid."""
ITERATIONS = 30
AT_ONCE = 40_000
"""The most patches that are encoded at a time, if one image has no more."""
CONTRAST, WHITENING = 10.0, 0.1
"""The numbers added to a patch's variance (of pixels 0..255), and to the variances in whitening."""


class Codebook:
    """K centroids of whitened patches.

    Attributes:
        mean, whiten, centroids: float [F], [F, F], [K, F] of patches of F values.
    """

    def __init__(self, patches: Tensor, centroids: int, seed: int) -> None:
        """Learn from patches [M, F]. Raises MissingExtraError without scikit-learn."""
        try:
            from sklearn.cluster import KMeans
            from sklearn.exceptions import ConvergenceWarning
        except ImportError:
            raise MissingExtraError("k-means features", "evaluate") from None
        self.mean = patches.mean(0)
        values, vectors = torch.linalg.eigh(torch.cov((patches - self.mean).T.double()))
        scales = (values.clamp_min(0) + WHITENING).rsqrt()
        self.whiten = ((vectors * scales) @ vectors.T).float()
        white = (patches - self.mean) @ self.whiten
        means = KMeans(centroids, n_init=1, max_iter=ITERATIONS, random_state=seed % 2**32)
        with warnings.catch_warnings():  # flat pictures have fewer kinds of patches than K
            warnings.simplefilter("ignore", ConvergenceWarning)
            means.fit(white.numpy())
        self.centroids = torch.from_numpy(means.cluster_centers_.astype(np.float32))

    def encode(self, patches: Tensor) -> Tensor:
        """Return the triangle activations [M, K] of patches [M, F]."""
        white = (patches - self.mean) @ self.whiten
        distances = torch.cdist(white, self.centroids, compute_mode="use_mm_for_euclid_dist")
        return (distances.mean(1, keepdim=True) - distances).relu_()


class KMeansFeatures:
    """Whitened patches, encoded by their distances to K centroids, pooled by quarters.

    Coates, Lee & Ng 2011, An Analysis of Single-Layer Networks in Unsupervised Feature Learning:
    6x6 patches at every pixel, contrast-normalised and ZCA-whitened; the triangle activation
    f_k = max(0, mean(z) - z_k), with z_k the distance to centroid k. Departs from it: quarters hold
    means instead of sums (the features are standardised later), and overlap by a patch if a side
    is odd.

    Attributes:
        dims: features of one image, 4 K.
        codebook: what was learned of patches.
    """

    def __init__(self, images: NDArray[np.generic], centroids: int, seed: int) -> None:
        """Learn from images uint8 [N, C, H, W], without labels.

        Raises MissingExtraError without scikit-learn.
        """
        self.dims = 4 * centroids
        patches = _normalised(_sampled(images, centroids * PATCHES_EACH, seed))
        self.codebook = Codebook(patches, centroids, seed)

    def __call__(self, images: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the features float32 [N, dims] of images uint8 [N, C, H, W], 0..255."""
        blocks = [quarters(self.maps(block)) for block in in_blocks(images)]
        return np.concatenate(blocks) if blocks else np.empty((0, self.dims), np.float32)

    def maps(self, images: NDArray[np.generic]) -> Tensor:
        """Return the activations at every pixel: [N, K, H - 5, W - 5]."""
        given = torch.from_numpy(images).float()
        high, wide = (side - PATCH + 1 for side in images.shape[2:])
        patches = F.unfold(given, PATCH).transpose(1, 2).flatten(0, 1)
        codes = self.codebook.encode(_normalised(patches))
        return codes.view(len(given), high, wide, -1).permute(0, 3, 1, 2)


def in_blocks(images: NDArray[np.generic]) -> Iterator[NDArray[np.generic]]:
    """Yield the images in blocks of at most `AT_ONCE` patches."""
    high, wide = (side - PATCH + 1 for side in images.shape[2:])
    block = max(1, AT_ONCE // (high * wide))
    yield from (images[start : start + block] for start in range(0, len(images), block))


def quarters(maps: Tensor) -> NDArray[np.float32]:
    """Return the means of the four quarters of maps [N, K, H, W]: [N, 4 K]."""
    pooled: NDArray[np.float32] = F.adaptive_avg_pool2d(maps, 2).flatten(1).numpy()
    return pooled


def _normalised(patches: Tensor) -> Tensor:
    """Remove brightness and contrast from each of the patches [M, F]."""
    centred = patches - patches.mean(1, keepdim=True)
    return centred * (centred.square().mean(1, keepdim=True) + CONTRAST).rsqrt()


def _sampled(images: NDArray[np.generic], count: int, seed: int) -> Tensor:
    """Return patches at random places of random images: float [count, C * 6 * 6]."""
    random = rng(seed, Purpose.REFERENCE)
    which = random.integers(len(images), size=count)
    tops, lefts = (random.integers(side - PATCH + 1, size=count) for side in images.shape[2:])
    windows = np.lib.stride_tricks.sliding_window_view(images, (PATCH, PATCH), (2, 3))
    return torch.from_numpy(windows[which, :, tops, lefts].reshape(count, -1).astype(np.float32))
