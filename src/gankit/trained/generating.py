"""From latents to samples: in passes of one size, in the form that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.data import as_planes
from gankit.data.pixels import to_numbers, to_pixels
from gankit.errors import ConfigError
from gankit.game_types import Latent
from gankit.nn.layers import mixed_labels
from gankit.trained.drawing import BLOCK
from gankit.trained.export import as_image

if TYPE_CHECKING:
    from PIL.Image import Image

    from gankit.trained.gan import GAN

PASS = 16
"""The number of samples that a CPU generates at a time. Many more are no faster for each."""

Output = Literal["np", "pt", "pil", "text"]


class Generates(Protocol):
    """A game, or a GAN."""

    def generate(self, latent: Latent) -> Tensor: ...


def generate(source: Generates, latent: Latent) -> Tensor:
    """Return the samples of latents, made in passes of the same number of rows each.

    Matrix products of other sizes may add in another order. As the size never changes, a sample is
    the same to the bit, however many others are made and whichever they are.
    """
    rows = rows_of_a_pass(latent.noise.device)
    parts = passes(latent)
    return torch.cat([source.generate(part.padded(rows))[: len(part)] for part in parts])


def passes(latent: Latent) -> list[Latent]:
    """Return the latents of each pass that `generate` makes."""
    rows = rows_of_a_pass(latent.noise.device)
    return [latent[start : start + rows] for start in range(0, len(latent), rows)]


def rows_of_a_pass(device: torch.device) -> int:
    """Return how many samples a device generates at a time."""
    return PASS if device.type == "cpu" else BLOCK


def generate_mixed(gan: GAN, latent: Latent) -> Tensor:
    """Return the samples of latents whose labels may be shares of classes; see `GAN.generate`."""
    shares = latent.labels
    if shares is None or not (gan.class_names and shares.is_floating_point()):
        return gan.game.generate(latent)
    with mixed_labels(gan.generator, shares) as mixed:
        if not mixed:
            raise ConfigError(
                "this generator takes classes in a way of its own: give it one class for each "
                "sample, and no mixture"
            )
        return gan.game.generate(replace(latent, labels=shares.argmax(1)))


def made(gan: GAN, latents: Iterable[Latent]) -> Iterator[Tensor]:
    """Yield the generator's output for each block of latents."""
    weight = next(gan.generator.parameters())
    for latent in latents:
        with torch.inference_mode():
            fake = generate(gan, latent.to(weight.device, weight.dtype))
        yield fake


def stored(gan: GAN, latents: Iterable[Latent]) -> Iterator[NDArray[Any]]:
    """Yield samples as a data set holds them, for each block of latents."""
    for fake in made(gan, latents):
        yield to_pixels(fake, gan.game.value_range)


def numbers(gan: GAN, latents: Iterable[Latent]) -> Iterator[NDArray[Any]]:
    """Yield samples as a user is given them, for each block of latents."""
    for fake in made(gan, latents):
        yield to_numbers(fake, gan.game.value_range, gan.pixels)


def given_as(
    gan: GAN, n: int, latents: Iterable[Latent], output: Output
) -> NDArray[Any] | Tensor | list[Image] | list[str]:
    """Return the `n` samples of some latents as an output of `GAN.sample`."""
    if output == "text":
        return [gan.text(row) for fake in made(gan, latents) for row in fake.tolist()]
    if output == "pil":
        every = (picture for block in numbers(gan, latents) for picture in block)
        return [as_image(picture, gan.pixels) for picture in every]
    samples = joined(n, numbers(gan, latents))
    if output == "np":
        return samples
    planes = as_planes(samples) if gan.kind == "images" else samples
    return torch.from_numpy(np.ascontiguousarray(planes))


def check_output(gan: GAN, output: Output | None) -> Output:
    """Return the form of the samples, which the kind decides if None is given.

    Raises ConfigError if there is no such form, or the samples have none like it.
    """
    if output is None:
        return "text" if gan.kind == "tokens" else "np"
    if output not in get_args(Output):
        raise ConfigError(f"output is 'np', 'pt', 'pil' or 'text', got {output!r}")
    if output == "text" and gan.kind != "tokens":
        raise ConfigError(f"{gan.kind} are no text: choose output 'np' or 'pt'")
    if output == "pil":
        gan.check_pictures("choose output 'np' or 'pt'")
    return output


def joined(n: int, blocks: Iterator[NDArray[Any]]) -> NDArray[Any]:
    """Return blocks of `n` samples in one array."""
    first = next(blocks)
    out = np.empty((n, *first.shape[1:]), first.dtype)
    out[: len(first)] = first
    done = len(first)
    for block in blocks:
        out[done : done + len(block)] = block
        done += len(block)
    return out
