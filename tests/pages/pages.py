"""Runs that were never trained, and a reader of pages that finds what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from gankit.families import Task
from gankit.run import Plan, Record, Run
from gankit.scores.score import Protocol, Report, Score, write_report
from gankit.settings.config import Config
from gankit.trained.artifact import save_artifact
from gankit.training.state import build_game

PROTOCOL = Protocol(
    network="digits",
    network_hash="0123",
    resize="none",
    data="digits",
    data_hash="4567",
    split="test",
    n_real=2000,
    n_fake=2000,
    seed=0,
    settings={"k": 5},
    gankit="0.1.0",
)


def make_run(
    folder: Path,
    config: Config,
    *,
    shape: Sequence[int] = (1, 28, 28),
    classes: Sequence[str] = tuple("0123456789"),
    condition: int = 0,
    steps: Sequence[int] = (0, 3, 6),
) -> Run:
    """A run directory as training would leave it, with random weights and made-up numbers."""
    data = {
        "name": config.data.source,
        "fingerprint": "f00d",
        "count": 100,
        "shape": list(shape),
        "class_names": list(classes),
        "condition": condition,
    }
    run = Run(folder)
    run.begin(Record(config, data, Plan(6, 1, 0.25)))
    rng = np.random.default_rng(0)
    for step in steps:
        numbers = {
            "d/adversarial": 1.5 - step / 10,
            "d/r1": 0.25,
            "g/adversarial": 0.75,
            "d_real": 0.6,
            "d_fake": 0.4,
            "samples/diversity": 0.9,
            "images_per_second": 100.0 + step,
            "lr_g": 0.002,
            "lr_d": 0.001,
        }
        run.log({"step": step, "seconds": step / 2, **numbers})
        run.write_picture(step, rng.integers(0, 256, (30, 40)).astype(np.uint8))
    game = build_game(config, Task(tuple(shape), tuple(classes), condition))
    save_artifact(run.artifact_path, game, {"generator": game.generator}, steps[-1])
    return run


def add_scores(
    folder: Path, step: int, value: float, half: float | None = 1.0, **changes: object
) -> None:
    """Keep a report of one score, `value` with an interval of `half` on both sides."""
    ends = None if half is None else (value - half, value + half)
    score = Score("frechet", "FD(digits)", value, "lower", ends, 1.5)
    protocol = replace(PROTOCOL, **changes)
    write_report(folder, Report(str(folder), "cgan", step, protocol, (score,), 2.5))


LOADS = ("src", "srcset", "data", "poster", "background", "action", "formaction", "href")
VOID = ("meta", "img", "input")


class Page(HTMLParser):
    """A page, read: elements in order, text, and whether every element is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.loads: list[str] = []
        self.feed(self.source)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.pieces).split())

    def handle_startendtag(self, tag, attributes):
        self._note(tag, attributes)

    def handle_starttag(self, tag, attributes):
        self._note(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.pieces.append(data)

    def _note(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        for name, value in attributes:
            assert not name.startswith("on"), "inline handlers are not the page's own script"
            if name.removeprefix("xlink:") in LOADS:
                self.loads.append(value or "")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def check_stands_alone(self) -> None:
        """Everything it loads or links to is inside it, and it runs its own script only."""
        assert all(load.startswith("data:") for load in self.loads), self.loads
        assert {"link", "iframe", "object", "embed", "base", "form"}.isdisjoint(
            tag for tag, _ in self.elements
        )
        assert len(self.all("script")) == 1
        style = self.source.split("<style>")[1].split("</style>")[0]
        assert "url(" not in style
        assert "@import" not in style
        policy = next(m["content"] for m in self.all("meta") if "http-equiv" in m)
        assert policy.startswith("default-src 'none'; img-src data:;")
