"""A looping film that walks from sample to sample through the latents."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gankit.data.pixels import to_pixels
from gankit.game_types import Latent
from gankit.pictures import grid
from gankit.trained.drawing import draw_block
from gankit.trained.gan import GAN
from gankit.trained.labelling import Labels

STOPS, FRAMES, MILLISECONDS = 6, 16, 60
"""The samples that a film passes, the frames from one to the next, and how long each is shown."""
LEAST_SIDE = 96
"""Pictures are enlarged by a whole factor to at least so many pixels a side."""


def to_gif(gan: GAN, labels: Labels, seed: int, count: int) -> bytes:
    """Return a GIF of `count` pictures side by side, each on a closed walk of its own.

    Picture i passes samples i, i + count, ... of the seed. Between two of them normal noise goes
    along a great circle, which keeps its length, and other noise along a line. Labels are held.

    Raises ConfigError if the labels do not suit the run.
    """
    asked = gan.labels_for(count, labels)
    held = None if asked is None else torch.from_numpy(asked)
    every = None if held is None else held.repeat(STOPS, *[1] * (held.dim() - 1))
    stops = draw_block(gan.game, 0, every, STOPS * count, seed).noise.view(STOPS, count, -1)
    frames = []
    for i in range(STOPS):
        start, end = stops[i], stops[(i + 1) % STOPS]
        for share in np.arange(FRAMES) / FRAMES:
            eased = (1 - math.cos(math.pi * share)) / 2
            frames.append(_between(start, end, eased, gan.config.latent.prior == "normal"))
    return _film([_picture(gan, Latent(noise, held)) for noise in frames])


def _between(start: Tensor, end: Tensor, share: float, round_trip: bool) -> Tensor:
    """Return the point at `share` of the way: on a great circle, or on a line."""
    if not round_trip:
        return start + share * (end - start)
    cosine = torch.nn.functional.cosine_similarity(start, end, dim=1).clamp(-1 + 1e-6, 1 - 1e-6)
    angle = cosine.acos()[:, None]
    return (torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end) / angle.sin()


def _picture(gan: GAN, latent: Latent) -> NDArray[np.uint8]:
    with torch.inference_mode():
        pixels = to_pixels(gan.game.generate(latent), gan.game.value_range)
    return grid(pixels, math.ceil(math.sqrt(len(pixels))))


def _film(pictures: list[NDArray[np.uint8]]) -> bytes:
    factor = max(1, LEAST_SIDE // min(pictures[0].shape[:2]))
    frames = [Image.fromarray(picture.repeat(factor, 0).repeat(factor, 1)) for picture in pictures]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], duration=MILLISECONDS, loop=0
    )
    return buffer.getvalue()
