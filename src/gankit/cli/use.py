"""Commands that use a trained run: sample, classify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from gankit.cli.options import option
from gankit.errors import ConfigError
from gankit.text import from_home, visible

if TYPE_CHECKING:
    from gankit.trained.gan import GAN
    from gankit.trained.latents import Latents


def sample(
    run: Annotated[Path, option("a run directory, or its model.safetensors")],
    /,
    *,
    n: Annotated[int | None, option("how many; default: 64", "-n", "--count")] = None,
    label: Annotated[
        str | None,
        option("the class, by name or number; x.npy: a vector, or one for each; default: all"),
    ] = None,
    seed: Annotated[int | None, option("the same seed gives the same samples; default: 0")] = None,
    latents: Annotated[
        Path | None, option("x.npz: samples of these latents, in place of a number and a seed")
    ] = None,
    save_latents: Annotated[Path | None, option("keep the samples' latents here, as x.npz")] = None,
    out: Annotated[
        Path | None,
        option(
            "x.png: a grid; x.npz: arrays; x.txt: lines of text; a folder: a file for each; x.gif, "
            ".webp, .mp4: a film of episodes",
            "--out",
            "-o",
        ),
    ] = None,
) -> None:
    """Draw samples from a trained run: a picture, an .npz archive, or a folder of pictures.

    Without a label, a picture shows each of 2 to 16 classes in columns of its own.

    Text is printed, unless a file is named.
    """
    from gankit.trained.artifact import load
    from gankit.trained.export import read_label, write_samples
    from gankit.trained.latents import check_name

    if latents is not None and (n is not None or seed is not None):
        raise ConfigError("--latents says which samples to draw: leave -n and --seed out")
    if save_latents is not None:
        check_name(save_latents)
    gan, asked = load(run), read_label(label)
    film = _is_film(gan, out)
    count, number = (1 if film else 64) if n is None else n, seed or 0
    given = None if latents is None else gan.adopt(read_latents(gan, latents), asked)
    target = from_home(out or Path("samples.png"))
    if gan.kind == "tokens" and out is None:
        given = given or gan.latents(count, asked, number)
        print("\n".join(map(visible, gan.sample(latents=given, output="text"))))
    elif film:
        _write_film(gan, given or gan.latents(count, asked, number), target)
        print(target)
    else:
        write_samples(gan, count, asked, number, target, given)
        print(target)
    if save_latents is not None:
        (given or gan.latents(count, asked, number)).save(save_latents)
        print(save_latents)


def _is_film(gan: GAN, out: Path | None) -> bool:
    """Return whether a film of episodes is asked for."""
    if out is None or not gan.game.acts:
        return False
    from gankit.exploring.films import FILMS

    return out.suffix in FILMS


def _write_film(gan: GAN, latents: Latents, target: Path) -> None:
    """Play episodes and write them as a film."""
    from gankit.exploring.films import check_film, write_film
    from gankit.worlds.film import MILLISECONDS, pictures

    check_film(target)
    write_film(list(pictures(gan.play(latents=latents))), target, MILLISECONDS)


def read_latents(gan: GAN, path: Path) -> Latents:
    """Read latents, and say on stderr if they were drawn for other weights of the family."""
    from gankit.trained.latents import Latents

    latents = Latents.load(path)
    if latents.digest not in ("", gan.digest):
        print(
            f"gankit: the latents in {visible(str(path))} were drawn for other weights",
            file=sys.stderr,
        )
    return latents


def classify(
    run: Annotated[Path, option("a run directory, of a family whose discriminator names classes")],
    data: Annotated[str, option("a data set's name, a folder of images, or of IDX files")],
    /,
    *,
    split: Annotated[
        Literal["train", "test"] | None, option("of the data; test if there is one")
    ] = None,
    out: Annotated[
        Path | None, option("write class, chance and file of each image here", "--out", "-o")
    ] = None,
) -> None:
    """Name the class of images by a run's discriminator; score it if labels are there."""
    from gankit.trained.artifact import load
    from gankit.trained.classify import classify_data

    print(classify_data(load(run), data, split, out))
