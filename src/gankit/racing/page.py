"""race.html: what a race tried, how far each recipe came, and what is kept, on one page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from gankit.errors import RunError
from gankit.pages.chart import Curve, chart
from gankit.pages.html import Html, code, element, facts, note, page, section, table
from gankit.pages.report import picture_uri
from gankit.pages.run_summary import minutes
from gankit.racing.journal import Entry
from gankit.racing.record import Final, Record
from gankit.racing.words import (
    changes_text,
    distance_text,
    name_of,
    next_command,
    verdict_lines,
    whole,
)
from gankit.run import Run
from gankit.settings.text import typed
from gankit.storage import write_atomically
from gankit.version import __version__

PAGE = "race.html"


def write_page(folder: Path, record: Record, entries: Sequence[Entry]) -> None:
    """Write race.html into the folder of a race. Raises RunError if it cannot be written."""
    title = f"A race on {record.data['name']}"
    content = page(
        title,
        element(
            "header",
            element("h1", title),
            element("p", _lede(record, entries), class_="lede"),
            facts(_facts(record, entries)),
        ),
        section("What is kept", *_kept(folder, record, entries)),
        section("The trials", *_trials(record, entries)),
        section("Where it was looked", table(["", "tried"], sorted(record.space.items()))),
        foot=f"Written by gankit {__version__}. This page loads nothing.",
    )
    try:
        write_atomically(folder / PAGE, content)
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"'{folder / PAGE}' cannot be written: {reason}") from None


def _lede(record: Record, entries: Sequence[Entry]) -> str:
    ended = sum(entry.ended for entry in entries)
    return f"{ended} of {record.plan.trials} recipes of '{record.config.family}' tried."


def _facts(record: Record, entries: Sequence[Entry]) -> list[tuple[str, str]]:
    seen, unseen = record.held_out
    return [
        ("Trained on", f"{record.data['count']:,} examples"),
        ("Held out", f"{seen:,} for the trials, {unseen:,} for the final runs"),
        ("Measure", f"kernel distance in '{record.features}'"),
        ("Real against real", distance_text(record.floor)),
        ("Steps of a trial", f"{record.plan.steps:,} of the default, or as many as cost the same"),
        ("Time in trials", minutes(sum(entry.seconds for entry in entries))),
        ("Seed", str(record.config.training.seed)),
    ]


def _kept(folder: Path, record: Record, entries: Sequence[Entry]) -> Iterable[Html]:
    if record.chosen is None:
        yield note("The race is not at its end.")
        return
    for line in verdict_lines(record, entries):
        yield element("p", line)
    head = ["", "steps", "time", "distance", "95 % of other draws", "other scores"]
    yield table(head, [_final_row(final) for final in record.finals])
    yield note(
        "Final runs begin from a seed of their own, are trained at equal cost, and are measured "
        "against held-out examples that no trial was measured against. Another seed may turn a "
        "small difference round."
    )
    yield code(next_command(folder, record))
    yield element("div", *_pictures(folder, record.finals), class_="side pictures")


def _final_row(final: Final) -> list[str]:
    between = "" if final.low is None else f"{final.low:.4g} to {final.high:.4g}"
    return [
        name_of(final.number),
        f"{final.steps:,}",
        minutes(final.seconds),
        final.problem or distance_text(final.far),
        between,
        "; ".join(final.scores),
    ]


def _pictures(folder: Path, finals: Iterable[Final]) -> Iterable[Html]:
    for final in finals:
        name = name_of(final.number)
        with suppress(OSError):
            source = picture_uri(Run(folder / f"final-{final.number}").grid_path)
            picture = element("img", src=source, alt=f"samples of {name}")
            yield element("figure", element("figcaption", name), picture)


def _trials(record: Record, entries: Sequence[Entry]) -> Iterable[Html]:
    ended = [entry for entry in entries if entry.ended]
    if not ended:
        yield note("None has ended yet.")
        return
    yield _chart(ended)
    order = sorted(ended, key=lambda e: (not e.whole, -len(e.distances), e.distance, e.number))
    default = ended[0]
    rows = [
        [
            name_of(entry.number),
            distance_text(entry.distance),
            f"{entry.step:,}",
            entry.problem or ("to its end" if entry.whole else "fell behind"),
            minutes(entry.seconds),
            changes_text(entry, default) or "nothing",
        ]
        for entry in order
    ]
    yield table(["", "distance", "steps", "trained", "time", "changed"], rows)
    own = ", ".join(f"{key}={typed(value)}" for key, value in default.changes.items())
    yield note(
        f"The default has {own}. Trials that were trained as far stand together, best first."
    )


def _chart(ended: Sequence[Entry]) -> Html:
    """Draw the distance of every trial that was trained to its end, and the best so far."""
    finite = [entry for entry in whole(ended) if math.isfinite(entry.distance)]
    numbers, distances = [e.number for e in finite], [e.distance for e in finite]
    best = [min(distances[: i + 1]) for i in range(len(distances))]
    curves = [Curve("trained to their end", numbers, distances), Curve("best", numbers, best)]
    return element("div", chart("Distance", curves, horizontal="trial"), class_="charts")
