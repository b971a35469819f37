"""Write the tables of results/README.md from the files beside it; the text around them is by hand.

python tools/write_results.py            # write them
python tools/write_results.py --check    # exit with 1 if they are not what would be written

A table stands between `<!-- table NAME -->` and `<!-- end -->`, each on a line of its own. TABLES
says what it shows. Where a row stands for several runs, a number is their mean, with the least and
the largest.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from made_page import write_or_check

RESULTS = Path(__file__).parent.parent / "results"
PAGE = RESULTS / "README.md"
PLACE = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Line = dict[str, str]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        head: its title.
        key: the column of the file, or two as `a/b` for their ratio.
        form: how a number is written; empty: the text of the file, each that occurs once.
        times: what numbers are multiplied by.
        errors: columns of the file that may hold the number's ±; the first that is filled counts.
    """

    head: str
    key: str
    form: str = ""
    times: float = 1.0
    errors: tuple[str, ...] = ()

    def cell(self, lines: Sequence[Line]) -> str:
        if not self.form:
            return ", ".join(dict.fromkeys(line[self.key] for line in lines if line[self.key]))
        values = [value for line in lines if (value := self._number(line, self.key)) is not None]
        if not values:
            return ""
        low, mean, high = (
            f"{value:,{self.form}}" for value in (min(values), fmean(values), max(values))
        )
        if low != high:
            return f"{mean} ({low} to {high})"
        filled = (self._number(lines[0], key) for key in self.errors if len(lines) == 1)
        error = next((value for value in filled if value is not None), None)
        return low if error is None else f"{low}±{error:,{self.form}}"

    def _number(self, line: Line, key: str) -> float | None:
        above, _, below = key.partition("/")
        if not line[above]:
            return None
        return self.times * float(line[above]) / (float(line[below]) if below else 1)


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes:
        file: the file's name in results/.
        columns: what it shows.
        by: the columns in which lines agree that make one row; empty: each line is a row.
    """

    file: str
    columns: tuple[Column, ...]
    by: tuple[str, ...] = ()

    def write(self) -> str:
        """Return it as Markdown."""
        groups: dict[tuple[str, ...], list[Line]] = {}
        for line in read(RESULTS / self.file):
            groups.setdefault(tuple(line[key] for key in self.by or ("line",)), []).append(line)
        rows = [[column.cell(lines) for column in self.columns] for lines in groups.values()]
        heads = [column.head for column in self.columns]
        every = [heads, ["---"] * len(heads), *rows]
        return "".join(f"| {' | '.join(row)} |\n" for row in every)


def read(path: Path) -> list[Line]:
    """Return the lines of a CSV or JSON lines file, each with its number as `line`."""
    with path.open(newline="") as file:
        if path.suffix == ".jsonl":
            found = [{key: str(value) for key, value in json.loads(row).items()} for row in file]
        else:
            found = list(csv.DictReader(file))
    return [{**line, "line": str(number)} for number, line in enumerate(found, 1)]


LINE, SEED, STEPS = Column("line", "line"), Column("seeds", "seed"), Column("steps", "steps", ".0f")
PAPER = Column("the paper", "paper")
NATS = (
    Column(
        "averaged weights, nats", "averaged_nats", ".1f",
        errors=("averaged_error", "averaged_standard_error"),
    ),
    Column("their scatter", "averaged_scatter", ".1f"),
    Column("last weights, nats", "nats", ".1f", errors=("error", "standard_error")),
    Column("their scatter", "scatter", ".1f"),
)  # fmt: skip
"""Parzen likelihoods."""

TABLES = {
    "digits": Table(
        "digits.csv",
        (
            Column("", "run"), SEED, STEPS,
            Column("accuracy, %", "accuracy", ".2f"),
            Column("worst class, %", "worst_class", ".1f"),
            Column("coverage", "coverage_2000", ".3f"),
            Column("variety", "variety", ".2f"),
        ),
        by=("run",),
    ),
    "races": Table(
        "races.csv",
        (
            Column("", "what"), Column("name", "name"), SEED,
            Column("accuracy, %", "accuracy", ".1f"),
            Column("worst class, %", "worst_class", ".1f"),
        ),
        by=("name",),
    ),
    "families": Table(
        "families.csv",
        (
            Column("family", "family"), Column("", "note"), SEED, STEPS,
            Column("FD(digits)", "fd_digits", ".1f"),
            Column("coverage", "coverage_digits", ".3f"),
            Column("test digits in another class's category, %", "code_error", ".1f", 100),
        ),
        by=("family", "note"),
    ),
    "dcgan-rate": Table(
        "dcgan-rate.csv",
        (
            Column("rate of G", "rate_of_g"), Column("seed", "seed"), STEPS,
            Column("distance from the mean, real digits: 1", "spread", ".2f"),
        ),
    ),
    "photographs": Table(
        "photographs.csv",
        (
            Column("", "what"), Column("seed", "seed"), STEPS,
            Column("Frechet (Lite2)", "frechet_lite2", ".0f"),
            Column("kernel", "kernel_lite2", ".2f"),
            Column("coverage", "coverage_lite2", ".2f"),
            Column("within", "within_lite2", ".2f"),
            Column("Frechet (16 x 16)", "frechet_16x16", ".1f"),
            Column("coverage", "coverage_16x16", ".2f"),
            Column("within", "within_16x16", ".2f"),
        ),
    ),
    "gpu": Table(
        "gpu_step.jsonl",
        (
            Column("family", "family"), Column("side", "side"), Column("batch", "batch"),
            Column("precision", "precision"), Column("form", "form"),
            Column("images a second", "images_per_second", ".0f"),
            Column("GiB", "gib", ".1f"),
        ),
    ),
    **{
        name: Table(
            f"{name}.csv",
            (
                SEED, STEPS, Column("minutes", "minutes", ".0f"),
                Column("modes of 1,000", "modes", ".0f"),
                Column("samples read surely, %", "good", ".1f", 100),
                Column("KL to even shares", "kl", ".2f"), PAPER,
            ),
        )
        for name in ("stacked-modern", "stacked-dcgan")
    },
    "toys": Table(
        "toys.csv",
        (
            Column("family", "family"), Column("data", "data"), SEED, STEPS,
            Column("samples within 3 sigma, %", "within_3_sigma", ".1f"),
            Column("modes", "modes", ".0f"), Column("of", "of"),
        ),
        by=("family", "data"),
    ),
    "infogan-mnist": Table(
        "infogan-mnist.csv",
        (
            SEED, STEPS, Column("code error, %", "error", ".1f", 100),
            Column("L_I of the category, nats", "information_1", ".3f"), PAPER,
        ),
    ),
    "gan-mnist-parzen": Table(
        "gan-mnist-parzen.csv",
        (
            LINE, Column("seed", "seed"), STEPS, *NATS, PAPER,
        ),
    ),
    "cgan-mnist-parzen": Table(
        "cgan-mnist-parzen.csv",
        (
            LINE, Column("seed", "seed"), STEPS, *NATS, Column("width", "sigma", ".3f"), PAPER,
        ),
    ),
    "earlier-settings": Table(
        "earlier-settings.csv",
        (
            Column("recipe", "recipe"), Column("", "what"), Column("seed", "seed"), STEPS,
            Column("nats", "nats", ".1f", errors=("standard_error",)),
        ),
    ),
    "ssgan-mnist": Table(
        "ssgan-mnist.csv",
        (
            LINE, Column("seed", "seed"), STEPS, Column("settings", "settings"),
            Column("errors", "errors", ".0f"), PAPER,
        ),
    ),
    "cgan-nearest": Table(
        "cgan-nearest.csv",
        (
            SEED, STEPS, Column("samples", "samples", ".0f"),
            Column("error, %", "error", ".1f", 100),
            Column("of as many real ones", "error_of_real", ".1f", 100), PAPER,
        ),
        by=("steps",),
    ),
    **{
        f"{name}-modes": Table(
            f"{name}-modes.csv",
            (
                SEED, STEPS, Column("modes", "modes", ".0f"),
                Column("samples within 3 sigma, %", "good", ".1f", 100), PAPER,
            ),
            by=("steps",),
        )
        for name in ("ring", "grid")
    },
    "began-balance": Table(
        "began-balance.csv",
        (
            LINE, Column("seed", "seed"), STEPS,
            Column("M, first tenth", "measure_first", ".3f"),
            Column("last", "measure_last", ".3f"),
            Column("k, first tenth", "k_first", ".2f"), Column("last", "k_last", ".2f"),
            Column("L(G(z)) / L(x), last", "l_fake_last/l_real_last", ".2f"), PAPER,
        ),
    ),
    **{
        name: Table(
            f"{name}.csv",
            (
                SEED, STEPS,
                Column("likeliest actions", "policy", ".0f"),
                Column("drawn actions", "drawn", ".0f"),
                Column("cloning", "baseline", ".0f"),
                Column("random actions", "random", ".0f"),
                Column("the expert", "expert", ".0f"), PAPER,
            ),
            by=("steps",),
        )
        for name in ("gail-cartpole", "gail-pendulum")
    },
    "airl-pendulum": Table(
        "airl-pendulum.csv",
        (
            SEED, STEPS, Column("settings", "settings"),
            Column("likeliest actions", "policy", ".0f"),
            Column("drawn actions", "drawn", ".0f"),
            Column("cloning", "baseline", ".0f"),
            Column("random actions", "random", ".0f"),
            Column("the expert", "expert", ".0f"),
        ),
        by=("settings", "steps"),
    ),
    "airl-transfer": Table(
        "airl-transfer.csv",
        (
            Column("run", "run"), Column("share of past moves shown to D", "replay"),
            Column("paid by", "what"), Column("return", "returns", ".0f"),
            Column("low", "low", ".0f"), Column("high", "high", ".0f"),
        ),
    ),
    "gail-controls": Table(
        "gail-controls.csv",
        (
            Column("environment", "environment"), Column("", "what"), Column("seed", "seed"),
            Column("return", "returns", ".0f"),
        ),
    ),
}  # fmt: skip


def page(text: str) -> str:
    """Return the page with every table written anew. Raises KeyError for an unknown one."""
    return PLACE.sub(lambda found: f"{found[1]}{TABLES[found[2]].write()}{found[3]}", text)


def main() -> int:
    text = PAGE.read_text()
    places = [name for _, name, _ in PLACE.findall(text)]
    if sorted(places) != sorted(TABLES):
        print(f"{PAGE.name} has {', '.join(sorted(places))}; declared: {', '.join(sorted(TABLES))}")
        return 1
    return write_or_check(PAGE, page(text), "the files beside it say")


if __name__ == "__main__":
    sys.exit(main())
