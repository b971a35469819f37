"""Sheets: latents laid out in rows and columns, drawn as a grid or shown as a film."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.errors import ConfigError, RunError
from gankit.exploring.columns import check_images
from gankit.exploring.films import FILMS, check_film, write_film
from gankit.pictures import Pixels, grid, save_png, visible, with_names
from gankit.text import from_home
from gankit.trained.export import MOST_PIXELS
from gankit.trained.gan import GAN
from gankit.trained.latents import Latents


@dataclass(frozen=True, eq=False)
class Sheet:
    """Latents in rows of `columns`.

    Attributes:
        latents: of the first row, then of the second.
        columns: how many make a row.
        loop: whether the last column leads on to the first. A film of the columns then runs in a
            circle; otherwise it goes to and fro.
        names: a name for each row; empty: none.
    """

    latents: Latents
    columns: int
    loop: bool = False
    names: tuple[str, ...] = ()


def check_count(gan: GAN, count: int) -> None:
    """Raise ConfigError if the run makes no images, or if so many are too many to look at."""
    check_images(gan)
    if count * math.prod(gan.shape[1:]) > MOST_PIXELS:
        raise ConfigError(f"{count:,} images are too many to look at: ask for fewer")


def draw(gan: GAN, sheet: Sheet) -> NDArray[np.uint8]:
    """Return the images of a sheet, uint8 [rows, columns, H, W] or [rows, columns, H, W, C].

    Raises ConfigError if the run makes no images, or if they are too many to look at.
    """
    check_count(gan, len(sheet.latents))
    images = pictures_of(gan, sheet.latents)
    return images.reshape(-1, sheet.columns, *images.shape[1:])


def pictures_of(gan: GAN, latents: Latents) -> Pixels:
    """Return samples as they are looked at (`visible`): uint8 [n, H, W] or [n, H, W, 3]."""
    return visible(gan.as_stored(latents=latents), gan.pixels.alpha)


def check_target(target: str | Path) -> None:
    """Raise ConfigError unless `target` is name.png or a film that can be written."""
    target = from_home(target)
    if target.suffix == ".png":
        return
    if target.suffix not in FILMS:
        raise ConfigError(
            f"target must be name.png, or a film, name{', name'.join(FILMS)}, got {target.name}",
            "target",
        )
    check_film(target)


def check_picture(target: str | Path) -> None:
    """Raise ConfigError unless `target` is name.png."""
    target = from_home(target)
    if target.suffix != ".png":
        raise ConfigError(f"target must be name.png, got {target.name}", "target")


def write_sheet(gan: GAN, sheet: Sheet, target: str | Path) -> None:
    """Write a sheet as a grid, name.png, or as a film of its columns (`films.FILMS`).

    Raises ConfigError for another ending, or as `draw` does; RunError if it cannot be written.
    """
    check_target(target)
    write_images(draw(gan, sheet), target, sheet.names, loop=sheet.loop)


def write_images(
    images: NDArray[np.uint8], target: str | Path, names: Sequence[str] = (), *, loop: bool = False
) -> None:
    """Write images [rows, columns, H, W] or [rows, columns, H, W, C] as a grid or a film.

    The film shows one column after another, all rows at once, to and fro or in a circle. Raises
    ConfigError for another ending, RunError if the file cannot be written.
    """
    target = from_home(target)
    check_target(target)
    rows = images.shape[0]
    if target.suffix == ".png":
        write_picture(laid_out(images, names), target)
        return
    side = rows if rows <= 8 else math.ceil(math.sqrt(rows))
    frames = [grid(images[:, i], side) for i in range(images.shape[1])]
    frames += [] if loop else frames[-2:0:-1]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_film(frames, target, 60 if loop else 120)
    except OSError as error:
        raise _unwritten(target, error) from None


def laid_out(images: NDArray[np.uint8], names: Sequence[str] = ()) -> Pixels:
    """Return a grid of images [rows, columns, ...], with the name of each row before it."""
    if names:
        return with_names([(n, grid(row, len(row))) for n, row in zip(names, images, strict=True)])
    return grid(images.reshape(-1, *images.shape[2:]), images.shape[1])


def write_picture(picture: Pixels, target: str | Path) -> None:
    """Write a picture as name.png. Raises ConfigError for another ending, or RunError."""
    target = from_home(target)
    check_picture(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        save_png(target, picture)
    except OSError as error:
        raise _unwritten(target, error) from None


def _unwritten(target: Path, error: OSError) -> RunError:
    return RunError(f"'{target}' cannot be written: {error.strerror or error}")
