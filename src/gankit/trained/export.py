"""Write samples to files: a grid, an archive of arrays, or a folder of pictures."""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gankit.data.values import PixelFormat, to_bytes
from gankit.errors import ConfigError, RunError
from gankit.pictures import grid, layout, save_image, save_png, scatter
from gankit.storage import write_atomically
from gankit.text import as_file_name, reason, shown
from gankit.trained.latents import Latents

if TYPE_CHECKING:
    from gankit.trained.gan import GAN
    from gankit.trained.labelling import Labels

MOST_PIXELS = 50_000_000
"""The most pixels of a grid; for more, a folder is better."""


MOST_SAMPLES = 10**8
"""The most samples in one call; a larger number can only be a slip."""


def read_label(typed: str | None) -> Labels:
    """Read a label as it is typed: a class's name or number, or a file `x.npy`.

    The file holds one vector for all samples, or one for each. Raises ConfigError if it cannot be
    read.
    """
    if typed is None or not typed.endswith(".npy"):
        return typed
    try:
        vectors: NDArray[np.generic] = np.load(typed, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f"label {typed} is no array: {reason(error)}", "label") from None
    return vectors


def write_samples(
    gan: GAN,
    n: int,
    label: Labels,
    seed: int,
    target: Path,
    latents: Latents | None = None,
) -> None:
    """Write `n` samples of one class, or of all classes in turn; or those of given latents.

    Args:
        gan: the trained run.
        n: the number of samples.
        label: one label or one for each sample, as in `GAN.sample`; None: every class in turn.
        seed: the seed of the samples.
        target: `x.png` for one grid, or a plot of points; `x.npz` for `images`, [n, H, W] or
            [n, H, W, C] (or `points`, `tokens`, `trajectories`), as `GAN.sample` returns them, and,
            for a conditional run, `labels`, int64 [n] or float32 [n, C]; of a run that acts, the
            episodes, which are data to learn from (`Episodes.save`); any other name for a
            folder, filled with one file for each sample, block by block: PNG of 8 bits, of 16 if
            the data was grey of whole numbers up to 65,535, with opacity if the data had it; or a
            TIFF with a page for each channel if these are not 1 or 3.
        latents: the latents of the samples, in place of `n` and `seed`.

    Raises:
        ConfigError: the label, n or target does not fit the run.
        RunError: the files cannot be written.
    """
    if n > MOST_SAMPLES:
        raise ConfigError(f"n must be at most {MOST_SAMPLES:,}, got {shown(n)}", "n")
    samples = _Samples(gan, n, label, seed, latents)
    try:
        if target.suffix == ".png":
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_grid(samples, target)
        elif target.suffix == ".npz" and gan.game.acts:
            gan.play(**samples.asked).save(target)
        elif target.suffix == ".npz":
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_arrays(samples, target)
        elif target.suffix == ".txt":
            _write_text(samples, target)
        elif target.suffix and not target.is_dir():
            raise ConfigError(
                "target must be name.png, name.npz, name.txt for text, or a folder's name, got "
                f"{target.name}",
                "target",
            )
        else:
            _write_folder(samples, target)
    except OSError as error:
        raise RunError(f"samples cannot be written to '{target}': {error.strerror}") from None


class _Samples:
    """Samples that were asked for: by number, label and seed, or by their latents."""

    def __init__(self, gan: GAN, n: int, label: Labels, seed: int, latents: Latents | None) -> None:
        self.gan = gan
        self.latents = None if latents is None else gan.adopt(latents, label)
        self.n = n if latents is None else len(latents)
        self._label, self._seed = label, seed

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments of `GAN.play`, which asks for no label."""
        if self.latents is not None:
            return {"latents": self.latents}
        return {"n": self.n, "seed": self._seed}

    @property
    def _asked(self) -> dict[str, Any]:
        return self.asked if self.latents is not None else {**self.asked, "labels": self._label}

    def blocks(self) -> Iterator[NDArray[Any]]:
        return self.gan.number_blocks(**self._asked)

    def numbers(self) -> NDArray[Any]:
        return self.gan.sample(**self._asked, output="np")

    def texts(self) -> list[str]:
        return self.gan.sample(**self._asked, output="text")

    def stored(self) -> NDArray[Any]:
        return self.gan.as_stored(**self._asked)

    def labels(self) -> NDArray[Any] | None:
        """Return the label of each; None if the run knows none."""
        if self.latents is not None:
            return self.latents.labels
        return self.gan.labels_for(self.n, self._label)

    def check_images(self) -> None:
        if self.gan.kind != "images":
            others = {"points": ", or name.png for a plot", "tokens": ", or name.txt"}
            raise ConfigError(
                f"{self.gan.kind} are no pictures: choose target "
                f"name.npz{others.get(self.gan.kind, '')}",
                "target",
            )


def _write_grid(samples: _Samples, target: Path) -> None:
    gan, n = samples.gan, samples.n
    if gan.kind != "points":
        samples.check_images()
        planes = 1 if gan.shape[0] == 3 or gan.pixels.alpha else gan.shape[0]
        if n * planes * math.prod(gan.shape[1:]) > MOST_PIXELS:
            raise ConfigError(
                f"a grid of {n:,} images is too large to look at: choose target name.npz or a "
                "folder",
                "target",
            )
    save_png(target, sheet(gan, samples.stored(), samples.labels()))


def sheet(gan: GAN, samples: NDArray[Any], labels: NDArray[Any] | None = None) -> NDArray[np.uint8]:
    """Return samples as `GAN.as_stored` gives them as one picture, uint8 [H, W] or [H, W, 3].

    Points are plotted. Images are laid out in a grid. If their `labels` are the classes in turn, 2
    to 16 classes have columns of their own (`gankit.pictures.layout`).
    """
    if gan.kind == "points":
        return scatter(samples, samples, None)
    classes, n = len(gan.class_names), len(samples)
    in_turn = labels is not None and classes > 0 and np.array_equal(labels, np.arange(n) % classes)
    columns, apart = layout(classes if in_turn else 0, n)
    return grid(samples, columns, gan.pixels.alpha, apart)


def archive(gan: GAN, samples: NDArray[Any], labels: NDArray[Any] | None) -> bytes:
    """Return an .npz archive of samples under the name of their kind, and of `labels` if given."""
    arrays = {str(gan.kind): samples}
    if labels is not None:
        arrays["labels"] = labels
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _write_arrays(samples: _Samples, target: Path) -> None:
    write_atomically(target, archive(samples.gan, samples.numbers(), samples.labels()))


def _write_text(samples: _Samples, target: Path) -> None:
    if samples.gan.kind != "tokens":
        raise ConfigError(f"{samples.gan.kind} are no text: choose target name.npz", "target")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, "".join(f"{line}\n" for line in samples.texts()).encode())


def _write_folder(samples: _Samples, target: Path) -> None:
    samples.check_images()
    gan, labels = samples.gan, samples.labels()
    if labels is not None and (labels.ndim != 1 or not gan.class_names):
        labels = None  # a vector, or a mixture, names no class
    bands = gan.shape[0] not in (1, 3) and not gan.pixels.alpha
    digits, suffix = len(str(samples.n - 1)), ".tif" if bands else ".png"
    of = [""] * samples.n
    if labels is not None:
        of = [f"-{as_file_name(gan.class_names[label])}" for label in labels]
    names = [f"{number:0{digits}d}{name}{suffix}" for number, name in enumerate(of)]
    target.mkdir(parents=True, exist_ok=True)
    _check_unmixed(target, set(names))
    pictures = (picture for block in samples.blocks() for picture in block)
    for name, picture in zip(names, pictures, strict=True):
        if bands:
            save_pages(target / name, picture)
        else:
            save_image(target / name, as_image(picture, gan.pixels))


def _check_unmixed(folder: Path, names: Collection[str]) -> None:
    """Raise ConfigError if a folder has samples other than those that are to be written."""
    for path in folder.iterdir():
        numbered = path.stem.partition("-")[0].isdecimal() and path.suffix in (".png", ".tif")
        if numbered and path.name not in names:
            raise ConfigError(
                f"'{folder}' holds other samples, such as {shown(path.name)}: give a new folder, "
                "or remove them",
                "target",
            )


PAGES = {"uint8": "uint8", "uint16": "uint16", "int8": "int32", "int16": "int32", "int32": "int32"}
"""The numbers in the pages of a TIFF, by those of the samples; all others become float32."""


def save_pages(path: Path, picture: NDArray[Any]) -> None:
    """Write an image [H, W, C] as a TIFF with a page for each channel. Raises OSError."""
    kind = PAGES.get(picture.dtype.name, "float32")
    first, *rest = (Image.fromarray(plane.astype(kind)) for plane in np.moveaxis(picture, 2, 0))
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=rest)
    write_atomically(path, buffer.getvalue())


def as_image(picture: NDArray[Any], pixels: PixelFormat) -> Image.Image:
    """Return one image of `GAN.sample`, [H, W] or [H, W, 3 or 4], as Pillow's.

    Of whole grey numbers from 0 to 65,535 it has 16 bits; in any other range black is 0 of 8 bits
    and white 255.
    """
    if pixels.values is None:
        return Image.fromarray(picture)
    low, high = pixels.values
    if picture.ndim == 2 and picture.dtype.kind in "iu" and low >= 0 and 255 < high <= 65535:
        return Image.fromarray(picture.astype(np.uint16))
    return Image.fromarray(to_bytes(picture, pixels.values))
