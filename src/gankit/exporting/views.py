"""What D makes of a picture that a user gives: the second network of an exported page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from gankit.errors import RunError
from gankit.exporting.network import BATCHES, Inputs, Network, compare, example
from gankit.exporting.to_onnx import HALF, runner, written
from gankit.game import Game
from gankit.trained.gan import GAN

Answer = Literal["chances", "picture"]


@dataclass(frozen=True)
class View:
    """D of a run, for its page.

    Attributes:
        answer: `chances` of each class, or a `picture` of what it is given.
        names: the names of the classes, of `chances`.
        content: the ONNX file, from `images` float32 [N, C, H, W] in -1 to 1 to `chances` [N, K]
            or `picture` [N, C, H, W] in -1 to 1; None if the run has no D any more.
        difference: its largest difference from gankit's own D, of numbers in -1 to 1.
    """

    answer: Answer
    names: tuple[str, ...]
    content: bytes | None = None
    difference: float | None = None


class Viewed(nn.Module):
    """D as a page asks it: pictures are in -1 to 1, whatever the game's own range is."""

    def __init__(self, game: Game, discriminator: nn.Module, answer: Answer) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.game, self.answer = game, answer

    def forward(self, images: Tensor) -> Tensor:
        assert self.game.value_range is not None
        low, high = self.game.value_range
        examples = (images + 1) * ((high - low) / 2) + low
        if self.answer == "chances":
            return self.game.judge(examples)
        made = self.game.reconstruct(examples, self.discriminator)
        return (made - low) * (2 / (high - low)) - 1


def view_of(gan: GAN, *, half: bool = False) -> View | None:
    """Return what D shows of a picture, for families that declare it; None for the others.

    D names the class if the family `judges`, and draws the picture again if it `reconstructs`. It
    has been run on the run's own samples and compared with gankit. An artifact holds D only in
    families where D names classes; otherwise it is that of the newest checkpoint beside it.

    Args:
        gan: the trained run, which makes grey or colour images.
        half: whether weights are stored in half precision.

    Raises RunError if the network cannot be exported, or differs too much.
    """
    found = _declared(gan)
    if found is None or gan.shape[0] not in (1, 3):
        return None
    try:
        discriminator = gan.game.discriminator if gan.game.judges else gan.discriminator
    except RunError:
        return found
    network = Viewed(gan.game, discriminator, found.answer).eval()
    content = written(network, _samples(gan, 3), ("images",), found.answer, {}, half=half)
    batches = [_samples(gan, count) for count in BATCHES]
    limit = HALF if half else None
    difference, _ = compare([runner(content)], network, batches, "D's ONNX file", limit)
    return View(found.answer, found.names, content, difference)


def _declared(gan: GAN) -> View | None:
    if gan.game.reconstructs:
        return View("picture", ())
    if gan.game.judges and gan.judged_names:
        return View("chances", gan.judged_names)
    return None


def _samples(gan: GAN, count: int) -> Inputs:
    """Return the run's own samples as pictures that D is given."""
    with torch.inference_mode():
        made: Tensor = Network(gan.game)(*example(gan, count))
    return (made.clone(),)
