"""The run directory: everything a run writes, and the only thing that later commands read.

run.json            settings, data, plan: what was asked and what was decided
metrics.jsonl       one line a logged step
events.jsonl        one line for each time that training could not simply go on
samples/            a picture of the same latents every so often: 0000500.png
checkpoints/        the newest few: step-0000500.safetensors
model.safetensors   the artifact (artifact.py), rewritten with every checkpoint
scores/             reports of evaluations (evaluation/scores.py)
evaluation.jsonl    one line an evaluation during training: what it cost
grid.png            the last samples;  timeline.gif  all of them, as a film
scores/             what `gankit evaluate` measured;  doctor.json  what ails the run
report.html         all of it on one page (evaluation/report.py)
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gankit import __version__
from gankit.config import Config, differences, from_dict, to_dict
from gankit.data import Dataset
from gankit.errors import RunError
from gankit.families import FAMILIES, Task
from gankit.pictures import Pixels, save_film, save_png
from gankit.storage import FORMAT, check_format, write_atomically
from gankit.stored import StoredError, logged_numbers, read_lines

LOCK = ".lock"
PICTURE = re.compile(r"[0-9]{7,12}\.png")
"""The name of a picture in samples/: its step."""


@dataclass(frozen=True)
class Plan:
    """What was decided at the start, so that a run can be repeated and resumed exactly.

    Attributes:
        steps: the whole run's length; schedules are functions of it.
        threads: CPU threads; results are equal to the bit only for the same number.
        seconds_per_step: as measured, or None where the budget needed no measurement.
    """

    steps: int
    threads: int
    seconds_per_step: float | None = None


@dataclass(frozen=True)
class Record:
    """The content of run.json."""

    config: Config
    data: Mapping[str, Any]  # name, fingerprint, count, shape, class_names, condition
    plan: Plan

    @property
    def task(self) -> Task:
        """What the run learns."""
        data = self.data
        return Task(tuple(data["shape"]), tuple(data["class_names"]), data.get("condition", 0))


def describe(dataset: Dataset) -> dict[str, Any]:
    """What run.json says of the data."""
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "count": len(dataset),
        "shape": list(dataset.shape),
        "class_names": list(dataset.class_names),
        "condition": dataset.condition,
    }


class Run:
    """A run directory. Nothing is created before `lock` and `begin`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record_path = folder / "run.json"
        self.metrics_path = folder / "metrics.jsonl"
        self.events_path = folder / "events.jsonl"
        self.samples = folder / "samples"
        self.checkpoints = folder / "checkpoints"
        self.artifact_path = folder / "model.safetensors"
        self.grid_path = folder / "grid.png"
        self.timeline_path = folder / "timeline.gif"
        self.report_path = folder / "report.html"

    def record(self) -> Record | None:
        """What this directory was started with; None where no run has begun in it.

        Raises RunError where the directory is something else, damaged or of another version.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise RunError(f"'{self.folder}' is a file, not a folder: choose another --out")
        try:
            stored = json.loads(self.record_path.read_text())
            check_format(stored.get("format"), f"the run '{self.folder}'")
            family = FAMILIES[stored["config"]["family"]]
            config = from_dict(stored["config"], family.options)
            return Record(config, stored["data"], Plan(**stored["plan"]))
        except (FileNotFoundError, NotADirectoryError):
            if self.folder.exists() and any(p.name != LOCK for p in self.folder.iterdir()):
                raise RunError(
                    f"'{self.folder}' is not empty and holds no run: choose another --out"
                ) from None
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"'{self.record_path}' is damaged ({error})") from None

    def check_resumable(self, record: Record, config: Config, dataset: Dataset) -> None:
        """Raises RunError, listing each difference, where `config` is not a continuation."""
        found = differences(record.config, config)
        data = describe(dataset)
        if data["fingerprint"] != record.data["fingerprint"]:
            before, after = record.data["count"], data["count"]
            found.append(
                f"the data itself: {before:,} examples in the run, {after:,} other ones now"
            )
        if found:
            lines = "\n  ".join(found)
            raise RunError(
                f"'{self.folder}' holds a run with other settings; choose another --out, or go "
                f"back to its settings:\n  {lines}"
            )

    def begin(self, record: Record) -> None:
        """Create the directory (or keep it) and write run.json. Raises RunError if it cannot."""
        content = {
            "format": FORMAT,
            "gankit": __version__,
            "config": to_dict(record.config),
            "data": dict(record.data),
            "plan": asdict(record.plan),
        }
        with self.writing("the run"):
            self.samples.mkdir(parents=True, exist_ok=True)
            self.checkpoints.mkdir(exist_ok=True)
            write_atomically(self.record_path, json.dumps(content, indent=2).encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep a second training process out of this directory. Released even by a kill."""
        with self.writing("the run"):
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            import fcntl
        except ImportError:  # Windows: no lock
            yield
            return
        with self.writing("the lock"):
            handle = os.open(self.folder / LOCK, os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise RunError(f"another process is training in '{self.folder}'") from None
        finally:
            os.close(handle)

    def log(self, numbers: Mapping[str, Any]) -> None:
        """Append one line to metrics.jsonl."""
        with self.writing("the log"), self.metrics_path.open("a") as file:
            file.write(json.dumps(numbers) + "\n")

    def trim_log(self, step: int) -> None:
        """Forget logged steps past `step`, and a torn last line: they will be taken again."""
        if not self.metrics_path.exists():
            return
        kept = [json.dumps(line) + "\n" for line in self.metrics() if line["step"] <= step]
        with self.writing("the log"):
            write_atomically(self.metrics_path, "".join(kept).encode())

    def metrics(self) -> list[dict[str, Any]]:
        """Every logged line: `step`, and its numbers, None for each that is not finite.

        A line that a kill tore, or that is something else, is passed over. Raises RunError where
        the file cannot be read.
        """
        return [logged_numbers(line) for line in self._lines(self.metrics_path)]

    def note_event(self, event: str, step: int, **what: Any) -> None:
        """Append one line to events.jsonl: it stays when the log is trimmed."""
        with self.writing("an event"), self.events_path.open("a") as file:
            file.write(json.dumps({"event": event, "step": step, **what}) + "\n")

    def events(self) -> list[dict[str, Any]]:
        """Every noted event: `event`, `step` and what else was said of it. As for `metrics`."""
        lines = self._lines(self.events_path)
        return [line for line in lines if isinstance(line.get("event"), str)]

    def _lines(self, path: Path) -> list[dict[str, Any]]:
        try:
            return list(read_lines(path))
        except StoredError as error:
            raise RunError(f"'{path}' cannot be read: {error}") from None

    def pictures(self) -> list[Path]:
        """The pictures of every so many steps, by step; what else lies there is not its own."""
        named = (p for p in self.samples.glob("*.png") if PICTURE.fullmatch(p.name))
        return sorted((p for p in named if p.is_file()), key=lambda path: int(path.stem))

    def write_picture(self, step: int, picture: Pixels) -> Path:
        """Keep the picture of this step, and show it as the newest."""
        path = self.samples / f"{step:07d}.png"
        with self.writing("a picture"):
            save_png(path, picture)
            save_png(self.grid_path, picture)
        return path

    def write_timeline(self) -> None:
        """Make a film of every picture so far."""
        if frames := self.pictures():
            with self.writing("the film"):
                save_film(self.timeline_path, frames)

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Turn a full disk or a read-only folder into one clear line."""
        try:
            yield
        except OSError as error:
            raise RunError(
                f"{what} cannot be written in '{self.folder}' ({error.strerror or error}): what "
                "was written before is intact; mend that and give the same command again"
            ) from None


def checkpoints(run: Run) -> list[Path]:
    """Every checkpoint file of a run, oldest first."""
    return sorted(run.checkpoints.glob("step-*.safetensors"))
