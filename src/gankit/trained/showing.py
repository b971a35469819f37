"""How a trained GAN shows itself in a notebook: a sheet of samples, and what it is."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from PIL import Image

from gankit.pictures import layout
from gankit.text import visible
from gankit.trained.export import sheet

if TYPE_CHECKING:
    from gankit.trained.gan import GAN

LARGE = 64
"""Images with a longer side are shown in a smaller number."""


def sheet_png(gan: GAN) -> bytes | None:
    """Return a PNG of samples by seed 0: a grid of images, or a plot of points.

    None for what has no picture, and for a run of vectors, since it must be told what to draw.
    """
    if gan.kind not in ("images", "points") or gan.condition:
        return None
    if gan.kind == "points":
        n = 1000
    else:
        n = 64 if max(gan.shape[1:]) <= LARGE else 16
        columns, _ = layout(len(gan.class_names), n)
        n = columns * -(-n // columns)  # the last row is full
    return as_png(sheet(gan, gan.as_stored(n, seed=0), gan.labels_for(n)))


def as_png(picture: NDArray[Any]) -> bytes:
    """Return a picture, uint8 [H, W] or [H, W, 3], as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def as_html(gan: GAN) -> str:
    """Return what the GAN is, above a sheet of samples, as HTML that loads nothing."""
    shape = "x".join(map(str, gan.shape))
    about = [f"{gan.config.family}: {gan.kind} of {shape}", f"{gan.step:,} steps"]
    if gan.class_names:
        names = ", ".join(gan.class_names[:12])
        about.append(f"classes {names}{', ...' if len(gan.class_names) > 12 else ''}")
    if gan.condition:
        about.append(f"asked by a vector of {gan.condition}")
    if gan.path is not None:
        about.append(str(gan.path))
    lines = f"<div>{escape(visible('; '.join(about)))}</div>"
    picture = sheet_png(gan)
    if picture is None:
        return lines
    content = base64.b64encode(picture).decode()
    return f'{lines}<img alt="samples, seed 0" src="data:image/png;base64,{content}">'
