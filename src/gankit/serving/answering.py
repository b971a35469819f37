"""Turn samples into the bytes of an answer: a picture, an archive of arrays, or JSON."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gankit.data import as_pictures, as_planes
from gankit.errors import ConfigError
from gankit.serving.limits import MOST_NUMBERS, MOST_NUMBERS_AS_TEXT
from gankit.trained.export import archive, as_image, sheet
from gankit.trained.gan import GAN

Format = Literal["png", "npz", "json"]

MEDIA_TYPES: dict[Format, str] = {
    "png": "image/png",
    "npz": "application/octet-stream",
    "json": "application/json",
}


def check_format(gan: GAN, n: int, form: Format) -> None:
    """Raise ConfigError if `n` samples of a GAN cannot be answered in a format."""
    if form == "png" and gan.kind not in ("images", "points"):
        raise ConfigError(f"{gan.kind} are no pictures: choose format npz or json", "format")
    numbers = math.prod(gan.shape)
    most = MOST_NUMBERS_AS_TEXT if form == "json" else MOST_NUMBERS
    if n * numbers > most:
        advice = ", or choose format npz" if form == "json" else ""
        raise ConfigError(
            f"{n} samples of {numbers:,} numbers are too many for one answer: ask for at most "
            f"{most // numbers}{advice}",
            "n",
        )


def answer(gan: GAN, samples: NDArray[Any], labels: NDArray[Any] | None, form: Format) -> bytes:
    """Return samples as the body of an answer.

    Args:
        gan: the trained GAN that they are from.
        samples: as `GAN.sample` returns them.
        labels: the label of each, as `GAN.labels_for` returns them.
        form: `png` is one picture: a single image at its own size, or what `gankit sample` writes.
            `npz` is the archive that `gankit sample` writes. `json` is an object of `samples` and
            `labels`.
    """
    if form == "npz":
        return archive(gan, samples, labels)
    if form == "json":
        said = {"kind": gan.kind, "labels": _in_words(gan, labels), "samples": _finite(samples)}
        return json.dumps(said, allow_nan=False).encode()
    buffer = io.BytesIO()
    _picture(gan, samples, labels).save(buffer, "PNG")
    return buffer.getvalue()


def _picture(gan: GAN, samples: NDArray[Any], labels: NDArray[Any] | None) -> Image.Image:
    if gan.kind != "images":
        return Image.fromarray(sheet(gan, samples))
    if len(samples) == 1 and (gan.shape[0] in (1, 3) or gan.pixels.alpha):
        return as_image(samples[0], gan.pixels)
    stored = as_pictures(gan.pixels.to_stored(as_planes(samples)))
    return Image.fromarray(sheet(gan, stored, labels))


def _in_words(gan: GAN, labels: NDArray[Any] | None) -> list[Any] | None:
    """Return the name of each class, or each vector."""
    if labels is None:
        return None
    return [gan.class_names[place] for place in labels] if gan.class_names else labels.tolist()


def _finite(samples: NDArray[Any]) -> Sequence[Any]:
    """Return samples as lists, with None for numbers that JSON has not: infinity and NaN."""
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        numbers = samples.astype(object)
        numbers[~np.isfinite(samples)] = None
        found: list[Any] = numbers.tolist()
        return found
    plain: list[Any] = samples.tolist()
    return plain
