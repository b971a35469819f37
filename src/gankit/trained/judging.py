"""What a run's discriminator says of a user's images, and what its layers make of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.data import planes_of
from gankit.data.pixels import to_network
from gankit.errors import ConfigError
from gankit.game import families_that
from gankit.trained.discriminator import layers_of, recorded
from gankit.trained.drawing import BLOCK
from gankit.trained.labelling import Labels

if TYPE_CHECKING:
    from gankit.trained.gan import GAN


def judge(gan: GAN, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the chance of each class; see `GAN.judge`."""
    if not gan.game.judges:
        raise ConfigError(
            f"a run of family '{gan.config.family}' names no classes: train "
            f"{families_that(lambda f: f.judges, gan.game.task)}"
        )
    weight = next(gan.generator.parameters())
    with torch.inference_mode():
        chances = [
            gan.game.judge(scaled).double().cpu().numpy()
            for scaled in _scaled(gan, planes_of(images, gan.shape), weight)
        ]
    return np.concatenate(chances)


def features(
    gan: GAN, images: NDArray[Any], labels: Labels, layers: Sequence[str] | None
) -> dict[str, NDArray[np.float32]]:
    """Return what D's layers make of images, by the names of the layers; see `GAN.features`."""
    if gan.kind != "images":
        raise ConfigError(f"this run knows {gan.kind}, not images")
    if (gan.class_names or gan.condition) and labels is None:
        raise ConfigError(
            "this discriminator judges an image as one of a class: give labels", "labels"
        )
    planes = gan.pixels.to_stored(planes_of(images, gan.shape))
    asked = gan.labels_for(len(planes), labels)
    every = None if asked is None else torch.from_numpy(asked)
    network = gan.discriminator
    weight = next(network.parameters())
    parts: dict[str, list[NDArray[np.float32]]] = {}
    with torch.inference_mode(), recorded(layers_of(network, layers)) as found:
        for number, scaled in enumerate(_scaled(gan, planes, weight)):
            given = None if every is None else every[number * BLOCK :][: len(scaled)]
            network(scaled, None if given is None else given.to(weight.device))
            for name, made in found.items():  # a reference batch comes first
                parts.setdefault(name, []).append(made[-len(scaled) :].float().cpu().numpy())
    return {name: np.concatenate(blocks) for name, blocks in parts.items()}


def _scaled(gan: GAN, planes: NDArray[np.uint8], weight: Tensor) -> Iterator[Tensor]:
    """Yield images uint8 [n, C, H, W] as networks take them, of the device and type of `weight`.

    They come in blocks of at most `BLOCK`.
    """
    for start in range(0, len(planes), BLOCK):
        block = np.ascontiguousarray(planes[start : start + BLOCK])
        yield to_network(block, gan.game.value_range, weight.device, weight.dtype)
