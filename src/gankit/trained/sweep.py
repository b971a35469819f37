"""Show what a generator's inputs do: sweep one of them, and hold everything else."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gankit.data.pixels import to_pixels
from gankit.errors import ConfigError, RunError
from gankit.game_types import RANGES, Code
from gankit.pictures import grid, save_png
from gankit.storage import write_atomically
from gankit.trained.gan import GAN, draw_block


def sweep(
    gan: GAN,
    *,
    code: int | None,
    dimension: int | None,
    span: float | None,
    rows: int,
    steps: int,
    seed: int,
) -> NDArray[np.uint8]:
    """Draw images uint8 [rows, steps, H, W] or [rows, steps, H, W, C]; each row sweeps one latent.

    Args:
        gan: the trained run.
        code: the number of one of the game's codes (`Game.codes`), from 1. All categories of a
            code are shown; a continuous code goes from -span to span.
        dimension: in place of a code, a dimension of the noise, from 0.
        span: how far from the middle to sweep. None: 2 for a code, as in the paper's pictures,
            beyond the range -1 to 1 that it was drawn from; for the noise the range of its prior
            (normal noise: the quantiles .02 to .98).
        rows: the number of latents.
        steps: the number of values, unless a code has categories.
        seed: the seed of the latents.

    Raises ConfigError if the run has no such code or dimension, makes no images, or is asked by
    vectors.
    """
    game = gan.game
    if not game.task.is_images:
        raise ConfigError(f"a sweep shows images; this run makes {gan.kind}")
    if gan.condition:
        raise ConfigError(
            "this run is asked by vectors: a sweep is of one that knows classes or none"
        )
    labels = torch.arange(rows) % len(gan.class_names) if gan.class_names else None
    latent = draw_block(game, 0, labels, rows, seed)
    if code is not None:
        if not 1 <= code <= len(game.codes):
            count = len(game.codes)
            raise ConfigError(f"this run has {count} codes, there is no code {code}", "code")
        chosen = game.codes[code - 1]
        reach = 2.0 if span is None else span
        values = list(range(chosen.categories)) or np.linspace(-reach, reach, steps).tolist()
        swept = [chosen.put(latent, value) for value in values]
    else:
        size, column = game.config.latent.size, dimension or 0
        if not 0 <= column < size:
            raise ConfigError(f"dimension must be in 0 to {size - 1}, got {column}", "dimension")
        number = Code(0, slice(column, column + 1))
        values = _noise_values(game.config.latent.prior, span, steps)
        swept = [number.put(latent, value) for value in values]
    device = next(gan.generator.parameters()).device
    with torch.inference_mode():
        columns = [to_pixels(game.generate(part.to(device)), game.value_range) for part in swept]
    return np.stack(columns, 1)


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


def write_sweep(images: NDArray[np.uint8], target: Path, alpha: bool = False) -> None:
    """Write a sweep as a grid with one latent in each row (`name.png`) or as a film (`name.gif`).

    The film shows all latents at once, and goes to and fro. `alpha`: the last channel of the images
    is opacity. Raises ConfigError for another ending,
    RunError if the file cannot be written.
    """
    rows, steps = images.shape[:2]
    try:
        if target.suffix == ".png":
            save_png(target, grid(images.reshape(-1, *images.shape[2:]), steps, alpha))
        elif target.suffix == ".gif":
            columns = min(rows, 8)
            frames = [Image.fromarray(grid(images[:, i], columns, alpha)) for i in range(steps)]
            frames += frames[-2:0:-1]
            buffer = io.BytesIO()
            frames[0].save(
                buffer, "GIF", save_all=True, append_images=frames[1:], duration=120, loop=0
            )
            write_atomically(target, buffer.getvalue())
        else:
            raise ConfigError(f"target must be name.png or name.gif, got {target.name}", "target")
    except OSError as error:
        raise RunError(f"'{target}' cannot be written: {error.strerror}") from None
