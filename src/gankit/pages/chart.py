"""Draw curves as inline SVG: sharp at every size, readable in light and in dark mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gankit.pages.html import Html, element, note

WIDTH, HEIGHT = 400, 220
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 8, 36
MOST_POINTS = 200
"""The most points of a drawn curve.

A curve of more points is drawn as the mean of each stretch, in a band from its lowest to its
highest value.
"""
COLOURS, DASHES = 6, 3
SMALLEST, LARGEST = 1e-90, 1e100
"""The smallest number that is told from 0, and the bound of numbers that are drawn."""
NARROWEST = 1e-9
"""The smallest range of an axis, as a share of its largest number."""


@dataclass(frozen=True)
class Curve:
    """One line of a chart: `y` over `x`, of equal lengths; `low` and `high` give it a band.

    The legend leaves out a curve without a name.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


def chart(title: str, curves: Sequence[Curve], remark: str = "", horizontal: str = "step") -> Html:
    """Return a figure with title, legend and axes; numbers that are not finite are left out."""
    finite = [_finite(curve) for curve in curves]
    # A curve without points keeps its number, so that colours mean the same in every chart.
    filled = [curve for curve in finite if curve.x]
    if not filled:
        return element("figure", element("figcaption", title), note("nothing logged"))
    across = _Scale([x for c in filled for x in c.x], LEFT, WIDTH - RIGHT, widen=False)
    edges = [v for c in filled for v in (*c.y, *(c.low or ()), *(c.high or ()))]
    up = _Scale(edges, HEIGHT - BOTTOM, TOP)
    lines = [
        part
        for i, curve in enumerate(finite)
        if curve.x
        for part in _lines(i, _thinned(curve), across, up)
    ]
    legend = [
        element("li", _swatch(i), f"{curve.name} {short(curve.y[-1])}")
        for i, curve in enumerate(finite)
        if curve.x and curve.name
    ]
    return element(
        "figure",
        element("figcaption", title),
        *([element("ul", *legend, class_="legend")] if legend else []),
        element(
            "svg",
            *_axes(across, up, horizontal),
            *lines,
            class_="chart",
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            aria_label=f"{title}: {'; '.join(map(_in_words, filled))}",
        ),
        *([note(remark)] if remark else []),
    )


def short(value: float) -> str:
    """Return a number in few digits: 12,345, 123, 1.23, 0.00123."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


class _Scale:
    """Maps values to places along an axis, and finds round numbers to mark on it."""

    def __init__(self, values: Sequence[float], start: float, end: float, widen: bool = True):
        low, high = float(min(values)), float(max(values))
        size = max(abs(low), abs(high))
        if high - low < NARROWEST * max(size, SMALLEST):  # marks could not show the difference
            half = (size if size > SMALLEST else 1) / 2
            low, high = low - half, high + half
        if widen:
            low, high = low - (high - low) * 0.04, high + (high - low) * 0.04
        self.low, self.high, self.start, self.end = low, high, start, end

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def marks(self, most: int) -> list[float]:
        """Return at most `most` + 1 multiples of 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _axes(across: _Scale, up: _Scale, horizontal: str) -> list[Html]:
    bottom, parts = HEIGHT - BOTTOM, []
    for value in up.marks(5):
        y = up.place(value)
        parts += [
            element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"),
            element("text", _mark(value), x=LEFT - 7, y=y + 4, text_anchor="end"),
        ]
    for value in across.marks(5):
        x = across.place(value)
        anchor = "end" if x > WIDTH - RIGHT - 12 else "middle"
        parts.append(element("text", _mark(value), x=x, y=bottom + 16, text_anchor=anchor))
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [*parts, element("text", horizontal, x=middle, y=HEIGHT - 5, text_anchor="middle")]


def _lines(i: int, curve: Curve, across: _Scale, up: _Scale) -> list[Html]:
    """Return the band, the line, and a dot at each point if there are few."""
    parts, x = [], [across.place(value) for value in curve.x]
    if curve.low is not None and curve.high is not None:
        above = [f"{a},{up.place(b)}" for a, b in zip(x, curve.high, strict=True)]
        below = [f"{a},{up.place(b)}" for a, b in zip(x, curve.low, strict=True)]
        parts.append(
            element("polygon", points=" ".join(above + below[::-1]), class_=f"band c{i % COLOURS}")
        )
    y = [up.place(value) for value in curve.y]
    points = " ".join(f"{a},{b}" for a, b in zip(x, y, strict=True))
    parts.append(element("polyline", points=points, class_=f"curve {_look(i)}"))
    if len(x) <= 12:
        dot = f"c{i % COLOURS}"
        parts += [
            element("circle", cx=a, cy=b, r=2.4, class_=dot) for a, b in zip(x, y, strict=True)
        ]
    return parts


def _look(i: int) -> str:
    """Return the style classes of curve `i`: curves differ both in colour and in dashes."""
    return f"c{i % COLOURS} dash{i % DASHES}"


def _swatch(i: int) -> Html:
    line = element("line", x1=1, x2=23, y1=6, y2=6, class_=f"curve {_look(i)}")
    return element("svg", line, viewBox="0 0 24 11", aria_hidden="true")


def _in_words(curve: Curve) -> str:
    low, high = short(min(curve.y)), short(max(curve.y))
    return f"{curve.name} from {low} to {high}, {short(curve.y[-1])} at the end".lstrip()


def _mark(value: float) -> str:
    """Return a round number as text: 20k, 0.5, 1e-05."""
    return f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{value:g}"


def _finite(curve: Curve) -> Curve:
    """Return the points of a curve whose numbers can all be drawn."""
    given = [v for v in (curve.x, curve.y, curve.low, curve.high) if v is not None]
    rows = enumerate(zip(*given, strict=True))
    kept = [i for i, row in rows if all(abs(value) < LARGEST for value in row)]

    def at(values: Sequence[float]) -> list[float]:
        return [values[i] for i in kept]

    band = (None if values is None else at(values) for values in (curve.low, curve.high))
    return Curve(curve.name, at(curve.x), at(curve.y), *band)


def _thinned(curve: Curve) -> Curve:
    """Return the curve in at most `MOST_POINTS` points; one that has a band stays as it is."""
    if len(curve.x) <= MOST_POINTS or curve.low is not None:
        return curve
    x, y = (np.array_split(np.asarray(v), MOST_POINTS) for v in (curve.x, curve.y))
    return Curve(
        curve.name,
        [float(piece.mean()) for piece in x],
        [float(piece.mean()) for piece in y],
        [float(piece.min()) for piece in y],
        [float(piece.max()) for piece in y],
    )
