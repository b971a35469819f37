"""The parts of a reproduction: a recipe, a measure, and the paper's number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gankit.data import Dataset
from gankit.data.toys import MIXTURES
from gankit.run import Run
from gankit.trained.gan import GAN

Values = dict[str, float]
Need = Literal["images", "labels", "colour", "modes", "oracle", "moves"]
NEEDS: dict[Need, str] = {
    "images": "images",
    "labels": "images of named classes",
    "colour": "colour images",
    "modes": " or ".join(MIXTURES),
    "oracle": "sequences of the oracle",
    "moves": "an expert's moves in an environment",
}
"""The data that a measure needs, in words."""


@dataclass(frozen=True)
class Trained:
    """The input of a measure: the run, its artifact, and the data's two splits."""

    run: Run
    gan: GAN
    train: Dataset
    test: Dataset


@dataclass(frozen=True)
class Reproduction:
    """A result to reproduce: a recipe, changes to it, the measure, and the paper's result."""

    recipe: str
    measure: Callable[[Trained], Values]
    paper: str
    data: str
    needs: Need = "images"
    changes: Mapping[str, Any] = field(default_factory=dict)
