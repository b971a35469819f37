"""The network that is exported: from latents and labels to samples, in one module."""

from __future__ import annotations

import copy
import json
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from gankit.errors import RunError
from gankit.game import Game
from gankit.game_types import Latent
from gankit.storage import digest
from gankit.text import reason
from gankit.trained.drawing import draw_block
from gankit.trained.gan import GAN
from gankit.trained.generating import Generates
from gankit.version import __version__

BATCHES = (1, 3, 8)
"""The numbers of samples with which an exported network is compared with gankit."""

LIMIT = 1e-4
"""The difference that is always accepted, of numbers in -1 to 1: an eightieth of a step of 255."""
MOST = 1e-3
"""The difference that is accepted at most, if gankit's own samples are as far from exact ones."""
ROUNDINGS = 4

Inputs = tuple[Tensor, ...]
"""What an exported network is called with: latents, and labels if the run knows any."""
Runs = Callable[[Inputs], NDArray[Any]]
"""A function that runs an exported network."""


class Network(nn.Module):
    """A game's generator as others call it: images are in -1 to 1 whatever its own range is.

    With `pixels`, images are uint8 [N, H, W, C], as `GAN.sample` rounds them. `source` makes the
    samples in place of the game: a GAN takes mixtures of classes as labels too.
    """

    def __init__(
        self, game: Game, *, pixels: bool = False, source: Generates | None = None
    ) -> None:
        super().__init__()
        self.generator = game.generator
        self.game, self.pixels, self.source = game, pixels, source or game

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        made = self.source.generate(Latent(latents, labels))
        if self.game.value_range is None:
            return made
        low, high = self.game.value_range
        if self.pixels:
            scaled = ((made - low) * (255 / (high - low))).round().clamp(0, 255)
            return scaled.to(torch.uint8).permute(0, 2, 3, 1)
        return made if (low, high) == (-1, 1) else (made - low) * (2 / (high - low)) - 1


def example(gan: GAN, count: int) -> Inputs:
    """Return latents and labels of `count` samples, as an exported network is called with them."""
    labels = None
    if gan.condition:
        labels = torch.linspace(0, 1, count * gan.condition).view(count, -1)
    elif gan.class_names:
        labels = torch.arange(count) % len(gan.class_names)
    drawn = draw_block(gan.game, 0, labels, count, seed=0)
    return (drawn.noise,) if drawn.labels is None else (drawn.noise, drawn.labels)


def traced(network: nn.Module, inputs: Inputs) -> ExportedProgram:
    """Return a program for any number of samples, traced with these inputs.

    Raises RunError if torch cannot trace the network, which may be a user's own.
    """
    sizes = tuple({0: Dim("n")} for _ in inputs)
    try:
        with quiet():
            return torch.export.export(network.eval(), inputs, dynamic_shapes=sizes, strict=False)
    except Exception as error:  # a user's network may raise anything
        hint = ": write x.shape[0], not len(x)" if "specialized" in str(error) else ""
        raise RunError(f"this generator cannot be exported{hint} ({reason(error)})") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what torch's exporters tell their developers from a user's terminal."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def compare(
    made: Sequence[Runs],
    network: nn.Module,
    batches: Sequence[Inputs],
    what: str,
    limit: float | None = None,
) -> tuple[float, float]:
    """Run an exported network beside gankit's own.

    Args:
        made: what runs it, in each form in which it is written.
        network: gankit's own.
        batches: what both are called with.
        what: what was exported, for the error.
        limit: the largest difference that is accepted; None: as `accepted` finds it.

    Returns:
        the largest difference, and the accepted one.

    Raises RunError if it differs by more, or by a number that is none.
    """
    found = float(np.max([largest_difference(run, network, batches) for run in made]))
    if limit is None:
        limit = accepted(found, network, batches)
    if not found <= limit:
        raise RunError(
            f"{what} differs from gankit's own samples by {found:.3g}, and {limit:g} is the most "
            "that is accepted: nothing was written"
        )
    return found, limit


def examples(gan: GAN) -> list[Inputs]:
    """Return the batches with which an exported generator is compared."""
    return [example(gan, count) for count in BATCHES]


def largest_difference(made: Runs, network: nn.Module, batches: Iterable[Inputs]) -> float:
    """Return the largest difference between what `made` and `network` return, over all batches.

    It is NaN if a number is not finite, and infinite if the shapes differ.
    """
    largest = 0.0
    for inputs in batches:
        with torch.inference_mode():
            wanted = network(*inputs).numpy().astype(np.float64)
        found = np.asarray(made(inputs), np.float64)
        if found.shape != wanted.shape:
            return float("inf")
        largest = float(np.maximum(largest, np.abs(found - wanted).max()))
    return largest


def accepted(found: float, network: nn.Module, batches: Iterable[Inputs]) -> float:
    """Return the largest difference that is accepted of an exported network: `LIMIT`, or more.

    Sums of large numbers round differently in another order, gankit's own as well as the exported
    network's. So if more than `LIMIT` was found, the network is computed in double precision too,
    and `ROUNDINGS` times gankit's own difference from that is accepted, but never above `MOST`.
    """
    if not found > LIMIT:
        return LIMIT

    def exact(inputs: Inputs) -> NDArray[Any]:
        given = [part.double() if part.is_floating_point() else part for part in inputs]
        with torch.inference_mode():
            made: NDArray[Any] = double(*given).numpy()
        return made

    try:
        double = copy.deepcopy(network).double()
        own = largest_difference(exact, network, batches)
    except Exception:  # a user's network may know single precision alone
        return LIMIT
    return min(MOST, max(LIMIT, ROUNDINGS * own))


def check_images(gan: GAN, what: str) -> None:
    """Raise RunError if the run makes no images."""
    if gan.kind != "images":
        raise RunError(f"{what}, and this run makes {gan.kind}: export it to onnx or torch")


def about(gan: GAN) -> dict[str, Any]:
    """Return what a person or a program needs to know of an exported generator, as JSON holds it.

    `digest` is that of the generator's weights.
    """
    return {
        "gankit": __version__,
        "family": gan.config.family,
        "step": gan.step,
        "kind": str(gan.kind),
        "shape": list(gan.shape),
        "class_names": list(gan.class_names),
        "condition": gan.condition,
        "symbols": list(gan.symbols),
        "latent_size": gan.game.latent_size,
        "prior": gan.config.latent.prior,
        "digest": digest(gan.generator.state_dict()),
    }


def as_json(facts: dict[str, Any]) -> bytes:
    """Return facts as the text of a JSON file."""
    text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    return text.encode(errors="backslashreplace")  # JSON writes such bytes of a name so, too
