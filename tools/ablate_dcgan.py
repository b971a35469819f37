"""Leave out DCGAN's rules one at a time, and measure what the samples lose by it.

    python tools/ablate_dcgan.py --steps 300 --seeds 3 --out results/dcgan-rules.csv

Networks and training are those of the book's chapter on these rules, docs/book/04_dcgan_rules.md,
whose first cells this runs. Each line is one run: the Frechet distance and the coverage of 2,000
samples of the last weights (sampling seed 1) against the 2,000 embedded test digits at 16 x 16, in
the features of the network `digits`; the line `real` is of 2,000 training digits. A line is written
as its run ends; the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import re
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import gankit
from gankit.features.named import Digits
from table_lines import read_lines, write_lines

CHAPTER = Path(__file__).parent.parent / "docs/book/04_dcgan_rules.md"
CELL = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SAMPLES = 2000
COLUMNS = ("rule", "seed", "steps", "frechet", "coverage", "cpu_seconds")


def read_chapter() -> dict[str, Any]:
    """Run the cells that define the networks, the rules and `train`; return their names."""
    defined: dict[str, Any] = {}
    for cell in CELL.findall(CHAPTER.read_text()):
        exec(cell, defined)
        if "train" in defined:
            return defined
    raise SystemExit(f"{CHAPTER.name} defines no `train`")


class Judge:
    """The test digits' features, and how far samples are from them."""

    def __init__(self) -> None:
        self.network = Digits("cpu")
        self.real = self.network.features(pictures("test"))

    def scores(self, images: NDArray[np.uint8]) -> dict[str, float]:
        features = self.network.features(images)
        return {
            "frechet": round(gankit.metrics.frechet_distance(self.real, features), 1),
            "coverage": round(gankit.metrics.manifold(self.real, features).coverage, 4),
        }


def pictures(split: str) -> NDArray[np.uint8]:
    """Return the first digits of a split, uint8 [SAMPLES, 16, 16]."""
    return gankit.load_dataset("digits", size=16, split=split).read(np.arange(SAMPLES))[:, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("results/dcgan-rules.csv"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    chapter, judge, lines = read_chapter(), Judge(), read_lines(given.out)
    if not lines:
        lines.append({"rule": "real", **judge.scores(pictures("train"))})
    done = {(line["rule"], line["seed"]) for line in lines[1:]}
    for rule, seed in product(chapter["BROKEN"], range(given.seeds)):
        if (rule, str(seed)) in done:
            continue
        start = time.process_time()
        gan = chapter["train"](rule, given.steps, seed)
        spent = round(time.process_time() - start, 1)
        line = {"rule": rule, "seed": seed, "steps": given.steps, "cpu_seconds": spent}
        lines.append({**line, **judge.scores(gan.sample(SAMPLES, seed=1))})
        write_lines(given.out, lines, COLUMNS)
        print(*(f"{k} {v}" for k, v in lines[-1].items()), sep="  ", flush=True)


if __name__ == "__main__":
    main()
