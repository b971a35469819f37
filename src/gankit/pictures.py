"""Pictures for people: grids of samples, scatter plots of points, films of a run."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gankit.storage import patiently, write_atomically
from gankit.text import reason

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]

GAP = 2
"""Pixels between the tiles of a grid."""
SMALLEST_TILE = 56
"""Smaller tiles are enlarged by a whole factor, up to this many pixels on the longer side."""
SCATTER_SIDE = 384
"""Pixels on each side of a scatter plot."""
MOST_FRAMES = 60
"""Most frames of a film."""


def grid(images: Pixels, columns: int) -> Pixels:
    """Lay images out row by row in one picture.

    uint8 [N, H, W] gives [H', W'], and [N, H, W, C] gives [H', W', C].
    """
    factor = max(1, SMALLEST_TILE // max(images.shape[1:3]))
    tiles = images.repeat(factor, 1).repeat(factor, 2)
    rows = -(-len(tiles) // columns)
    height, width = tiles.shape[1] + GAP, tiles.shape[2] + GAP
    picture = np.full((rows * height + GAP, columns * width + GAP, *tiles.shape[3:]), 48, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = GAP + i // columns * height, GAP + i % columns * width
        picture[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return picture


def scatter(points: NDArray[np.floating], reference: NDArray[np.floating]) -> Pixels:
    """Draw points [N, D] in orange over real ones [M, D] in grey: uint8 [S, S, 3].

    Only the first two dimensions are shown. Points of one dimension are spread over the height in
    their order.
    """
    points, reference = (_in_the_plane(cloud) for cloud in (points, reference))
    low, high = reference.min(0)[:2], reference.max(0)[:2]
    margin = 0.15 * (high - low).max()
    low, high = low - margin, high + margin
    picture = np.full((SCATTER_SIDE, SCATTER_SIDE, 3), 255, np.uint8)
    for cloud, colour in ((reference, (190, 190, 190)), (points, (226, 92, 18))):
        place = (cloud[:, :2] - low) / (high - low).max() * (SCATTER_SIDE - 2)
        inside = np.isfinite(place).all(1) & ((place >= 0) & (place < SCATTER_SIDE - 2)).all(1)
        column, row = place[inside].astype(int).T
        for down in (0, 1):
            for right in (0, 1):
                picture[SCATTER_SIDE - 2 - row + down, column + right] = colour
    return picture


def _in_the_plane(points: NDArray[np.floating]) -> NDArray[np.floating]:
    if points.shape[1] > 1:
        return points
    spread = np.linspace(points.min(), points.max() + 1e-9, len(points))
    return np.stack([points[:, 0], spread], 1)


def save_png(path: Path, picture: Pixels) -> None:
    """Write a picture [H, W] or [H, W, C] whole or not at all. Raises OSError."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())


def read_picture(path: Path) -> Image.Image:
    """Return a PNG file as a grey or a colour picture, decoded to its end.

    Raises OSError for anything else, for a damaged file, and for one of too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow warns of files that look like bombs
            with Image.open(path, formats=["PNG"]) as picture:
                if picture.width * picture.height > LARGEST:
                    raise OSError(f"it has more than {LARGEST:,} pixels")
                return picture.convert("L" if picture.mode in GREY else "RGB")
    except OSError:
        raise
    except Exception as error:  # a damaged file fails in many ways: zlib, struct, SyntaxError
        raise OSError(f"it is damaged: {reason(error)}") from None


def is_whole(path: Path) -> bool:
    """Return whether a picture, or a film, can be read to its end."""
    try:
        with Image.open(path, formats=["PNG", "GIF"]) as picture:
            picture.seek(getattr(picture, "n_frames", 1) - 1)
            picture.load()
    except Exception:  # a damaged file fails in many ways
        return False
    return True


GREY = ("L", "1", "I", "I;16", "F")
LARGEST = 2**25
"""Most pixels of a picture that is read back: four times those of the largest grid."""


def save_film(path: Path, frames: Sequence[Path], seconds: float = 8.0) -> list[str]:
    """Write an animated GIF of PNG files, of about `seconds`, then holding the last frame.

    At most `MOST_FRAMES` are taken, evenly over `frames`. Files that cannot be read are left out,
    and returned with the reason for each; if no file is left, nothing is written. Raises OSError
    if the GIF cannot be written.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).round())
    pictures, left_out = [], []
    for source in (frames[int(i)] for i in chosen):
        try:
            frame = patiently(partial(read_picture, source))
            pictures.append(frame.convert("P" if frame.mode == "RGB" else "L"))
        except OSError as error:
            left_out.append(f"{source.name} ({error.strerror or error})")
    if not pictures:
        return left_out
    duration = [max(40, int(1000 * seconds / len(pictures)))] * len(pictures)
    duration[-1] = 2000
    buffer = io.BytesIO()
    first, *rest = pictures
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=duration, loop=0)
    write_atomically(path, buffer.getvalue())
    return left_out


def heat(values: NDArray[np.floating], side: int) -> Pixels:
    """Draw values [X, Y] in [0, 1] as a map: uint8 [side, side, 3].

    Blue is 0, white 1/2, red 1, and grey a value that is not finite.
    """
    share = np.clip(values, 0, 1)[..., None]
    blue, white, red = (np.array(c, float) for c in ((40, 70, 200), (255,) * 3, (200, 50, 40)))
    colours = np.where(
        share < 0.5, blue + (white - blue) * 2 * share, white + (red - white) * (2 * share - 1)
    )
    colours = np.where(np.isfinite(share), colours, 200)
    upright = colours.transpose(1, 0, 2)[::-1].round().astype(np.uint8)  # y grows upwards
    return np.asarray(Image.fromarray(upright).resize((side, side), Image.Resampling.NEAREST))


class Plot:
    """Curves over one axis with a strip of arrows below, as in figure 1 of the GAN paper."""

    WIDTH, HEIGHT, STRIP = 640, 360, 90

    def __init__(self, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        self.x_range, self.y_range = x_range, y_range
        self.image = Image.new("RGB", (self.WIDTH, self.HEIGHT + self.STRIP), "white")
        self.draw = ImageDraw.Draw(self.image)
        self.draw.line([(0, self.HEIGHT), (self.WIDTH, self.HEIGHT)], fill=(120, 120, 120))

    def line(
        self, x: NDArray[np.floating], y: NDArray[np.floating], colour: Colour, dotted: bool = False
    ) -> None:
        """Draw a curve through x [N] and y [N]; it is broken wherever y is not a number."""
        for i in range(len(x) - 1):
            if np.isfinite(y[i : i + 2]).all() and not (dotted and i % 2):
                ends = [self._place(x[i + j], y[i + j]) for j in (0, 1)]
                self.draw.line(ends, fill=colour, width=2)

    def arrows(self, starts: NDArray[np.floating], ends: NDArray[np.floating]) -> None:
        """Draw arrows from the lower axis (z) to the upper one (x)."""
        bottom = self.HEIGHT + self.STRIP - 4
        self.draw.line([(0, bottom), (self.WIDTH, bottom)], fill=(120, 120, 120))
        for start, end in zip(starts, ends, strict=True):
            places = [(self._place(start, 0)[0], bottom), (self._place(end, 0)[0], self.HEIGHT)]
            self.draw.line(places, fill=(150, 150, 150))

    def legend(self, entries: Sequence[tuple[str, Colour]]) -> None:
        """Write lines of text in the upper left corner."""
        for i, (text, colour) in enumerate(entries):
            self.draw.text((10, 8 + 15 * i), text, fill=colour)

    def pixels(self) -> Pixels:
        """Return the picture, uint8 [H, W, 3]."""
        return np.asarray(self.image)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        (left, right), (low, high) = self.x_range, self.y_range
        across = (x - left) / (right - left) * self.WIDTH
        return across, self.HEIGHT - (y - low) / (high - low) * self.HEIGHT
