"""Write docs/speed.md: what the benchmarks measured, from their lines of JSON in results/.

python tools/write_speed.py            # write it
python tools/write_speed.py --check    # exit with 1 if it is not what would be written

A new measurement is a line at the end of a file: `python benchmarks/startup.py >>
results/speed.jsonl`. Of several lines by one benchmark with the same threads, instructions and
machine the last one counts, unless its section is a table of all lines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from made_page import write_or_check

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "speed.md"
INTRODUCTION = """\
# Speed

<!-- Written by tools/write_speed.py from results/*.jsonl: change these, not this page. -->

What gankit costs, by the scripts of `benchmarks/`. A range is from the least to the largest of the
rounds, beside their median. *On a processor* is the process's own time, which other programs on the
machine hardly prolong; *load* is how many wanted a processor at the end. Read ratios rather than
seconds: your machine is another one. How good a generator is after so many minutes is
on [another page](how_long.md).
"""
Line = dict[str, Any]
OLDER = {"contender": "time_to_quality", "card": "gpu_step"}
"""The benchmark of lines that do not name theirs, by a key that they have."""


def kind(line: Line) -> str:
    return line.get("benchmark") or next(name for key, name in OLDER.items() if key in line)


def read() -> dict[str, list[Line]]:
    """Return the lines of results/*.jsonl that count, by benchmark."""
    found: dict[str, dict[str, Line]] = {}
    for file in sorted((ROOT / "results").glob("*.jsonl")):
        for line in map(json.loads, file.read_text().splitlines()):
            name = kind(line)
            keys = line if name in TOGETHER else ("threads", "onednn", "isa", "machine")
            case = str([line.get(key) for key in keys])
            found.setdefault(name, {})[case] = line
    return {name: list(lines.values()) for name, lines in found.items()}


def ranged(spread: Line) -> str:
    """Return a median with its range, or alone if all rounds agree."""
    median, least, most = (f"{spread[key]:,g}" for key in ("median", "least", "most"))
    return median if least == most else f"{median} ({least} to {most})"


def table(head: str, rows: Iterable[Iterable[object]]) -> list[str]:
    columns = head.count("|") - 1
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return [head, "|" + "---|" * columns, *lines, ""]


def protocol(line: Line, command: str) -> str:
    """Return the sentence that says how a line was measured."""
    threads = f"{line['threads']} thread" + "s" * (line["threads"] != 1)
    held = "" if line.get("onednn", "all") == "all" else f", oneDNN held to {line['onednn']}"
    isa = f" with {line['isa']}" if "isa" in line else ""
    return (
        f"`python benchmarks/{command}`, {line['rounds']} rounds, {threads} of {line['cpus']}, "
        f"{line['machine']}{isa}{held}, load {line['load']:g}, torch {line['torch']}, "
        f"Python {line['python']}."
    )


def startup(line: Line) -> list[str]:
    told = {
        "help": "`gankit --help`",
        "torch": "a process that imports torch alone",
        "train --steps": (
            f"`gankit train {line['family']} {line['data']} --steps N`, to its first step"
        ),
        "train --minutes": "the same with `--minutes 2`, which first times some steps",
    }
    rows = (
        (
            told[name],
            ranged(line["clock_s"][name]),
            ranged(line["cpu_s"][name]),
            line["aims_s"].get(name, ""),
        )
        for name in line["clock_s"]
    )
    return [
        *table("| seconds | by the clock | on a processor | aim |", rows),
        protocol(line, "startup.py"),
        "",
    ]


def training_step(line: Line) -> list[str]:
    def share(rate: float) -> str:
        return f"{rate / line['limit_gflops']:.0%}"

    cases = (
        (
            one["case"],
            f"{one['tutorial_images_per_s']:,g}",
            f"{one['gankit_images_per_s']:,g}",
            ranged(one["ratio"]),
            f"{one['operations_left_out']:.0%}",
            share(one["tutorial_gflops"]),
            share(one["gankit_gflops"]),
        )
        for one in line["against_tutorial"]
    )
    families = (
        (
            f"`{one['family']}`",
            one["shape"],
            *(
                ("", one["refused"], "")
                if "refused" in one
                else (one["batch"], ranged(one["ms"]), share(one["gflops"]))
            ),
        )
        for one in line["families"]
    )
    head = (
        "| the same networks | the tutorial, images/s | gankit, images/s | ratio | "
        "operations left out | the tutorial's share of the limit | gankit's |"
    )
    by_family = [
        "By family, the recipe of its own, on images of noise in ten classes"
        f"{', one round' if line.get('families_rounds') == 1 else ''}:",
        "",
        *table("| family | shape | batch | ms a step | share of the limit |", families),
    ]
    return [
        *table(head, cases),
        *(by_family if line["families"] else []),
        "A share of the limit is the rate of a step's products and convolutions over that of the\n"
        f"fastest of some convolutions, {line['limit_gflops']:,.0f} thousand million operations a "
        "second here.",
        protocol(line, "training_step.py"),
        "",
        *([line["note"]] if "note" in line else []),
    ]


def scaling(line: Line) -> list[str]:
    rows = []
    for name, points in line["points"].items():
        for point in points:
            ms = point["ms"]
            memory = (point.get("peak_mb", ""), point.get("grown_mb", ""))
            told = ranged(ms) if isinstance(ms, dict) else f"{ms:,g} by the clock"
            rows.append((name.replace("_", " "), f"{point['value']:,}", told, *memory))
    base = ", ".join(f"{key} {value:,}" for key, value in line["base"].items())
    return [
        f"One thing is changed at a time, from `dcgan` with {base}.",
        "",
        *table("| changed | to | ms a step | peak, MB | of it after the imports |", rows),
        protocol(line, "scaling.py"),
        "",
    ]


def data_loading(line: Line) -> list[str]:
    rows = ((name, ranged(ms)) for name, ms in line["ms_for_a_picture"].items())
    steps = ranged(line["batch_from_disk_in_steps"])
    return [
        f"{line['pictures']:,} JPEG of {line['side']:,} pixels a side, read at {line['size']}; "
        f"batches of {line['batch']}. A batch from disk costs {steps} steps of `dcgan`.",
        "",
        *table("| what | ms for a picture |", rows),
        protocol(line, "data_loading.py"),
        "",
    ]


def time_to_quality(lines: list[Line]) -> list[str]:
    titles = "processor|who|its settings|seed|seconds|steps|features|Frechet|kernel|precision"
    titles += "|recall|coverage|within|label match|train side"
    written: list[str] = []
    told = [protocol_of(line) for line in lines]
    for measured in dict.fromkeys(told):
        mine = [line for line, how in zip(lines, told, strict=True) if how == measured]
        rows = [row for line in mine for row in scored(line)]
        written += [f"{measured}:", "", *table(f"|{titles}|", rows)]
    return [
        *written,
        "`python benchmarks/time_to_quality.py`; seconds of one thread on a processor, of the "
        "length that\ngankit's schedules have. *Within* is the mean distance of samples of a "
        "class over that of examples\nof a class; *label match* the share of samples whose nearest "
        "training example is of the class asked for\n(.97 in Lite2 for held-out photographs); "
        "*train side* the share of samples whose nearest neighbour\namong as many training as "
        "held-out examples is a training one, .5 if nothing is copied. *fashion.pt2* is a "
        "classifier of\nFashion-MNIST (`tools/train_digits_features.py`; .8965 of its test images "
        "right). *By code* are the settings\nof an earlier recipe: "
        f"`{' '.join(BY_CODE[:2])}\n{' '.join(BY_CODE[2:])}`.",
        "",
    ]


BY_CODE = (
    "network.class_strength=0.15",
    "network.class_maps=0",
    "network.classifier=0,0",
    "stabilise.perceptual_by_class=0",
)
"""The settings by which the recipe told the class in earlier versions."""


def shortened(settings: list[str]) -> list[str]:
    """Return settings with `by code` in place of those of `BY_CODE`."""
    if not set(BY_CODE) <= set(settings):
        return settings
    return [*(word for word in settings if word not in BY_CODE), "*by code*"]


def protocol_of(line: Line) -> str:
    """Return on what a line was measured, in words."""
    return f"On {line['data']}, {line['samples']:,} samples against {line['against']}"


def scored(line: Line) -> Iterable[Iterable[object]]:
    """Yield a row for each feature network in which a line has scores."""
    for features, scores in line["scores"].items():
        yield (
            line.get("isa") or line["machine"].split(", ")[1],
            " ".join(filter(None, (line["contender"], line.get("family")))),
            " ".join(shortened(line["settings"])),
            line["seed"],
            f"{line['seconds']:,g} of {line['length']:,g}",
            f"{line['steps']:,}" if line["steps"] else "",
            features,
            f"{scores['frechet']:,.1f}",
            *(
                f"{scores[name]:.{4 if name == 'kernel' else 3}f}" if name in scores else ""
                for name in (
                    "kernel",
                    "precision",
                    "recall",
                    "coverage",
                    "within",
                    "label_match",
                    "train_side",
                )
            ),
        )


def gpu_step(lines: list[Line]) -> list[str]:
    rows = (
        (
            f"`{line['family']}`",
            line["side"],
            line["batch"],
            line["precision"],
            line["form"],
            f"{line['images_per_second']:,g}" if "failed" not in line else line["failed"],
            line.get("gib", ""),
        )
        for line in lines
    )
    return [
        *table("| family | side | batch | precision | form | images/s | GiB |", rows),
        f"`python benchmarks/gpu_step.py` on one {lines[0]['card']}, torch {lines[0]['torch']}.",
        "",
    ]


EACH = {
    "startup": ("How long a command takes to begin", startup),
    "training_step": ("A training step beside plain PyTorch, and by family", training_step),
    "scaling": ("How cost grows", scaling),
    "data_loading": ("Reading a folder of photographs", data_loading),
}
"""Sections that are written line by line."""
TOGETHER = {
    "time_to_quality": ("Quality against seconds", time_to_quality),
    "gpu_step": ("Training steps on a GPU", gpu_step),
}
"""Sections that are one table of all lines."""


def page() -> str:
    found = read()
    parts = [INTRODUCTION]
    for name, (title, written) in EACH.items():
        if name in found:
            parts += [f"## {title}", "", *(text for line in found[name] for text in written(line))]
    for name, (title, table_of) in TOGETHER.items():
        if name in found:
            parts += [f"## {title}", "", *table_of(found[name])]
    return "\n".join(parts).rstrip("\n") + "\n"


def main() -> int:
    return write_or_check(PAGE, page(), "the benchmarks' lines say")


if __name__ == "__main__":
    sys.exit(main())
