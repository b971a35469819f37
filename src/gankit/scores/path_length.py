"""The path length of a generator: how far images move when the latent moves a little."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.features.network import FeatureNetwork
from gankit.game_types import Latent
from gankit.metrics.smoothness import path_ends, path_length
from gankit.randomness import Purpose, rng
from gankit.trained.drawing import BLOCK
from gankit.trained.gan import GAN

PAIRS, EPSILON = 1000, 1e-3


def has_paths(gan: GAN, network: FeatureNetwork) -> bool:
    """Return whether path length applies: to images, not rounded, of a latent of noise alone."""
    plain = gan.game.latent_size == gan.config.latent.size
    return plain and len(gan.shape) == 3 and not network.rounds and not gan.condition


def mean_path_length(gan: GAN, network: FeatureNetwork, seed: int) -> float:
    """Return the mean over `PAIRS` random paths, each between two latents of the same class."""
    game, prior = gan.game, gan.config.latent.prior
    shape = "normal" if prior == "normal" else "uniform"  # on a sphere, or in a cube
    ends: tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]] = ([], [])
    every = gan.labels_for(PAIRS)
    for block, begin in enumerate(range(0, PAIRS, BLOCK)):
        random = rng(seed, Purpose.EVALUATION, block, 1)
        count = min(BLOCK, PAIRS - begin)
        labels = None if every is None else torch.from_numpy(every[begin : begin + count])
        start, end = (game.latent(count, labels, random) for _ in range(2))
        t = random.random(count) * (1 - EPSILON)
        steps = path_ends(start.noise.numpy(), end.noise.numpy(), t, EPSILON, prior=shape)
        for side, noise in zip(ends, steps, strict=True):
            side.append(_features(gan, network, Latent(torch.from_numpy(noise), labels)))
    return path_length(np.concatenate(ends[0]), np.concatenate(ends[1]), EPSILON)[0]


def _features(gan: GAN, network: FeatureNetwork, latent: Latent) -> NDArray[np.float32]:
    """Return the features of a latent's images, which are not rounded to 8 bits."""
    low, high = gan.game.value_range or (0.0, 1.0)
    weight = next(gan.generator.parameters())
    with torch.inference_mode():
        fake = gan.game.generate(latent.to(weight.device, weight.dtype)).float().cpu()
        pictures: Tensor = ((fake - low) / (high - low)).clamp_(0, 1)
        found = [
            network.forward(network.fit(some))[0].float().cpu().numpy()
            for some in torch.split(pictures, network.block)
        ]
    return np.concatenate(found)
