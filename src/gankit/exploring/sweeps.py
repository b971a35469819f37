"""Show what a generator's inputs do: sweep one of them, or each in turn, and hold all others."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from gankit.errors import ConfigError
from gankit.exploring.paths import REACH, code_of, put
from gankit.exploring.sheets import Sheet
from gankit.game_types import RANGES, Code
from gankit.trained.gan import GAN
from gankit.trained.latents import Latents, join

Dimension = int | Literal["all"]


def sweep(
    gan: GAN,
    start: Latents,
    *,
    code: int | None = None,
    dimension: Dimension | None = None,
    span: float | None = None,
    steps: int = 10,
) -> Sheet:
    """Return latents of which each row sweeps one input and holds the others.

    Args:
        gan: the trained run.
        start: what is held: one latent for each row; if every dimension is swept, a single one.
        code: the number of one of the game's codes (`Game.codes`), from 1. All categories of a
            code are shown; a continuous code goes from -span to span.
        dimension: in place of a code, a dimension of the noise, from 0; "all": each in a row of its
            own; None: the first, if there is no code.
        span: how far from the middle to sweep. None: 2 for a code, as in the paper's pictures,
            beyond the range -1 to 1 that it was drawn from; for the noise the range of its prior
            (normal noise: the quantiles .02 to .98).
        steps: the number of values, unless a code has categories.

    Raises ConfigError if the run has no such code or dimension, or the latents are not of this run.
    """
    if code is not None and dimension is not None:
        raise ConfigError("code and dimension are both given: sweep one", "code", "dimension")
    start = gan.adopt(start)
    if code is not None:
        chosen = code_of(gan, code)
        reach = REACH if span is None else span
        categories = [float(i) for i in range(chosen.categories)]
        values = categories or np.linspace(-reach, reach, steps).tolist()
        return _rows(start, [chosen], values)
    size, values = gan.config.latent.size, _noise_values(gan.config.latent.prior, span, steps)
    if dimension == "all":
        if len(start) != 1:
            raise ConfigError(f"every dimension is swept from one latent, got {len(start)}")
        numbers = [Code(0, slice(i, i + 1)) for i in range(size)]
        return _rows(start, numbers, values, tuple(f"dimension {i}" for i in range(size)))
    column = dimension or 0
    if not 0 <= column < size:
        raise ConfigError(f"dimension must be in 0 to {size - 1}, got {column}", "dimension")
    return _rows(start, [Code(0, slice(column, column + 1))], values)


def _rows(
    start: Latents, inputs: list[Code], values: list[float], names: tuple[str, ...] = ()
) -> Sheet:
    """Return a row for each start and each input that is swept."""
    swept = [
        put(number, start[i], value)
        for number in inputs
        for i in range(len(start))
        for value in values
    ]
    return Sheet(join(swept), len(values), names=names)


def _noise_values(prior: str, span: float | None, steps: int) -> list[float]:
    """What a dimension of the noise is set to: evenly over its prior, which training has seen."""
    if span is not None:
        middle = 0.5 if prior == "uniform01" else 0.0
        values = np.linspace(middle - span, middle + span, steps)
    elif prior == "normal":
        values = torch.special.ndtri(torch.linspace(0.02, 0.98, steps)).numpy()
    else:
        low, high = RANGES[prior]
        values = np.linspace(low, high, steps)
    return [float(value) for value in values]
