"""Pictures for people: grids of samples, scatter plots of points, films of a run."""

from __future__ import annotations

import io
import math
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
GROUND = 48
"""The grey between them, and between the planes of an image of many channels."""
CHECKERBOARD = (204, 153)
"""The two greys that are seen through an image."""
LARGEST_TILE = 256
"""Images of many channels are made smaller to about this many pixels a side, in all their planes.
"""
SMALLEST_TILE = 56
"""Smaller tiles are enlarged by a whole factor, up to this many pixels on the longer side."""
ACROSS = 8
"""About how many columns a grid of few classes has."""
MOST_CLASSES = 16
"""Most classes that have columns of their own."""
SCATTER_SIDE = 384
"""Pixels on each side of a scatter plot."""
MOST_FRAMES = 60
"""Most frames of a film."""


def visible(images: Pixels, alpha: bool = False) -> Pixels:
    """Return images that a screen can show: grey uint8 [N, H', W'], or colours [N, H, W, 3].

    Args:
        images: uint8 [N, H, W] or [N, H, W, C].
        alpha: whether the last channel is opacity, by which the colours before it are multiplied:
            they are shown over a checkerboard. Without it, images of other than 1 or 3 channels
            are shown as grey planes side by side, in rows from the top left.
    """
    if images.ndim == 3 or images.shape[3] == 3:
        return images
    return _over_checkerboard(images) if alpha else _side_by_side(images)


def _over_checkerboard(images: Pixels) -> Pixels:
    """Return colours uint8 [N, H, W, 3] of images whose colours are multiplied by their opacity."""
    height, width = images.shape[1:3]
    square = max(2, min(height, width) // 8)
    rows, columns = (np.arange(side) // square for side in (height, width))
    board = np.where((rows[:, None] + columns) % 2, *CHECKERBOARD)[..., None]
    seen = images[..., :-1] + board * ((255 - images[..., -1:].astype(np.uint16)) / 255)
    return np.rint(seen).clip(0, 255).astype(np.uint8)


def _side_by_side(images: Pixels) -> Pixels:
    """Return the planes of images [N, H, W, C] in rows: uint8 [N, H', W'].

    Large planes are made smaller by a whole factor.
    """
    count, height, width, channels = images.shape
    across = math.ceil(math.sqrt(channels))
    down = -(-channels // across)
    smaller = max(1, round(max(height, width) * across / LARGEST_TILE))
    planes = images[:, ::smaller, ::smaller].transpose(0, 3, 1, 2)
    height, width = planes.shape[2:]
    tile = np.full((count, down * (height + 1) - 1, across * (width + 1) - 1), GROUND, np.uint8)
    for channel in range(channels):
        top, left = channel // across * (height + 1), channel % across * (width + 1)
        tile[:, top : top + height, left : left + width] = planes[:, channel]
    return tile


def tell_visible(channels: int, alpha: bool = False) -> str:
    """Say how `visible` shows images of so many channels; empty if as anybody expects."""
    if alpha:
        return "Transparent parts are shown over a checkerboard."
    if channels in (1, 3):
        return ""
    return f"Each image is shown as its {channels} channels in grey, in rows from the top left."


def layout(classes: int, n: int = 64) -> tuple[int, int]:
    """Return the columns of a grid of `n` images, and how many classes have columns of their own.

    The images are of so many `classes` in turn. Each of 2 to 16 classes has one column, or if they
    are few, several side by side, about 8 in all. Without classes, or with more, the grid is as
    wide as it is high, and all images count as one class.
    """
    if not 2 <= classes <= MOST_CLASSES:
        return math.ceil(math.sqrt(n)), 1
    shown = min(classes, n)
    each = min(max(1, ACROSS // classes), -(-n // shown))
    return shown * each, shown


def grid(images: Pixels, columns: int, alpha: bool = False, classes: int = 1) -> Pixels:
    """Lay images out row by row in one picture, uint8 [H', W'] or [H', W', 3].

    `images` and `alpha` are as in `visible`. If the images are of several classes in turn, each
    class fills `columns / classes` columns side by side.
    """
    images = visible(images, alpha)
    factor = max(1, SMALLEST_TILE // max(images.shape[1:3]))
    tiles = images.repeat(factor, 1).repeat(factor, 2)
    each = columns // classes
    turn, which = np.divmod(np.arange(len(tiles)), classes)
    down, right = turn // each, which * each + turn % each
    height, width = tiles.shape[1] + GAP, tiles.shape[2] + GAP
    size = ((down[-1] + 1) * height + GAP, columns * width + GAP)
    picture = np.full((*size, *tiles.shape[3:]), GROUND, np.uint8)
    for tile, top, left in zip(tiles, GAP + down * height, GAP + right * width, strict=True):
        picture[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return picture


def scatter(
    points: NDArray[np.floating] | None,
    reference: NDArray[np.floating],
    name: str | None = "real",
) -> Pixels:
    """Draw points [N, D] in orange over real ones [M, D] in blue, with axes: uint8 [H, W, 3].

    Only the first two dimensions are shown. Points of one dimension are spread over the height in
    their order. Real points are drawn larger, so that they are seen where generated ones lie on
    them.

    Args:
        points: the generated ones; None: draw the real ones alone.
        reference: the real ones, which decide what part of the plane is shown.
        name: what the legend calls them; None: they are not drawn.
    """
    real = _in_the_plane(reference)
    low, high = real.min(0)[:2], real.max(0)[:2]
    length = float(lengths(low, high).max())
    low, size = low - 0.15 * length, 1.3 * length
    picture = np.full((SCATTER_SIDE, SCATTER_SIDE, 3), 255, np.uint8)
    legend: list[tuple[str, Colour]] = []
    if name is not None:
        _dots(picture, real, (low, size), REAL, 5)
        legend.append((f"{name} ({len(real):,})", REAL))
    if points is not None:
        outside = _dots(picture, _in_the_plane(points), (low, size), GENERATED, 2)
        told = f", {outside:,} of them outside" if outside else ""
        legend.append((f"generated ({len(points):,}{told})", GENERATED))
    (left, bottom), (right, top) = low, low + size
    return framed(picture, (left, right), (bottom, top), legend)


REAL, GENERATED = (118, 156, 214), (226, 92, 18)
"""The colours of real examples and of generated ones."""
INK: Colour = (60, 66, 74)


def lengths(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return high - low; if they are equal, a length that an axis can show."""
    least = np.maximum(1e-6 * np.abs(low), 1e-9)
    return np.where(high > low, high - low, least).astype(np.float64)


def _in_the_plane(points: NDArray[np.floating]) -> NDArray[np.float64]:
    wide: NDArray[np.float64] = points.astype(np.float64)  # two float32 may be too far apart
    if wide.shape[1] > 1:
        return wide
    spread = np.linspace(wide.min(), wide.max() + 1e-9, len(wide))
    return np.stack([wide[:, 0], spread], 1)


def _dots(
    picture: Pixels,
    cloud: NDArray[np.float64],
    frame: tuple[NDArray[np.float64], float],
    colour: Colour,
    side: int,
) -> int:
    """Draw a square of `side` pixels for each point; return how many lie outside of the picture."""
    low, size = frame
    room = SCATTER_SIDE - side
    place = (cloud[:, :2] - low) / size * (SCATTER_SIDE - 1) - side / 2
    inside = np.isfinite(place).all(1) & ((place >= 0) & (place < room)).all(1)
    column, row = place[inside].astype(int).T
    for down in range(side):
        for right in range(side):
            picture[room - row + down, column + right] = colour
    return len(cloud) - int(inside.sum())


def paths(trajectories: NDArray[np.floating]) -> Pixels:
    """Draw trajectories [N, T, D] as lines, with axes: uint8 [H, W, 3].

    The first two numbers span the plane; a single number is drawn over time.
    """
    if trajectories.shape[2] < 2:
        time = np.broadcast_to(np.arange(trajectories.shape[1]), trajectories.shape[:2])
        trajectories = np.stack([time, trajectories[..., 0]], 2)
    places = trajectories[..., :2].astype(np.float64)
    low, high = places.min((0, 1)), places.max((0, 1))
    size = lengths(low, high)
    image = Image.new("RGB", (SCATTER_SIDE, SCATTER_SIDE), "white")
    draw = ImageDraw.Draw(image)
    across = (places - low) / size * (SCATTER_SIDE - 9) + 4
    for one in across:
        draw.line([(x, SCATTER_SIDE - y) for x, y in one], fill=REAL)
    ends = ((low[0], low[0] + size[0]), (low[1], low[1] + size[1]))
    return framed(np.asarray(image), *ends, [(f"real ({len(places):,})", REAL)])


def framed(
    area: Pixels,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    legend: Sequence[tuple[str, Colour]],
) -> Pixels:
    """Put axes with numbers around a picture [H, W, 3], and lines of text above it."""
    left, top, bottom, right = 46, 6 + 14 * len(legend), 22, 12
    height, width = area.shape[:2]
    image = Image.new("RGB", (left + width + right, top + height + bottom), "white")
    image.paste(Image.fromarray(area), (left, top))
    draw = ImageDraw.Draw(image)
    draw.rectangle((left - 1, top - 1, left + width, top + height), outline=(190, 194, 200))
    write_legend(draw, left, legend)
    for value in ticks(*x_range):
        x = left + (value - x_range[0]) / (x_range[1] - x_range[0]) * width
        draw.line((x, top + height, x, top + height + 4), fill=INK)
        draw.text((x, top + height + 6), f"{value:g}", fill=INK, anchor="ma")
    for value in ticks(*y_range):
        y = top + height - (value - y_range[0]) / (y_range[1] - y_range[0]) * height
        draw.line((left - 5, y, left - 1, y), fill=INK)
        draw.text((left - 8, y), f"{value:g}", fill=INK, anchor="rm")
    return np.asarray(image)


def write_legend(
    draw: ImageDraw.ImageDraw, left: int, legend: Sequence[tuple[str, Colour]]
) -> None:
    """Write lines of text from the top; those of another colour than `INK` get a square of it."""
    for i, (text, colour) in enumerate(legend):
        x, y = left + (0 if colour == INK else 14), 4 + 14 * i
        draw.rectangle((left, y, x + draw.textlength(text) + 2, y + 13), fill="white")
        if colour != INK:
            draw.rectangle((left, y + 2, left + 8, y + 10), fill=colour)
        draw.text((x, y), text, fill=INK)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return at most `most` + 1 multiples of 1, 2 or 5 times a power of ten in a range."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def with_names(rows: Sequence[tuple[str, Pixels]]) -> Pixels:
    """Put pictures of one width below each other, with the name of each before it.

    Names are cut at `NAME` pixels, and letters that the built-in font has not become `?`.
    """
    colour = any(picture.ndim == 3 for _, picture in rows)
    height, width = sum(p.shape[0] for _, p in rows), rows[0][1].shape[1]
    image = Image.new("RGB" if colour else "L", (NAME + width, height), "white")
    draw, top = ImageDraw.Draw(image), 0
    for name, picture in rows:
        image.paste(Image.fromarray(picture), (NAME, top))
        text = " ".join(name.encode("latin-1", "replace").decode("latin-1").split())
        while draw.textlength(text) > NAME - 12:
            text = text.removesuffix("...")[:-1] + "..."
        ink = INK if colour else 60
        draw.text((6, top + picture.shape[0] // 2), text, fill=ink, anchor="lm")
        top += picture.shape[0]
    return np.asarray(image)


NAME = 120
"""Pixels beside a row for its name."""


def save_png(path: Path, picture: Pixels) -> None:
    """Write a picture [H, W] or [H, W, C] whole or not at all. Raises OSError."""
    save_image(path, Image.fromarray(picture))


def save_image(path: Path, image: Image.Image) -> None:
    """Write a Pillow image as a PNG whole or not at all. Raises OSError."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
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

    At most `MOST_FRAMES` are taken, evenly over `frames`. Smaller ones lie at the top left of
    black. Files that cannot be read are left out, and returned with the reason for each; if no file
    is left, nothing is written. Raises OSError if the GIF cannot be written.
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
    width, height = (max(sides) for sides in zip(*(p.size for p in pictures), strict=True))
    first, *rest = (picture.crop((0, 0, width, height)) for picture in pictures)
    buffer = io.BytesIO()
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

    WIDTH, HEIGHT, STRIP, LEFT = 640, 360, 90, 40

    def __init__(self, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        self.x_range, self.y_range = x_range, y_range
        self.image = Image.new("RGB", (self.LEFT + self.WIDTH, self.HEIGHT + self.STRIP), "white")
        self.draw = ImageDraw.Draw(self.image)
        right = self.LEFT + self.WIDTH
        self.draw.line([(self.LEFT, self.HEIGHT), (right, self.HEIGHT)], fill=(120, 120, 120))
        for value in ticks(*y_range):
            x, y = self._place(x_range[0], value)
            self.draw.line([(x - 4, y), (x, y)], fill=INK)
            if value > y_range[0]:
                self.draw.text((x - 7, y), f"{value:g}", fill=INK, anchor="rm")
        self.draw.text((6, self.HEIGHT), "x", fill=INK, anchor="lm")
        self.draw.text((6, self.HEIGHT + self.STRIP - 8), "z", fill=INK, anchor="lm")

    def line(
        self, x: NDArray[np.floating], y: NDArray[np.floating], colour: Colour, dotted: bool = False
    ) -> None:
        """Draw a curve through x [N] and y [N]; it is broken wherever y is not a number."""
        for i in range(len(x) - 1):
            if np.isfinite(y[i : i + 2]).all() and not (dotted and i % 2):
                ends = [self._place(x[i + j], y[i + j]) for j in (0, 1)]
                self.draw.line(ends, fill=colour, width=2)

    def arrows(self, starts: NDArray[np.floating], ends: NDArray[np.floating]) -> None:
        """Draw arrows from the lower axis (z) to the upper one (x), with the numbers of x."""
        bottom, right = self.HEIGHT + self.STRIP - 4, self.LEFT + self.WIDTH
        self.draw.line([(self.LEFT, bottom), (right, bottom)], fill=(120, 120, 120))
        for start, end in zip(starts, ends, strict=True):
            places = [(self._place(start, 0)[0], bottom), (self._place(end, 0)[0], self.HEIGHT)]
            self.draw.line(places, fill=(150, 150, 150))
        for value in ticks(*self.x_range):
            x = self._place(value, 0)[0]
            self.draw.line([(x, self.HEIGHT - 4), (x, self.HEIGHT + 4)], fill=INK)
            anchor = "la" if value == self.x_range[0] else "ma"
            number = f"{value:g}"
            box = self.draw.textbbox((x, self.HEIGHT + 6), number, anchor=anchor)
            self.draw.rectangle(box, fill="white")
            self.draw.text((x, self.HEIGHT + 6), number, fill=INK, anchor=anchor)

    def legend(self, entries: Sequence[tuple[str, Colour]]) -> None:
        """Write lines of text in the upper left corner (`write_legend`)."""
        write_legend(self.draw, self.LEFT + 10, entries)

    def pixels(self) -> Pixels:
        """Return the picture, uint8 [H, W, 3]."""
        return np.asarray(self.image)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        (left, right), (low, high) = self.x_range, self.y_range
        across = self.LEFT + (x - left) / (right - left) * self.WIDTH
        return across, self.HEIGHT - (y - low) / (high - low) * self.HEIGHT
