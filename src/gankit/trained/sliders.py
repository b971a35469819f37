"""Sliders in a notebook that play with a trained GAN, on ipywidgets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from gankit.arguments import typed_arguments
from gankit.data.pixels import to_pixels
from gankit.errors import ConfigError, MissingExtraError
from gankit.game_types import RANGES, Code, Latent
from gankit.trained.drawing import draw_block
from gankit.trained.gan import GAN
from gankit.trained.generating import generate
from gankit.trained.showing import as_png

if TYPE_CHECKING:
    from types import ModuleType

SIDE = 256
"""The least number of pixels of the longer side of the shown picture."""


@dataclass(frozen=True)
class Knob:
    """One input of the generator that can be turned, with its range."""

    name: str
    code: Code
    low: float
    high: float

    def drawn(self, latent: Latent) -> float:
        """Return where it stands in a single latent, within its range."""
        found = latent.noise[0, self.code.where]
        if self.code.categories:
            return int(found.argmax())
        return min(max(float(found), self.low), self.high)

    def widget(self, widgets: ModuleType) -> Any:
        """Return what turns it: a choice of categories, or a slider."""
        if self.code.categories:
            return widgets.Dropdown(options=range(self.code.categories), description=self.name)
        return widgets.FloatSlider(
            min=self.low, max=self.high, step=0.05, description=self.name, readout_format=".2f"
        )


def knobs_of(gan: GAN, dimensions: int) -> list[Knob]:
    """Return the codes of a GAN, then the first dimensions of its noise."""
    codes = [Knob(f"code {i}", code, -2.0, 2.0) for i, code in enumerate(gan.game.codes, 1)]
    latent = gan.config.latent
    low, high = RANGES.get(latent.prior, (-2.5, 2.5))
    columns = range(min(dimensions, latent.size))
    return [*codes, *(Knob(f"z {i}", Code(0, slice(i, i + 1)), low, high) for i in columns)]


@typed_arguments()
def sliders(gan: GAN, dimensions: int = 8) -> Any:
    """Return a widget for a notebook: a picture that follows a seed, a class, and sliders.

    >>> import gankit
    >>> game = gankit.build_game(gankit.configure("dcgan"), gankit.load_dataset("digits"))
    >>> board = gankit.sliders(gankit.GAN(game, step=0), dimensions=2)
    >>> [child.description for child in board.children[1:]]
    ['seed', 'z 0', 'z 1']

    The sliders are the codes, if the family has some, and dimensions of the noise. They begin where
    the seed's own latent is, and a new seed puts them there again.

    Args:
        gan: a trained GAN of images.
        dimensions: how many dimensions of the noise get a slider; at most all do.

    Returns:
        an `ipywidgets.VBox`.

    Raises:
        ConfigError: the GAN makes no images, or is asked by vectors.
        MissingExtraError: ipywidgets is not installed (`pip install 'gankit[notebook]'`).
    """
    if gan.kind != "images" or gan.condition:
        what = "is asked by vectors" if gan.condition else f"makes {gan.kind}"
        raise ConfigError(f"sliders are for images, by class or without; this run {what}")
    try:
        import ipywidgets
    except ModuleNotFoundError:
        raise MissingExtraError("sliders", "notebook") from None
    return _Board(gan, knobs_of(gan, dimensions), ipywidgets).widget


class _Board:
    """The widgets, and what happens when one of them is moved."""

    def __init__(self, gan: GAN, knobs: list[Knob], widgets: ModuleType) -> None:
        self._gan, self._knobs = gan, knobs
        height, width = gan.shape[1:]
        factor = -(-SIDE // max(height, width))
        self._picture = widgets.Image(format="png", width=factor * width, height=factor * height)
        self._seed = widgets.BoundedIntText(0, min=0, max=2**53, description="seed")
        classes = [(name, place) for place, name in enumerate(gan.class_names)]
        self._label = widgets.Dropdown(options=classes, description="class") if classes else None
        self._turned = [knob.widget(widgets) for knob in knobs]
        self._new_seed()
        self._seed.observe(lambda change: self._new_seed(), "value")
        if self._label is not None:
            self._label.observe(lambda change: self._draw(), "value")
        for place, one in enumerate(self._turned):
            one.observe(partial(self._move, place), "value")
        asked = [self._seed] if self._label is None else [self._seed, self._label]
        self.widget = widgets.VBox([self._picture, *asked, *self._turned])

    def _new_seed(self) -> None:
        """Put everything where the seed's own latent has it."""
        label = torch.zeros(1, dtype=torch.int64) if self._gan.class_names else None
        self._latent = draw_block(self._gan.game, 0, label, 1, self._seed.value)
        self._moved: dict[int, float] | None = None  # nothing that moves now was moved by hand
        for knob, one in zip(self._knobs, self._turned, strict=True):
            one.value = knob.drawn(self._latent)
        self._moved = {}
        self._draw()

    def _move(self, place: int, change: Any) -> None:
        if self._moved is not None:
            self._moved[place] = change["new"]
            self._draw()

    def _draw(self) -> None:
        game, latent = self._gan.game, self._latent
        for place, value in (self._moved or {}).items():
            latent = self._knobs[place].code.put(latent, value)
        if self._label is not None:
            latent = Latent(latent.noise, torch.tensor([self._label.value]))
        device = next(self._gan.generator.parameters()).device
        with torch.inference_mode():
            samples = to_pixels(generate(game, latent.to(device)), game.value_range)
        self._picture.value = as_png(samples[0])
