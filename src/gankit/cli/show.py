"""How a report of scores is shown, and the progress while it is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from gankit.scores.evaluate import Watch
from gankit.scores.score import Report


def watch_on_stderr() -> Watch:
    """Return a watch that shows a bar for each set of examples on a terminal, and a line elsewhere.

    It writes to stderr, so that stdout holds the report alone.
    """
    console = Console(stderr=True, highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    def passing(title: str, blocks: Iterator[NDArray[Any]], count: int) -> Iterator[NDArray[Any]]:
        if not console.is_terminal:
            say(title)
            return blocks
        return iter(track(blocks, title, count, console=console, transient=True))

    return Watch(say, passing)


def print_report(report: Report) -> None:
    """Print a table of the scores to stdout, and below it what they say and what they are of.

    Only a label may take two lines, if its network has a long name; numbers never do.
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column("score", overflow="fold")
    for title in ("value", "95 % interval", "real", "better"):
        table.add_column(title, justify="left" if title == "better" else "right", no_wrap=True)
    for score in report.scores:
        interval = "" if score.interval is None else "{:.4g} to {:.4g}".format(*score.interval)
        floor = "" if score.floor is None else f"{score.floor:.4g}"
        table.add_row(Text(score.label), f"{score.value:.4g}", interval, floor, score.better)
    console = Console(highlight=False)
    console.print(table)
    acts = any(score.holds == "episodes" for score in report.scores)
    real = f"real: {'the expert' if acts else 'other real examples in place of samples'}."
    for line in (report.in_words(), report.intervals_hold() + f" {real}", *report.notes()):
        console.print(line.strip(), markup=False)
    console.print(report.protocol_line(), markup=False, soft_wrap=True)
