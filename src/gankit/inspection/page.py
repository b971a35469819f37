"""inspect.html and sheet.png: a data set on one page, to look at before training."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from gankit.data.layout import name_some
from gankit.errors import ConfigError, RunError
from gankit.inspection.findings import WHAT_IS_NEAR, Inspection, Repeat
from gankit.inspection.sheet import LARGEST, sheet, strips
from gankit.pages.chart import Curve, chart
from gankit.pages.html import (
    Html,
    bars,
    data_uri,
    element,
    facts,
    join,
    note,
    page,
    section,
    table,
    warning,
)
from gankit.pictures import Pixels, save_png, tell_visible
from gankit.storage import write_atomically
from gankit.version import __version__

PAGE, SHEET = "inspect.html", "sheet.png"
LISTED = 50
"""The most repeats, files and symbols that the page lists of each kind."""
TEXTS = 30
"""How many texts of tokens are shown."""
LARGE = 200_000
"""The most values of a picture that is put in as a PNG; a larger one becomes a JPEG."""
STEP = 8
"""How many of the 256 values of images are counted together."""
SIZES = 12
"""Up to so many sizes are listed; of more, the shorter sides are counted in as many steps."""


def write_page(found: Inspection, folder: Path) -> list[Path]:
    """Write `inspect.html`, and `sheet.png` if the examples have a picture; return their paths.

    Raises ConfigError if a sheet.png is there that gankit has not written, and RunError if they
    cannot be written.
    """
    target, picture = folder / PAGE, sheet(found)
    if (folder / SHEET).exists() and not target.exists():
        raise ConfigError(
            f"'{folder}' holds a {SHEET} that is not gankit's: choose another folder",
            "folder",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(target, html(found))
        if picture is not None:
            save_png(folder / SHEET, picture)
    except OSError as error:
        raise RunError(
            f"'{error.filename or target}' cannot be written: {error.strerror or error}"
        ) from None
    return [target] if picture is None else [target, folder / SHEET]


def html(found: Inspection) -> bytes:
    """Return the page as a file in UTF-8."""
    return page(
        f"{found.name}: the data",
        _head(found),
        *_warnings(found),
        section("Examples, as the networks will see them", *_sheet(found)),
        *([section("Classes", _classes(found))] if found.class_names else []),
        section("What is said as a training starts", *(element("p", line) for line in found.lines)),
        *([section("Sizes of the files", *_sizes(found))] if found.sizes else []),
        section("Values", *_values(found)),
        section("What occurs twice", *_repeats(found)),
        *([section("Files that cannot be read", *_broken(found))] if found.broken else []),
        foot=f"Written by gankit {__version__}. This page loads nothing.",
    )


def _head(found: Inspection) -> Html:
    pairs = [(part.name.capitalize(), f"{part.count:,}") for part in found.parts]
    pairs.append(("One example", " x ".join(map(str, found.shape))))
    if found.class_names:
        pairs.append(("Classes", f"{len(found.class_names):,}"))
    pairs.append(("Equal groups", f"{len(found.exact):,}"))
    if found.kind == "images":
        pairs.append(("Nearly equal pairs", f"{len(found.near):,}"))
    if len(found.parts) > 1:
        pairs.append(("In both splits", f"{len(found.across):,}"))
    pairs.append(("Cannot be read", f"{len(found.broken):,}"))
    told = found.tell_parts()
    lede = f"{told[:1].upper()}{told[1:]}."
    return element(
        "header", element("h1", found.name), element("p", lede, class_="lede"), facts(pairs)
    )


def _warnings(found: Inspection) -> Iterable[Html]:
    if found.across:
        equal = found.equal_across
        near = len(found.across) - equal
        yield warning(
            f"In both splits, listed below: equal groups {equal:,}, nearly equal pairs {near:,}. "
            "Where they are the same picture, scores on the test split measure what was trained "
            "on: take it out of one of the two."
        )
    if mixed := [r for r in (*found.exact, *found.near) if r.disagrees]:
        yield warning(f"Repeats of different classes: {len(mixed):,}. One label may be wrong.")
    if found.unknown:
        yield warning(f"Classes of the test split alone: {name_some(found.unknown)}.")


def _sheet(found: Inspection) -> Iterable[Html]:
    if found.kind == "tokens":
        yield note(f"The first of {len(found.sheet[0].examples):,} drawn with seed {found.seed}.")
        for example in found.sheet[0].examples[:TEXTS]:
            yield element("p", element("code", " ".join(found.numbers.names[i] for i in example)))
        return
    rows = list(strips(found))
    if any(name for name, _ in rows):
        body = [
            element(
                "tr",
                element("th", name, scope="row"),
                element("td", _image(picture, f"examples of {name}")),
            )
            for name, picture in rows
        ]
        yield element("div", element("table", *body, class_="sheet"), class_="wide")
    else:
        yield element("div", *(_image(picture, "examples") for _, picture in rows), class_="one")
    yield note(_about_sheet(found))


def _about_sheet(found: Inspection) -> str:
    count = sum(len(row.examples) for row in found.sheet)
    told = f"{count:,} examples of the training split, drawn with seed {found.seed}."
    if found.kind != "images":
        numbers = found.shape[-1]
        return told if numbers < 3 else f"{told} The first two of {numbers} numbers are shown."
    told += " They are resized, and in the values and colours that are read."
    if how := tell_visible(found.shape[0], found.alpha):
        told += f" {how}"
    if 1 < len(found.sheet) < len(found.class_names):
        told += f" {len(found.sheet):,} of {len(found.class_names):,} classes are shown."
    if max(found.shape[1:]) > LARGEST:
        told += f" Shown at {LARGEST} pixels on the longer side."
    return told


def _image(picture: Pixels, told: str) -> Html:
    buffer = io.BytesIO()
    if large := picture.size > LARGE:
        Image.fromarray(picture).save(buffer, "JPEG", quality=90)
    else:
        Image.fromarray(picture).save(buffer, "PNG")
    height, width = picture.shape[:2]
    uri = data_uri(buffer.getvalue(), "image/jpeg" if large else "image/png")
    return element("img", src=uri, alt=told, width=width, height=height)


def _classes(found: Inspection) -> Html:
    return element(
        "div",
        *(
            element(
                "div",
                element("h3", part.name.capitalize()),
                bars(list(zip(part.class_names, part.class_counts, strict=True))),
            )
            for part in found.parts
            if part.class_counts
        ),
        class_="side",
    )


def _sizes(found: Inspection) -> Iterable[Html]:
    count = sum(found.sizes.values())
    many = len(found.sizes)
    told = f"{count:,} training files, height first: {many:,} size{'s' if many > 1 else ''}."
    if len(found.sizes) <= SIZES:
        yield bars([(f"{h} x {w}", count) for (h, w), count in found.sizes.items()])
    else:
        sides = np.array([min(size) for size in found.sizes])
        counts, edges = np.histogram(sides, SIZES, weights=list(found.sizes.values()))
        names = [f"{a:.0f} to {b:.0f}" for a, b in pairwise(edges)]
        yield bars(
            list(zip(names, counts.astype(int).tolist(), strict=True)), ("shorter side", "files")
        )
        told += f" The most frequent: {found.tell_sizes()}."
    yield note(told)


def _values(found: Inspection) -> Iterable[Html]:
    numbers = found.numbers
    yield element("p", f"{found.tell_values()}.")
    if found.kind == "images":
        counts = np.array(numbers.counts).reshape(-1, STEP).sum(1)
        middles = (np.arange(len(counts)) + 0.5) * STEP
        curve = Curve("", middles.tolist(), (100 * counts / max(1, counts.sum())).tolist())
        title = f"How often values occur, in %, in steps of {STEP}"
        yield element("div", chart(title, [curve], horizontal="value"), class_="charts")
    elif found.kind == "tokens":
        ranked = sorted(zip(numbers.names, numbers.counts, strict=True), key=lambda pair: -pair[1])
        yield bars(ranked[:LISTED], ("symbol", "count"))
    else:
        each = zip(numbers.names, numbers.low, numbers.high, numbers.mean, strict=True)
        rows = [
            [name, f"{low:.4g}", f"{high:.4g}", f"{mean:.4g}"] for name, low, high, mean in each
        ]
        yield table(["", "least", "largest", "mean"], rows[:LISTED], numbers=True)


def _repeats(found: Inspection) -> Iterable[Html]:
    if found.sampled:
        yield note("Only some examples were looked at, so others may occur twice too.")
    yield element("h3", "Equal in every value")
    yield from _listed(found.exact, lambda _: "equal")
    if found.kind == "images":
        yield element("h3", "Nearly equal")
        yield note(WHAT_IS_NEAR)
        yield from _listed(found.near, lambda repeat: f"{repeat.likeness:.4f}")


def _listed(repeats: Sequence[Repeat], said: Callable[[Repeat], str]) -> Iterable[Html]:
    if not repeats:
        yield note("None found.")
        return
    rows = [
        [
            "both splits" if repeat.across else "one split",
            join(*_told(repeat)),
            f"{said(repeat)}{', classes differ' if repeat.disagrees else ''}",
        ]
        for repeat in repeats[:LISTED]
    ]
    yield table(["in", "examples", "likeness"], rows)
    if len(repeats) > LISTED:
        yield note(f"{LISTED} of {len(repeats):,} are listed; `gankit inspect --json` has all.")


def _told(repeat: Repeat) -> Iterable[Html]:
    for example in repeat.examples[:LISTED]:
        yield element("div", str(example))
    if len(repeat.examples) > LISTED:
        yield element("div", f"and {len(repeat.examples) - LISTED:,} more")


def _broken(found: Inspection) -> Iterable[Html]:
    rows = [[path, why] for path, why in list(found.broken.items())[:LISTED]]
    yield table(["file", "because"], rows)
    if len(found.broken) > LISTED:
        yield note(f"{LISTED} of {len(found.broken):,} are listed.")
