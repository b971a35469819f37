"""compare.html: a comparison with pictures and curves, on one page that stands alone."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gankit.errors import ConfigError, RunError
from gankit.pages.chart import Curve, chart
from gankit.pages.compare import (
    Comparison,
    clearly_best,
    notes,
    score_text,
    scores,
    settings_that_differ,
    summary,
)
from gankit.pages.compare_groups import (
    GROUP_HEAD,
    SCORE_HEAD,
    Grouped,
    group_differences,
    group_notes,
    group_rows,
    score_rows,
)
from gankit.pages.html import Html, data_uri, element, note, page, section, table, warning
from gankit.pages.report import doctor, picture_uri
from gankit.pages.run_summary import Facts, number, protocol_line, terms_of_losses
from gankit.pictures import Pixels, grid, layout, scatter, tell_visible
from gankit.scores.score import Score
from gankit.storage import write_atomically
from gankit.trained.drawing import BLOCK, draw_block
from gankit.trained.gan import GAN
from gankit.version import __version__

MOST_ROWS, POINTS = 20, 2000
CURVES = {
    "d": "Loss of D",
    "g": "Loss of G",
    "d_real": "D(real)",
    "d_fake": "D(fake)",
    "images_per_second": "Images a second",
    "grad_d": "Norm of D's gradient",
    "grad_g": "Norm of G's gradient",
    "lr_d": "Learning rate of D",
    "lr_g": "Learning rate of G",
}


def write_comparison(seen: Comparison, target: Path, *, seed: int = 0, rows: int = 6) -> None:
    """Write a comparison as a page.

    Args:
        seen: the comparison.
        target: the file, `x.html`.
        seed: the seed of the latents, the same for every run.
        rows: the number of rows of each grid of images.

    Raises:
        ConfigError: `target` does not end in .html, or `rows` or `seed` is out of range.
        RunError: the page cannot be written.
    """
    _check(target, rows)
    content = page(
        f"{', '.join(seen.names)}: a comparison",
        element(
            "header",
            element("h1", ", ".join(seen.names)),
            element("p", f"{len(seen.runs)} runs, side by side.", class_="lede"),
        ),
        *(warning(line) for line in notes(seen)),
        section("The runs", table(["", *seen.names], [[k, *v] for k, v in summary(seen)])),
        section("Samples", *_samples(seen, seed, rows)),
        section("Scores", *_scores(seen)),
        section("Curves", _curves(seen)),
        section("Settings that differ", _settings(seen)),
        section("The doctor", *_doctors(seen)),
        foot=_foot(),
    )
    _write(target, content)


def write_groups(seen: Grouped, target: Path, *, seed: int = 0, rows: int = 6) -> None:
    """Write groups of runs as a page: every score over the runs, pictures of the first of each.

    Takes and raises what `write_comparison` does.
    """
    _check(target, rows)
    firsts = seen.firsts()
    runs = len(seen.seen.runs)
    title = "; ".join(firsts.names)
    first = note("Of the first run of each group.")
    content = page(
        f"{title}: over runs",
        element(
            "header",
            element("h1", title),
            element("p", f"{runs} runs in groups of equal settings but the seed.", class_="lede"),
        ),
        *(warning(line) for line in group_notes(seen)),
        section("The groups", table(GROUP_HEAD, group_rows(seen))),
        section("Scores over runs", *_group_scores(seen)),
        section("Settings that differ", _group_settings(seen)),
        section("Samples", first, *_samples(firsts, seed, rows)),
        section("Curves", first, _curves(firsts)),
        foot=_foot(),
    )
    _write(target, content)


def _group_scores(seen: Grouped) -> Iterable[Html]:
    rows = [
        [*cells[:3], element("strong", cells[3]) if best else cells[3], cells[4]]
        for cells, best in score_rows(seen)
    ]
    if not rows:
        yield note("None of these runs is measured.")
        return
    yield table(SCORE_HEAD, rows)
    yield note(
        "In brackets the interval that holds the mean over all seeds with 95 % confidence "
        "(Student's t). Bold: better than every other, with the intervals apart."
    )
    for name, run in zip(seen.seen.names, seen.seen.runs, strict=True):
        for report in run.newest_reports().values():
            yield note(f"{name}: {protocol_line(report)}")


def _group_settings(seen: Grouped) -> Html:
    rows = [[key, *values] for key, values in group_differences(seen.groups)]
    return table(["", *(g.name for g in seen.groups)], rows) if rows else note("None.")


def _check(target: Path, rows: int) -> None:
    if target.suffix != ".html":
        raise ConfigError(f"target must be name.html, got {target.name}", "target")
    if not 1 <= rows <= MOST_ROWS:
        raise ConfigError(f"rows must be in 1 to {MOST_ROWS}, got {rows}", "rows")


def _foot() -> str:
    return f"Written by gankit {__version__}. This page loads nothing."


def _write(target: Path, content: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)
    except OSError as error:
        raise RunError(f"'{target}' cannot be written: {error.strerror or error}") from None


def same_latents(gans: Iterable[GAN], n: int, seed: int) -> bool:
    """Return whether sample i of every generator is drawn from the very same noise."""
    drawn = []
    for gan in gans:
        labels = gan.labels_for(n)
        asked = None if labels is None else torch.from_numpy(labels[:BLOCK])
        drawn.append(draw_block(gan.game, 0, asked, min(n, BLOCK), seed).noise)
    return all(torch.equal(drawn[0], noise) for noise in drawn[1:])


def _samples(seen: Comparison, seed: int, rows: int) -> Iterable[Html]:
    kind = seen.gans[0].kind
    if kind not in ("images", "points"):
        yield note(f"{kind.capitalize()} have no picture.")
        return
    if any(gan.condition for gan in seen.gans):
        yield note("These runs are asked by vectors, so each shows its own last picture.")
        pictures = [_last_picture(run) for run in seen.runs]
    else:
        numbers = {len(gan.class_names) for gan in seen.gans if gan.class_names}
        columns, classes = layout(numbers.pop() if len(numbers) == 1 else 0)
        points = kind == "points"
        n = POINTS if points else columns * rows
        first = seen.gans[0]
        how = "" if points else tell_visible(first.shape[0], first.pixels.alpha)
        yield note(
            _drawn_from(seen, n, seed),
            f" {_tell_columns(columns, classes)}" if classes > 1 and not points else "",
            f" {how}" if how else "",
        )
        drawn = [gan.as_stored(n, seed=seed) for gan in seen.gans]
        alpha = first.pixels.alpha
        grids = (grid(images, columns, alpha, classes) for images in drawn)
        pictures = [_png(picture) for picture in (_clouds(drawn) if points else grids)]
    yield element(
        "div",
        *(
            element(
                "figure",
                element("figcaption", f"{name}, step {gan.step:,}"),
                element("img", src=picture, alt=f"samples of {name}")
                if picture
                else note("No picture was kept."),
            )
            for name, gan, picture in zip(seen.names, seen.gans, pictures, strict=True)
        ),
        class_="side pictures",
    )


def _last_picture(run: Facts) -> str:
    """Return the newest readable picture as a data URI; the empty text if there is none."""
    for path in reversed(run.pictures):
        with suppress(OSError):
            return picture_uri(path)
    return ""


def _drawn_from(seen: Comparison, n: int, seed: int) -> str:
    """Say what samples at the same place of two pictures have in common."""
    if same_latents(seen.gans, n, seed):
        return f"Seed {seed}; at the same place every run draws from the same latent."
    sizes = ", ".join(str(gan.game.latent_size) for gan in seen.gans)
    return (
        f"Seed {seed}, but the runs take latents of other sizes or kinds (sizes {sizes}): samples "
        "at the same place share their class at most."
    )


def _tell_columns(columns: int, classes: int) -> str:
    each = columns // classes
    return "One class a column." if each == 1 else f"Each class has {each} columns side by side."


def _clouds(drawn: list[np.ndarray]) -> list[Pixels]:
    """Draw each run's points over those of all runs, so that all pictures have one frame."""
    everything = np.concatenate(drawn)
    return [scatter(points, everything, "of all runs") for points in drawn]


def _png(picture: Pixels) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return data_uri(buffer.getvalue(), "image/png")


def _scores(seen: Comparison) -> Iterable[Html]:
    """Yield a table for each feature network, with the protocols under it."""
    for network in seen.networks():
        rows = []
        for label, row in scores(seen, network):
            best = None if seen.protocols_differ else clearly_best(row)
            cells = [score_text(score) for score in row]
            marked = [element("strong", c) if i == best else c for i, c in enumerate(cells)]
            rows.append([f"{label}, {_better(row)}", *marked, _floors(row)])
        yield table(["", *seen.names, "real against real"], rows, numbers=True)
        for name, run in zip(seen.names, seen.runs, strict=True):
            report = run.newest_reports().get(network)
            if report is not None:
                yield note(f"{name}: {protocol_line(report)}")
    if seen.networks():
        yield note(
            "In brackets the 95 % interval of each; a run's own page says what it holds. Bold: "
            "better than every other, with the intervals apart."
        )
    else:
        yield note("None of these runs is measured.")


def _better(row: Iterable[Score | None]) -> str:
    return next(f"{score.better} is better" for score in row if score is not None)


def _floors(row: Iterable[Score | None]) -> str:
    found = dict.fromkeys(number(s.floor) for s in row if s is not None and s.floor is not None)
    return " / ".join(found) or "not known"


def _curves(seen: Comparison) -> Html:
    """Return a chart for each number that two runs or more logged, except the terms of a loss.

    If there is a single run, that of a single group, all that it logged is drawn.
    """
    every = dict.fromkeys(key for run in seen.runs for key in run.logged())
    left_out = {*terms_of_losses(every), *CURVES}
    wanted = CURVES | {key: key for key in every if key not in left_out}
    charts = []
    for key, title in wanted.items():
        curves = [
            Curve(name, *run.curve(key)) for name, run in zip(seen.names, seen.runs, strict=True)
        ]
        if sum(len(curve.x) > 0 for curve in curves) >= min(2, len(seen.runs)):
            charts.append(chart(title, curves))
    return element("div", *charts, class_="charts") if charts else note("Nothing is logged.")


def _settings(seen: Comparison) -> Html:
    rows = [[key, *values] for key, values in settings_that_differ(seen.runs)]
    return table(["", *seen.names], rows) if rows else note("None.")


def _doctors(seen: Comparison) -> Iterable[Html]:
    for name, run in zip(seen.names, seen.runs, strict=True):
        yield element("h3", name)
        yield from doctor(run)
