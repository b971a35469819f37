"""Draw docs/images/families.png: every family on the embedded digits after the same time.

    python tools/draw_families.py [--minutes 2] [--threads 1] [--runs runs/families]

Each family's default recipe for images, seed 0. Samples are drawn with seed 0 and not chosen. A run
that is there already is only drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import gankit
from gankit.families import FAMILIES
from gankit.pictures import grid
from gankit.settings.config import override

ROWS, COLUMNS = 8, 5
TARGET = Path(__file__).parent.parent / "docs" / "images" / "families.png"


def trained(family: str, minutes: float, threads: int, runs: Path) -> gankit.GAN:
    changes = {"training.minutes": minutes, "runtime.threads": threads, "training.seed": 0}
    config = override(gankit.configure(family, "digits"), changes)
    gankit.fit(config, runs / family)
    return gankit.load(runs / family)


def titled(title: str, images: np.ndarray) -> Image.Image:
    """A small grid under its title."""
    picture = Image.fromarray(grid(images, COLUMNS)).reduce(2)
    panel = Image.new("L", (picture.width + 8, picture.height + 22), 255)
    panel.paste(picture, (4, 18))
    ImageDraw.Draw(panel).text((6, 3), title, fill=0)
    return panel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs/families"))
    parser.add_argument("--families", nargs="*", default=FAMILIES.names())
    arguments = parser.parse_args()

    count = ROWS * COLUMNS
    chosen = np.random.default_rng(0).permutation(10_000)[:count]
    panels = [titled("real", gankit.load_dataset("digits").read(chosen)[:, 0])]
    for family in arguments.families:
        gan = trained(family, arguments.minutes, arguments.threads, arguments.runs)
        panels.append(titled(f"{family} ({gan.step:,} steps)", gan.sample(count, seed=0)))
    if set(arguments.families) != set(FAMILIES.names()):
        return  # a part of the runs: the picture needs all of them
    across = 4
    width, height = panels[0].size
    whole = Image.new("L", (across * width, -(-len(panels) // across) * height), 255)
    for i, panel in enumerate(panels):
        whole.paste(panel, (i % across * width, i // across * height))
    whole.save(TARGET)
    print(TARGET)


if __name__ == "__main__":
    main()
