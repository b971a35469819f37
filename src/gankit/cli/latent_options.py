"""What the commands of `gankit latent` share: their options, and what is read and written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gankit.cli.options import option
from gankit.cli.use import read_latents
from gankit.errors import ConfigError
from gankit.text import from_home, is_plain_number, visible

if TYPE_CHECKING:
    from gankit.exploring.sheets import Sheet
    from gankit.trained.gan import GAN
    from gankit.trained.latents import Latents


Run = Annotated[Path, option("a run directory, or its model.safetensors")]
Label = Annotated[
    str | None, option("the class of all of them, by name or number; x.npy: a vector", "--label")
]
Seed = Annotated[int, option("the same seed gives the same latents")]
Steps = Annotated[int, option("how many values, 2 to 100")]
Rows = Annotated[int, option("how many latents, 1 to 100")]
From = Annotated[
    str | None,
    option("the latents to start from: SEED:NUMBER or x.npz, joined by commas", "--from"),
]
Saved = Annotated[Path | None, option("keep the latents here, as x.npz")]
Shown = Annotated[
    Path | None, option("x.png: a grid; x.gif, x.webp or x.mp4: a film", "--out", "-o")
]
Picture = Annotated[Path | None, option("the picture, x.png", "--out", "-o")]
POINTED = "SEED:NUMBER, SEED:FIRST-LAST or x.npz, joined by commas"


def load_run(run: Path, save_latents: Path | None = None) -> GAN:
    """Load a run, after a look at where its latents shall be kept."""
    from gankit.trained.artifact import load
    from gankit.trained.latents import check_name

    if save_latents is not None:
        check_name(save_latents)
    return load(run)


def exemplars_at(
    gan: GAN, text: str | None, label: str | None, about: str, seed: int, usual: int = 1
) -> Latents:
    """Return the latents that a text points at; without one the first `usual` of the seed."""
    from gankit.exploring.exemplars import read_exemplars
    from gankit.trained.export import read_label

    asked = read_label(label)
    if text is None:
        return gan.latents(usual, asked, seed)
    return read_exemplars(gan, text, asked, about, read=lambda path: read_latents(gan, path))


def picture_path(out: Path | None, usual: str, *, film: bool = True) -> Path:
    """Return where to write. Raises ConfigError, before any work, if that is no picture."""
    from gankit.exploring.sheets import check_picture, check_target

    target = from_home(out or Path(usual))
    (check_target if film else check_picture)(target)
    return target


def finish(gan: GAN, sheet: Sheet, target: Path, save_latents: Path | None) -> None:
    """Write a sheet as a picture or a film, and its latents if they are to be kept."""
    from gankit.exploring.sheets import write_sheet

    write_sheet(gan, sheet, target)
    print(target)
    keep_latents(sheet.latents, save_latents)


def keep_latents(latents: Latents, path: Path | None) -> None:
    """Write latents to a file, if one is named."""
    if path is not None:
        latents.save(path)
        print(path)


def check_number(value: int, name: str, least: int) -> None:
    """Raise ConfigError unless a number that a person looks at is in `least` to 100."""
    if not least <= value <= 100:
        raise ConfigError(f"{name} must be in {least} to 100, got {value}")


def check_single(latents: Latents, what: str, about: str) -> None:
    """Raise ConfigError unless there is one latent alone."""
    if len(latents) != 1:
        raise ConfigError(f"{what} is shown from one latent, got {len(latents)}", about)


def read_numbers(text: str, name: str) -> list[float]:
    """Read numbers that are joined by commas. Raises ConfigError."""
    try:
        if not is_plain_number(text):
            raise ValueError(text)
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(
            f"{name} must be numbers joined by commas, got {visible(text)}", name
        ) from None


def say(line: str) -> None:
    """Print a line for a person to stderr."""
    print(visible(line), file=sys.stderr)
