"""Commands that use a trained run: sample, sweep, classify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from gankit.cli.options import option
from gankit.errors import ConfigError
from gankit.text import from_home


def sample(
    run: Annotated[Path, option("a run directory, or its model.safetensors")],
    /,
    *,
    n: Annotated[int, option("how many", "-n", "--count")] = 64,
    label: Annotated[
        str | None,
        option("the class, by name or number; x.npy: a vector, or one for each; default: all"),
    ] = None,
    seed: Annotated[int, option("the same seed gives the same samples")] = 0,
    out: Annotated[
        Path | None,
        option("x.png: a grid; x.npz: arrays; a folder: a file for each", "--out", "-o"),
    ] = None,
) -> None:
    """Draw samples from a trained run: a picture, an .npz archive, or a folder of pictures."""
    from gankit.trained.artifact import load
    from gankit.trained.export import read_label, write_samples

    target = from_home(out or Path("samples.png"))
    write_samples(load(run), n, read_label(label), seed, target)
    print(target)


def sweep(
    run: Annotated[Path, option("a run directory, or its model.safetensors")],
    /,
    *,
    code: Annotated[
        int | None, option("number of a code, from 1; of families that have some")
    ] = None,
    dimension: Annotated[
        int | None, option("a dimension of the noise, from 0, in place of a code")
    ] = None,
    span: Annotated[
        float | None,
        option("how far from the middle a number goes; the default is the range of its prior"),
    ] = None,
    rows: Annotated[int, option("how many latents")] = 10,
    steps: Annotated[int, option("how many values of a number")] = 10,
    seed: Annotated[int, option("the same seed gives the same latents")] = 0,
    out: Annotated[Path | None, option("x.png: a grid; x.gif: a film", "--out", "-o")] = None,
) -> None:
    """Show what one input of a generator does, all others held."""
    from gankit.trained.artifact import load
    from gankit.trained.sweep import sweep as sweep_images
    from gankit.trained.sweep import write_sweep

    target = from_home(out or Path("sweep.png"))
    if code is not None and dimension is not None:
        raise ConfigError("--code and --dimension are both given: sweep one")
    for name, value in (("--rows", rows), ("--steps", steps)):
        if not 1 <= value <= 100:
            raise ConfigError(f"{name} must be in 1 to 100, got {value}")
    gan = load(run)
    images = sweep_images(
        gan, code=code, dimension=dimension, span=span, rows=rows, steps=steps, seed=seed
    )
    write_sweep(images, target, gan.pixels.alpha)
    print(target)


def classify(
    run: Annotated[Path, option("a run directory, of a family whose discriminator names classes")],
    data: Annotated[str, option("a data set's name, a folder of images, or of IDX files")],
    /,
    *,
    split: Annotated[Literal["train", "test"], option("of the data, if it has both")] = "test",
    out: Annotated[
        Path | None, option("write index, class and chance of each image here", "--out", "-o")
    ] = None,
) -> None:
    """Name the class of images by a run's discriminator; score it if labels are there."""
    from gankit.trained.artifact import load
    from gankit.trained.classify import classify_data

    print(classify_data(load(run), data, split, out))
