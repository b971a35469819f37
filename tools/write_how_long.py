"""Write docs/how_long.md: minutes and what they brought, from the tables in results/.

python tools/write_how_long.py            # write it
python tools/write_how_long.py --check    # exit with 1 if it is not what would be written
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from made_page import write_or_check

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how_long.md"
INTRODUCTION = """\
# How long will it take, and how good will it be?

<!-- Written by tools/write_how_long.py from results/*.csv: change these, not this page. -->

What was measured, and how long it took, on a CPU with one thread, two or three runs at a time on a
shared 2-core machine. Your minutes differ, and so the steps are given too; `gankit train ...
--dry-run` says how long a step takes on your machine. Each number's protocol is in
[results](../results/README.md). A range is over the runs of that length, from the least to the
largest.

Photographs, up to an hour, Fashion-MNIST, up to three minutes, and the PyTorch tutorial's DCGAN:
[speed](speed.md#quality-against-seconds). Not measured over time: more hours of photographs on a
CPU.
"""


@dataclass(frozen=True)
class Course:
    """One table of results, read as quality by steps.

    Attributes:
        title: what was trained, in words.
        file: the table's name in results/, without its suffix.
        column, told: the measure, and what it is called.
        times: what the measure is multiplied by.
        only: a column and what it holds in the lines that count; None: all of them.
    """

    title: str
    file: str
    column: str
    told: str
    times: float = 1.0
    only: tuple[str, str] | None = None


COURSES = (
    Course(
        "Digits by class, the default job (`gankit train`)", "digits", "accuracy",
        "% read as the class asked for", only=("run", "gankit train --steps 3300"),
    ),
    Course(
        "All of MNIST by class, the same recipe (`gankit train cgan mnist`)", "cgan-nearest",
        "error", "% error of nearest samples as a classifier (real images: 3.3)", 100,
    ),
    Course(
        "A classifier from 100 labels of MNIST (`gankit train ssgan`)", "ssgan-mnist", "errors",
        "errors of 10,000 test images",
    ),
    Course(
        "The ten classes of MNIST without labels (`gankit train infogan`)", "infogan-mnist",
        "error", "% of test images in another class's category", 100,
    ),
    Course("A ring of eight (`gankit train gan toy:ring8`)", "ring-modes", "modes", "modes of 8"),
    Course("A grid of 25 (`gankit train cgan toy:grid25`)", "grid-modes", "modes", "modes of 25"),
    Course(
        "Photographs of cats and dogs, 64 x 64, on a CPU (`gankit train ./photos`)",
        "photographs", "coverage_16x16", "covered, in pixels of 16 x 16 (real ones: .951)",
        only=("what", "large first layer, classes, a head for the pixels"),
    ),
)  # fmt: skip


def spread(values: list[float], digits: int) -> str:
    """Return the least and the largest of some numbers, or the only one."""
    shown = list(dict.fromkeys(f"{value:,.{digits}f}" for value in (min(values), max(values))))
    return " to ".join(shown)


def section(course: Course) -> str:
    with (ROOT / "results" / f"{course.file}.csv").open(newline="") as file:
        # Other settings are other courses.
        lines = [line for line in csv.DictReader(file) if not line.get("settings")]
    if course.only is not None:
        lines = [line for line in lines if line[course.only[0]] == course.only[1]]
    by_steps = defaultdict(list)
    for line in lines:
        by_steps[int(line["steps"])].append(line)
    rows = []
    for steps, same in sorted(by_steps.items()):
        minutes = [float(line["minutes"]) for line in same if line.get("minutes")]
        values = [course.times * float(line[course.column]) for line in same]
        digits = 0 if all(value == int(value) for value in values) else 2
        told = spread(minutes, 1) if minutes else "not written down"
        rows.append(f"| {steps:,} | {told} | {spread(values, digits)} | {len(same)} |")
    link = f"[{course.file}.csv](../results/{course.file}.csv)"
    head = f"| steps | minutes | {course.told} | runs |\n|---|---|---|---|"
    return "\n".join([f"## {course.title}", "", head, *rows, "", f"From {link}.", ""])


def page() -> str:
    return "\n".join([INTRODUCTION, *map(section, COURSES)])


def main() -> int:
    return write_or_check(PAGE, page(), "the tables say")


if __name__ == "__main__":
    sys.exit(main())
