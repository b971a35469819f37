"""The run directory: everything a run writes, and the only thing that later commands read.

run.json            settings, data, plan: what was asked and what was decided
metrics.jsonl       one line for each logged step
events.jsonl        one line for each event, such as a rollback
samples/            a picture, or lines of text, of the same latents every so often: 0000500.png
checkpoints/        the newest few: step-0000500.safetensors
model.safetensors   the artifact (trained/artifact.py), rewritten with every checkpoint
scores/             reports of evaluations (scores/score.py)
evaluation.jsonl    one line for each evaluation during training: its outcome and its cost
grid.png            the last samples;  timeline.gif  all of them, as a film
real.png, real.txt  real examples beside the samples, if these are images or text
doctor.json         what `gankit doctor` found wrong with the run
report.html         all of it on one page (pages/report.py)
.lock               which process trains in it (owner.py)
.stop               asks that process to save and end

A file that cannot be read is never removed or overwritten: it is set aside under another name, or
the command is refused.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gankit.data import Dataset
from gankit.data.layout import name_some
from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES, Task
from gankit.owner import LOCK, Owner, own
from gankit.pictures import Pixels, save_film, save_png
from gankit.settings.config import Config, differences, from_dict, to_dict
from gankit.storage import (
    FORMAT,
    append_line,
    check_format,
    checkpoint_files,
    list_folder,
    read_file,
    set_aside,
    sweep_parts,
    write_atomically,
)
from gankit.stored import StoredError, build, check_data, logged_numbers, read_json, read_lines
from gankit.text import from_home, visible
from gankit.trained.artifact import check_homes, homes
from gankit.version import __version__

LEFT_BY_A_KILL = ("samples", "checkpoints")
"""Folders that a run which was killed as it began may leave behind, empty, without a run.json."""
PICTURE, TEXT = re.compile(r"[0-9]{7,12}\.png"), re.compile(r"[0-9]{7,12}\.txt")
"""The patterns of names of pictures and of texts in samples/: the step."""


@dataclass(frozen=True)
class Plan:
    """The decisions at the start of a run, kept so that it can be repeated and resumed exactly.

    Attributes:
        steps: the length of the whole run; schedules are functions of it.
        threads: the number of CPU threads; results are equal to the bit only for the same number.
        seconds_per_step: as measured, or None if the budget needed no measurement.
    """

    steps: int
    threads: int
    seconds_per_step: float | None = None


@dataclass(frozen=True)
class Origin:
    """The trained run whose weights a run began with.

    Attributes:
        path: the run directory or artifact file, as it was given.
        step, digest: of its checkpoint or artifact.
        shares: for each player, the share of its weights that were taken, from 0 to 1.
        whole: the players that were taken whole: nothing is new, and no layer was left out.
    """

    path: str
    step: int
    digest: str
    shares: Mapping[str, float]
    whole: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return `78 % of the generator and all of the discriminator from runs/x at step 300`."""
        said = (f"{_share(share)} of the {player}" for player, share in self.shares.items())
        return f"{' and '.join(said)} from {visible(self.path)} at step {self.step:,}"


@dataclass(frozen=True)
class Briefing:
    """What a start says of its data.

    Attributes:
        lines: one for each thing a person should know, all of them (`gankit.training.briefing`).
        class_counts: how many examples each class has, in label order; empty without classes.
    """

    lines: tuple[str, ...]
    class_counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Record:
    """The content of run.json."""

    config: Config
    data: Mapping[str, Any]  # name, fingerprint, count, shape, class_names, condition
    plan: Plan
    networks: tuple[str, ...] = ()  # the names of the user's own two; empty: the family's networks
    init_from: Origin | None = None  # the run whose weights it began with; None: its own weights
    pretrained: Mapping[str, str] = field(default_factory=dict)  # `Game.pretrained`
    # For people: nothing compares it, and runs begun by earlier versions have none.
    briefing: Briefing | None = field(default=None, compare=False)
    reasons: tuple[str, ...] = field(default=(), compare=False)  # why it is trained like this

    @property
    def task(self) -> Task:
        """The task that the run learns."""
        return Task.stored(self.data)


def describe(dataset: Dataset) -> dict[str, Any]:
    """Return the entry of run.json on the data."""
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "count": len(dataset),
        **Task.of(dataset).to_store(),
    }


class Run:
    """A run directory. Nothing is created before `lock` and `begin`."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = folder = from_home(folder)
        self.record_path = folder / "run.json"
        self.metrics_path = folder / "metrics.jsonl"
        self.events_path = folder / "events.jsonl"
        self.samples = folder / "samples"
        self.checkpoints = folder / "checkpoints"
        self.artifact_path = folder / "model.safetensors"
        self.grid_path = folder / "grid.png"
        self.real_path = folder / "real.png"
        self.real_texts_path = folder / "real.txt"
        self.timeline_path = folder / "timeline.gif"
        self.report_path = folder / "report.html"

    def __repr__(self) -> str:
        return f"Run('{self.folder}')"

    def record(self) -> Record | None:
        """Return the content of run.json; None if no run has begun in this directory.

        Raises RunError if the directory is something else, damaged or of another version.
        """
        # os.path, which never raises: a folder above may be closed, which is said below
        if os.path.exists(self.folder) and not os.path.isdir(self.folder):  # noqa: PTH110, PTH112
            raise RunError(f"'{self.folder}' is a file: choose another folder", "folder")
        if not os.path.lexists(self.record_path) and self._is_unused():
            return None
        try:
            stored = read_json(self.record_path)
            check_format(stored.get("format"), f"the run '{self.folder}'")
            check_homes(stored, self.folder)
            family = FAMILIES[stored["config"]["family"]]
            config = from_dict(stored["config"], family.Options)
            check_data(stored["data"])
            Task.stored(stored["data"])  # or it is damaged
            plan = build(Plan, stored["plan"])
            if not (plan.steps and plan.threads):
                raise StoredError("a plan of no steps, or no threads")
            networks, origin = tuple(map(str, stored.get("networks", ()))), stored.get("init_from")
            begun = None if origin is None else build(Origin, origin)
            said = stored.get("briefing")
            briefing = None if said is None else build(Briefing, said)
            frozen = dict(stored.get("pretrained", {}))
            pretrained = {str(name): str(digest) for name, digest in frozen.items()}
            data = stored["data"]
            reasons = tuple(map(str, stored.get("reasons", ())))
            return Record(config, data, plan, networks, begun, pretrained, briefing, reasons)
        except ConfigError:  # a setting or family that this version does not know: no damage
            raise
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"'{self.record_path}' is damaged ({error})") from None

    def _is_unused(self) -> bool:
        """Whether no run has begun here; not if another start has begun one meanwhile.

        Raises RunError if the directory holds something else.
        """
        try:
            self._check_unused()
        except RunError:
            if not os.path.lexists(self.record_path):
                raise
            return False
        return True

    def _check_unused(self) -> None:
        """Raise RunError if the directory holds more than what a killed start leaves behind."""
        try:
            found = sorted(path.name for path in self.folder.iterdir() if not self._is_left(path))
        except FileNotFoundError:
            return
        except OSError as error:
            raise RunError(f"'{self.folder}' cannot be read: {error.strerror}") from None
        of_a_run = [n for n in found if n in (*LEFT_BY_A_KILL, *_OF_A_RUN)]
        if of_a_run:
            raise RunError(
                f"'{self.folder}' holds parts of a run ({', '.join(of_a_run)}) and no run.json, "
                "which says what run it is: bring run.json back from a copy, or choose another "
                "folder",
                "folder",
            )
        if others := [name for name in found if not _lies_beside(self.folder / name)]:
            raise RunError(
                f"'{self.folder}' holds no run, but {visible(others[0])}"
                f"{f' and {len(others) - 1} more' if others[1:] else ''}: choose another folder",
                "folder",
            )

    def _is_left(self, path: Path) -> bool:
        if path.name in LEFT_BY_A_KILL and path.is_dir():
            return not any(p for p in path.iterdir() if not p.name.endswith(".part"))
        return path.name == LOCK or path.name.startswith(f".{self.record_path.name}.")

    def check_resumable(
        self,
        record: Record,
        config: Config,
        data: Mapping[str, Any],
        networks: Sequence[str] = (),
        init_from: str | Path | None = None,
        pretrained: Mapping[str, str] | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        """Raise RunError, listing each difference, if `config` does not continue the run.

        Args:
            record: the content of run.json.
            config: the configuration asked for now.
            data: as returned by `describe`. The fingerprint decides whether it is the run's data,
                wherever it is stored now.
            networks: the names of the user's own networks; empty: the family's.
            init_from: the trained run to begin with; None if that is not said.
            pretrained: the digests of networks from elsewhere, by name (`Game.pretrained`); None if
                the game is not built yet.
            dataset: the data, of which files that are newer than the run are named.
        """
        self.check_origin(record.init_from, init_from)
        if record.networks and not networks:
            raise RunError(
                f"'{self.folder}' holds a run of your own networks ({', '.join(record.networks)}): "
                "give them again, gankit.fit(..., networks=(G, D))"
            )
        if networks and not record.networks:
            raise RunError(
                f"'{self.folder}' holds a run of the networks of '{record.config.family}': leave "
                "networks out, or choose another folder"
            )
        same_data = data["fingerprint"] == record.data["fingerprint"]
        found = differences(record.config, config, but=("data.source",) if same_data else ())
        if not same_data:
            before, after = record.data["count"], data["count"]
            found.append(
                f"the data itself: {before:,} examples in the run, {after:,} other ones now"
            )
            if dataset is not None:
                found[-1] += _why_other(dataset, self.record_path)
        if pretrained is not None and pretrained != record.pretrained:
            before, now = (_named(digests) for digests in (record.pretrained, pretrained))
            found.append(f"the weights of networks from elsewhere: {before} in the run, {now} now")
        if found:
            lines = "\n  ".join(found)
            raise RunError(
                f"'{self.folder}' holds a run with other settings: choose another folder, or go "
                f"back to its own\n  {lines}",
                "folder",
            )

    def check_origin(self, origin: Origin | None, asked: str | Path | None) -> None:
        """Raise RunError if a run is told to begin with other weights than it began with."""
        if asked is None or (origin is not None and _same_place(asked, origin.path)):
            return
        weights = "its own weights" if origin is None else f"the weights of '{origin.path}'"
        raise RunError(
            f"'{self.folder}' started with {weights}, not with those of '{asked}': leave "
            "init_from out to go on, or choose another folder",
            "init_from",
            "folder",
        )

    def begin(self, record: Record) -> None:
        """Create the directory if it is missing, and write run.json before any other file.

        A run.json that already says the same stays as it is. Raises RunError if it cannot be
        written.
        """
        content = {
            "format": FORMAT,
            "gankit": __version__,
            **homes(record.config),
            "config": to_dict(record.config),
            "data": dict(record.data),
            **({"briefing": asdict(record.briefing)} if record.briefing else {}),
            **({"reasons": record.reasons} if record.reasons else {}),
            "plan": asdict(record.plan),
            **({"networks": record.networks} if record.networks else {}),
            **({"init_from": asdict(record.init_from)} if record.init_from else {}),
            **({"pretrained": dict(record.pretrained)} if record.pretrained else {}),
        }
        with self.writing("the run"):
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self.record_path.exists() or self.record() != record:
                write_atomically(self.record_path, json.dumps(content, indent=2).encode())
            self.samples.mkdir(exist_ok=True)
            self.checkpoints.mkdir(exist_ok=True)

    @contextmanager
    def lock(self, say: Callable[[str], None] = lambda _: None) -> Iterator[Owner]:
        """Keep a second training process out of this directory.

        Even a kill releases the lock. Raises RunError if another process trains in the directory.
        """
        with self.writing("the lock"):
            self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with self.writing("the lock"):
                owner = stack.enter_context(own(self.folder, say))
            yield owner

    def sweep(self) -> None:
        """Remove the unfinished files of killed writers."""
        for folder in (self.folder, self.samples, self.checkpoints, self.folder / "scores"):
            sweep_parts(folder)
        with suppress(OSError):  # left by an evaluation during training
            (self.folder / ".evaluated.safetensors").unlink(missing_ok=True)

    def set_aside(self, path: Path, say: Callable[[str], None]) -> None:
        """Rename a file that cannot be read, so that it is not overwritten. Raises RunError."""
        with self.writing(f"a new name for {path.name}"):
            say(f"kept what cannot be read as {set_aside(path).name}")

    def steps_taken(self) -> int:
        """Return the furthest step that is known without reading a checkpoint's content.

        It is taken from the log, the events, and the names of pictures and checkpoints.
        """
        logged = [line["step"] for line in self.metrics()] + [e["step"] for e in self.events()]
        kept = list_folder(self.samples)
        pictures = [p for p in kept if p.match("[0-9]*.png") or p.match("[0-9]*.txt")]
        states = [p for p in list_folder(self.checkpoints) if p.match("*step-*.safetensors")]
        named = [re.findall(r"\d{1,18}", path.stem) for path in (*pictures, *states)]
        numbers = [max(map(int, found)) for found in named if found]
        counted = [n for n in (*logged, *numbers) if isinstance(n, int)]
        return max(counted, default=0)

    def log(self, numbers: Mapping[str, Any]) -> None:
        """Append one line to metrics.jsonl."""
        with self.writing("the log"):
            append_line(self.metrics_path, json.dumps(numbers))

    def trim_log(self, step: int) -> None:
        """Remove the log's lines of steps after `step`, which will be taken again, and a torn line.

        A line that is whole and cannot be read stays.
        """
        if not os.path.lexists(self.metrics_path):
            return
        content = read_file(self.metrics_path, "log")
        kept = [line for line in content.splitlines(keepends=True) if _stays(line, step)]
        if b"".join(kept) != content:
            with self.writing("the log"):
                write_atomically(self.metrics_path, b"".join(kept))

    def metrics(self) -> list[dict[str, Any]]:
        """Return every logged line: `step` and its numbers, None for each that is not finite.

        A line that a kill tore, or that is something else, is skipped. Raises RunError if the file
        cannot be read.
        """
        return [logged_numbers(line) for line in self._lines(self.metrics_path)]

    def note_event(self, event: str, step: int, **what: Any) -> None:
        """Append one line to events.jsonl, which is not trimmed as the log is."""
        with self.writing("an event"):
            append_line(self.events_path, json.dumps({"event": event, "step": step, **what}))

    def events(self) -> list[dict[str, Any]]:
        """Return every noted event: `event`, `step` and whatever else was noted.

        Lines are skipped, and errors raised, as by `metrics`.
        """
        lines = self._lines(self.events_path)
        return [line for line in lines if isinstance(line.get("event"), str)]

    def _lines(self, path: Path) -> list[dict[str, Any]]:
        try:
            return list(read_lines(path))
        except StoredError as error:
            raise RunError(f"'{path}' cannot be read: {error}") from None

    def pictures(self) -> list[Path]:
        """Return the paths of the run's pictures, by step; other files in samples/ are ignored.

        Raises RunError if samples/ cannot be listed.
        """
        return self._by_step(PICTURE)

    def texts(self) -> list[Path]:
        """Return the paths of the run's texts, by step. Raises as `pictures` does."""
        return self._by_step(TEXT)

    def _by_step(self, pattern: re.Pattern[str]) -> list[Path]:
        named = (p for p in list_folder(self.samples) if pattern.fullmatch(p.name))
        return sorted((p for p in named if p.is_file()), key=lambda path: int(path.stem))

    def write_picture(self, step: int, picture: Pixels) -> Path:
        """Write the picture of a step, and write it as grid.png too. Returns its path."""
        path = self.samples / f"{step:07d}.png"
        with self.writing("a picture"):
            for place in (path, self.grid_path):
                _save_picture(place, picture)
        return path

    def write_texts(self, step: int, texts: Sequence[str]) -> Path:
        """Write the texts of a step, one on each line, and return the file's path."""
        path = self.samples / f"{step:07d}.txt"
        with self.writing("a text"):
            write_atomically(path, _lines_of(texts))
        return path

    def write_real_texts(self, texts: Sequence[str]) -> None:
        """Write real texts as real.txt, one on each line."""
        with self.writing("a text"):
            write_atomically(self.real_texts_path, _lines_of(texts))

    def write_real(self, picture: Pixels) -> None:
        """Write the picture of real examples as real.png."""
        with self.writing("a picture"):
            _save_picture(self.real_path, picture)

    def write_timeline(self) -> list[str]:
        """Make a film of every picture so far.

        Returns the pictures that cannot be read, each with the reason.
        """
        try:
            frames = self.pictures()
        except RunError as error:
            return [f"every picture ({error})"]
        with self.writing("the film"):
            return save_film(self.timeline_path, frames) if frames else []

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Turn an OSError, such as of a full disk or a read-only folder, into a clear RunError."""
        try:
            yield
        except OSError as error:
            raise RunError(
                f"{what} cannot be written in '{self.folder}' ({error.strerror or error}): what "
                "was written before is intact; mend that and train again"
            ) from None


def checkpoints(run: Run) -> list[Path]:
    """Return every checkpoint file of a run, oldest first.

    Raises RunError if checkpoints/ cannot be listed.
    """
    return checkpoint_files(run.folder)


def _lines_of(texts: Sequence[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode(errors="replace")


def _save_picture(path: Path, picture: Pixels) -> None:
    """Write a PNG; a folder in its place is not gankit's, and is put aside. Raises OSError."""
    if path.is_dir():
        set_aside(path)
    save_png(path, picture)


def _share(share: float) -> str:
    """Return `all`, `none` or `62 %`; a part is never rounded up to all, nor down to none."""
    if share in (0.0, 1.0):
        return "all" if share else "none"
    return f"{min(99, max(1, round(100 * share)))} %"


def _same_place(a: str | Path, b: str | Path) -> bool:
    return str(a) == str(b) or real_path(a) == real_path(b)


def real_path(path: str | Path) -> Path:
    """Return the absolute path that a path leads to, whether it exists or not."""
    with suppress(RuntimeError):  # links in a circle
        return from_home(path).resolve()
    return Path(path)


def _why_other(dataset: Dataset, record: Path) -> str:
    """Say what may have changed in a data set since a run's record was written, or nothing."""
    began, newer = record.stat().st_mtime, []
    if isinstance(dataset.folder, Path):  # else they lie together in a file
        for name in dataset.files:
            with suppress(OSError):
                newer += [name] if (dataset.folder / name).stat().st_mtime > began else []
    lost = [f"{path} ({why})" for path, why in dataset.left_out.items()]
    told = (("newer than the run", newer), ("unreadable", lost))
    return "".join(f"; {what}: {name_some(names)}" for what, names in told if names)


def _named(digests: Mapping[str, str]) -> str:
    """Return a text such as `lite0 579344248a93`, or `none`."""
    return ", ".join(f"{name} {digest[:12]}" for name, digest in digests.items()) or "none"


def _lies_beside(path: Path) -> bool:
    """Return whether a file that gankit did not write may lie in a run directory: the log of a
    batch system, what a desktop leaves. Data may not: nobody could tell the two apart later."""
    if path.name.startswith("."):
        return True
    return path.is_file() and path.suffix.lower() in ("", ".log", ".txt", ".out", ".err")


_OF_A_RUN = (
    *("metrics.jsonl", "events.jsonl", "model.safetensors", "scores", "doctor.json"),
    *("grid.png", "real.png", "real.txt", "timeline.gif", "report.html", "evaluation.jsonl"),
)


def _stays(line: bytes, step: int) -> bool:
    """Return whether a line of the log is kept when later steps are taken again."""
    if not line.endswith(b"\n"):
        return False
    try:
        logged = json.loads(line)["step"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return True
    return not isinstance(logged, int) or logged <= step
