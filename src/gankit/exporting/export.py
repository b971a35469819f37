"""`export`, which takes a trained generator out of gankit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError, RunError
from gankit.exporting.network import as_json, check_images
from gankit.storage import write_atomically
from gankit.text import from_home, shown
from gankit.trained.artifact import load
from gankit.trained.gan import GAN
from gankit.trained.labelling import Labels

Form = Literal["onnx", "torch", "html", "gif"]
ENDINGS: dict[str, Form] = {".onnx": "onnx", ".html": "html", ".gif": "gif", "": "torch"}
PICTURES = 16
"""The pictures of a film, side by side."""


@dataclass(frozen=True)
class Export:
    """What `export` wrote.

    Attributes:
        path: the file, or the folder of `torch`.
        form: `onnx`, `torch`, `html` or `gif`.
        bytes: its size.
        difference: the largest difference between its samples and gankit's, of numbers in -1 to 1
            (of `uint8` images in 0 to 255); None for a film, which is made of gankit's own.
        limit: the largest difference that would have been accepted.
    """

    path: Path
    form: Form
    bytes: int
    difference: float | None = None
    limit: float | None = None

    def __str__(self) -> str:
        size = f"{self.path}: {self.bytes / 1000:,.0f} kB"
        if self.difference is None:
            return size
        unit = " of 255" if self.limit and self.limit >= 1 else ""
        return f"{size}; it differs from gankit's samples by at most {self.difference:.2g}{unit}"


@typed_arguments()
def export(
    run: str | Path | GAN,
    target: str | Path,
    to: Form | None = None,
    *,
    uint8: bool = False,
    half: bool = False,
    labels: Labels = None,
    seed: int = 0,
) -> Export:
    """Write a trained generator in a form that needs no gankit.

    >>> import gankit
    >>> config = gankit.override(gankit.configure("gan", "toy:ring8"), {"training.steps": 2})
    >>> _ = gankit.fit(config, "runs/ring")
    >>> gankit.export("runs/ring", "ring", to="torch").difference < 1e-4
    True

    Args:
        run: a run directory, an artifact file, or a loaded GAN on the CPU.
        target: the file to write, or the folder for `torch`.
        to: `onnx`: a file for onnxruntime and others. `torch`: a folder with a program of
            torch.export, and with the network as readable PyTorch. `html`: a page that runs the
            generator in a browser. `gif`: a film that walks through the latents. None: by the
            ending of `target`.
        uint8: of `onnx`: images come out as uint8 [N, H, W, C], as `GAN.sample` rounds them.
        half: of `onnx` and `html`: weights are stored in half precision.
        labels: of `gif`: the labels of its 16 pictures, as in `GAN.sample`.
        seed: of `gif`: which latents it passes, in [0, 2^64).

    Returns:
        What was written. Files of networks have been run with 1, 3 and 8 samples and compared with
        gankit; `FILE.json`, or `export.json` in the folder, holds the difference.

    Raises:
        ConfigError: the arguments do not suit each other, or the run.
        RunError: the run cannot be read or exported, the result differs from gankit's samples by
            more than 1e-4 (`half`: 1e-2; more if gankit's own are rounded as much, see
            docs/export.md), or the file cannot be written; nothing is left then.
        MissingExtraError: a package that `onnx` and `html` need is not installed.
    """
    target = from_home(target)
    form = _form(target, to)
    if uint8 and form != "onnx":
        raise ConfigError(f"uint8 is for onnx, not for {form}: leave it out", "uint8")
    if half and form not in ("onnx", "html"):
        raise ConfigError(f"half is for onnx and html, not for {form}: leave it out", "half")
    if form != "gif" and (labels is not None or seed):
        raise ConfigError(f"labels and seed are for gif, not for {form}", "labels", "seed")
    if not 0 <= seed < 2**64:
        raise ConfigError(f"seed must be in [0, 2^64), got {seed}", "seed")
    gan = run if isinstance(run, GAN) else load(run)
    if next(gan.generator.parameters()).device.type != "cpu":
        raise ConfigError("only a GAN on the CPU can be exported: gankit.load(path) without device")
    if gan.game.acts:
        raise ConfigError(
            "what a policy does depends on what it sees, so no network stands alone: use "
            "gankit.load(RUN).act(observation), or write its samples as film.gif"
        )
    if form in ("gif", "html"):
        check_images(gan, f"{form} shows pictures")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if form != "torch" and target.is_dir():
            raise ConfigError(f"'{target}' is a folder: give a file's name", "target")
        return _write(gan, target, form, uint8=uint8, half=half, labels=labels, seed=seed)
    except OSError as error:
        raise RunError(f"'{target}' cannot be written: {error.strerror or error}") from None


def _form(target: Path, to: str | None) -> Form:
    if to is not None and to not in get_args(Form):
        raise ConfigError(f"to must be {', '.join(get_args(Form))}, got {shown(to)}", "to")
    form = to or ENDINGS.get(target.suffix.lower())
    if form is None:
        raise ConfigError(
            f"'{target.name}' does not say what to write: end it in .onnx, .html or .gif, or give "
            "the form",
            "to",
        )
    return form  # type: ignore[return-value]


def _write(
    gan: GAN, target: Path, form: Form, *, uint8: bool, half: bool, labels: Labels, seed: int
) -> Export:
    """Write one form. Raises OSError, and what `export` raises."""
    if form == "torch":
        from gankit.exporting.to_torch import write_torch

        found, limit = write_torch(gan, target)
        size = sum(path.stat().st_size for path in target.iterdir())
        return Export(target, form, size, found, limit)
    if form == "gif":
        from gankit.exporting.to_gif import to_gif

        film = to_gif(gan, labels, seed, PICTURES)
        write_atomically(target, film)
        return Export(target, form, len(film))
    if form == "html":
        from gankit.exporting.to_html import page_of

        content, onnx = page_of(gan, half=half)
    else:
        from gankit.exporting.to_onnx import to_onnx

        onnx = to_onnx(gan, uint8=uint8, half=half)
        content = onnx.content
    facts = onnx.facts | {"difference": onnx.difference, "limit": onnx.limit}
    write_atomically(target, content)
    write_atomically(target.with_name(f"{target.name}.json"), as_json(facts))
    return Export(target, form, len(content), onnx.difference, onnx.limit)
