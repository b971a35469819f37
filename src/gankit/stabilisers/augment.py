"""Differentiable augmentation of all that D sees, so that little data lasts longer.

Real and fake are changed in the same ways, and G's gradient passes through the changes, so G does
not learn them (Zhao et al. 2020, DiffAugment, arXiv 2006.10738). Each change is made to each image
with a probability, which may adapt to D (Karras et al. 2020, ADA, arXiv 2006.06676).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from gankit.bibliography import KARRAS_2020, ZHAO_2020
from gankit.errors import ConfigError
from gankit.registry import Registry, joined_names
from gankit.settings.config import Config
from gankit.stabilisers.base import Stabiliser

if TYPE_CHECKING:
    from gankit.game import Game

Augmentation = Callable[[Tensor], Tensor]
"""A differentiable change of images [N, C, H, W] whose value range is 2 wide."""

AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation")


def mirrors(config: Config) -> bool:
    """Return whether D sees images in a mirror too."""
    return "flip" in joined_names(config.stabilise.augment)


def _per_image(images: Tensor) -> Tensor:
    """Draw a uniform number in [0, 1) for each image: [N, 1, 1, 1]."""
    return torch.rand(len(images), 1, 1, 1, device=images.device, dtype=images.dtype)


@AUGMENTATIONS.register("colour", "brightness, saturation and contrast (DiffAugment)")
def colour(images: Tensor) -> Tensor:
    """Shift brightness by up to 1/2 of a range of 2, and scale saturation and contrast.

    Saturation is multiplied by 0 to 2, contrast by 1/2 to 3/2.
    """
    images = images + (_per_image(images) - 0.5)
    if images.shape[1] > 1:
        grey = images.mean(1, keepdim=True)
        images = grey + (images - grey) * (2 * _per_image(images))
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (_per_image(images) + 0.5)


def _colour_over(images: Tensor, black: float) -> Tensor:
    """Change colours as `colour` does, of images whose last channel is opacity.

    The colours are multiplied by it, so what is added to a colour is too; opacity stays as it is.

    Args:
        images: [N, C, H, W] whose value range is 2 wide.
        black: the lower end of that range, which stands for 0.
    """
    alpha = (images[:, -1:] - black) / 2
    colours = images[:, :-1] - black + (_per_image(images) - 0.5) * alpha
    grey = colours.mean(1, keepdim=True)
    colours = grey + (colours - grey) * (2 * _per_image(images))
    seen = alpha.mean((2, 3), keepdim=True).clamp_min(1e-3)
    mean = colours.mean((1, 2, 3), keepdim=True) / seen * alpha
    colours = mean + (colours - mean) * (_per_image(images) + 0.5)
    return torch.cat([colours + black, images[:, -1:]], 1)


@AUGMENTATIONS.register("translation", "shifts by up to an eighth of the side, zeros move in")
def translation(images: Tensor) -> Tensor:
    """Move each image by whole pixels, at most 1/8 of each side; zeros move in."""
    count, _, height, width = images.shape
    device = images.device
    rows = _shifted(height, count, device)
    columns = _shifted(width, count, device)
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))  # one zero on each side is enough
    image = torch.arange(count, device=device).view(-1, 1, 1)
    moved = padded.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def _shifted(side: int, count: int, device: torch.device) -> Tensor:
    """Return the index that each pixel of a side comes from, in a picture padded by 1.

    The shape is [count, side]; each picture has a random shift.
    """
    most = max(1, round(side / 8))
    shift = torch.randint(-most, most + 1, (count, 1), device=device)
    return (torch.arange(side, device=device) - shift + 1).clamp(0, side + 1)


@AUGMENTATIONS.register("cutout", "a square of half the side is blanked (DiffAugment)")
def cutout(images: Tensor) -> Tensor:
    """Set a rectangle of half of each side to 0 in each image, at a random place."""
    count, _, height, width = images.shape
    hidden = (
        _span(height, count, images)[:, None, :, None] & _span(width, count, images)[:, None, None]
    )
    return images * ~hidden


def _span(side: int, count: int, images: Tensor) -> Tensor:
    """Mark the pixels of a side that lie in the half around a random centre: bool [count, side]."""
    centre = torch.randint(0, side, (count, 1), device=images.device)
    at = torch.arange(side, device=images.device)
    return (at >= centre - side // 4) & (at < centre - side // 4 + max(1, side // 2))


@AUGMENTATIONS.register("flip", "left and right, at even odds")
def flip(images: Tensor) -> Tensor:
    """Mirror each image with probability 1/2: for pictures whose left and right may be swapped."""
    return torch.where(_per_image(images) < 0.5, images.flip(3), images)


for _name in ("colour", "translation", "cutout"):
    AUGMENTATIONS.cite(_name, ZHAO_2020)


class Augment(Stabiliser):
    """Augmentation of all that D sees: each named change is made to each image with a probability.

    The probability adapts if `target` > 0: after each step it moves up if E[sign(logit of real)] is
    above the target (D overfits), and down otherwise. If a loss looks at differences alone, each
    pair's difference replaces the logit.
    """

    replays = True

    def __init__(
        self,
        names: str,
        probability: float = 1.0,
        target: float = 0.0,
        images: int = 100_000,
        span: float = 2.0,
        batch: int = 1,
    ) -> None:
        """Look up the augmentations.

        Args:
            names: of the augmentations, joined by +.
            probability: of each augmentation; if it adapts, its first value.
            target: wanted E[sign(logit)], in [0, 1); 0: the probability does not adapt.
            images: number of images within which an adaptive probability can go from 0 to 1.
            span: width of the value range.
            batch: images in a step.
        """
        self.apply = [AUGMENTATIONS[name] for name in joined_names(names)]
        self.target, self.images, self.span, self.batch = target, images, span, batch
        self.probability = torch.tensor(probability, dtype=torch.float64)
        self.reads_numbers = self.reads_signs = target > 0
        own = all(AUGMENTATIONS.home(name) is None for name in joined_names(names))
        self.replays = type(self).replays and target == 0 and own
        self.papers = (KARRAS_2020,) if target > 0 else ()

    @classmethod
    def of(cls, config: Config) -> Self | None:
        s = config.stabilise
        if s.augment == "none":
            return None
        return cls(
            s.augment,
            s.augment_probability,
            s.augment_target,
            s.augment_images,
            batch=config.training.batch,
        )

    def build(self, game: Game) -> None:
        if game.value_range is None:
            raise ConfigError(f"stabilise.augment changes images; these are {game.task.kind}")
        low, high = game.value_range
        self.span = high - low
        if game.task.pixels.alpha:
            over = partial(_colour_over, black=2 * low / self.span)
            self.apply = [over if change is colour else change for change in self.apply]

    def shown(self, examples: Tensor, progress: float) -> Tensor:
        probability = float(self.probability)
        if probability == 0:
            return examples
        changed = examples * (2 / self.span)
        for augmentation in self.apply:
            new = augmentation(changed)
            if probability < 1:
                new = torch.where(_per_image(changed) < probability, new, changed)
            changed = new
        return changed * (self.span / 2)

    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        if self.target > 0:
            up = float(numbers["overfitting"]) > self.target
            step = self.batch / self.images * (1 if up else -1)
            self.probability = (self.probability + step).clamp(0, 1)

    def numbers(self) -> dict[str, Tensor]:
        return {"augment_probability": self.probability} if self.target > 0 else {}

    def state(self) -> dict[str, Tensor]:
        return {"augment/probability": self.probability}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.probability = state["augment/probability"].cpu()
