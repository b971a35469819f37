"""The tiny run that is broken, what it comes to undisturbed, and whether another came to that."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tools.breaking.hooks import SignalWhen, WriteDown, watched
from tools.breaking.operations import Operation
from tools.breaking.processes import Call, Child, Forks, Result, command

from gankit.errors import GankitError
from gankit.storage import read_tensors

STEPS = 6
NARROW = (
    *("--batch", "8", "--threads", "1", "--device", "cpu"),
    *("--set", "network.generator_hidden=16", "--set", "network.discriminator_hidden=8"),
)
OFTEN = ("--sample-every", "2", "--checkpoint-every", "2", "--set", "output.log_every=1")
TINY = ("train", "gan", "toy:ring8", "--steps", str(STEPS), *NARROW, *OFTEN)

PASSING = ("seconds", "images_per_second")
"""What a log line says of the machine, and not of the game."""


class Fault(AssertionError):  # noqa: N818 - it is what is looked for
    """gankit did something that it must never do."""


class Lost(Fault):
    """And work that was done is gone."""


@dataclass(frozen=True)
class Case:
    """One way to break a run. `check` gets a new folder for itself, and raises Fault."""

    name: str
    check: Callable[[Bench, Path], None]

    def __str__(self) -> str:
        return self.name


class Bench:
    """Where cases are tried: the processes, a scratch folder, what was undisturbed."""

    def __init__(self, scratch: Path, forks: Forks) -> None:
        self.scratch, self.forks = scratch, forks
        self._count, self._kept, self._lock = 0, {}, threading.RLock()

    def try_out(self, case: Case) -> None:
        """Check one case in a folder of its own, which goes when the case held."""
        folder = self.new_folder()
        case.check(self, folder)
        shutil.rmtree(folder)

    def new_folder(self) -> Path:
        with self._lock:
            self._count += 1
            folder = self.scratch / f"case-{self._count:05d}"
        folder.mkdir()
        return folder

    def start(self, *arguments: object, prepare: tuple[Call, ...] = (), inside: Path) -> Child:
        """The `gankit` command in a process of its own, inside a folder."""
        return self.forks.start(partial(command, *arguments), prepare, inside)

    def gankit(self, *arguments: object, prepare: tuple[Call, ...] = (), inside: Path) -> Result:
        """The same, to its end."""
        return self.start(*arguments, prepare=prepare, inside=inside).wait()

    def train(self, run: Path, *prepare: Call, command: tuple[str, ...] = TINY) -> Result:
        """The training command, into `run`."""
        return self.gankit(*command, "--out", run, prepare=prepare, inside=run.parent)

    def kept(self, name: object, make: Callable[[Path], Any]) -> Any:
        """What `make(folder)` gave the first time."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make(self.new_folder())
            return self._kept[name]

    def whole(self, command: tuple[str, ...] = TINY) -> Whole:
        """The undisturbed run of a command."""

        def make(folder: Path) -> Whole:
            seen, run = WriteDown(folder / "operations"), folder / "run"
            began = time.monotonic()
            result = self.train(run, watched(run, seen), command=command)
            expect(result.code == 0, "the undisturbed run ends well", result)
            return Whole(run, contents(run), seen.read(), time.monotonic() - began)

        return self.kept(("whole", command), make)

    def unfinished(self) -> Path:
        """The tiny run, killed between its last checkpoint but one and its last: not to be
        touched, only copied."""

        def make(folder: Path) -> Path:
            run = folder / "run"
            kill = SignalWhen("write", "metrics.jsonl", STEPS - 1)
            expect(self.train(run, watched(run, kill)).code == -9, "the kill lands")
            return run

        return self.kept("unfinished", make)

    def operations_of_resuming(self) -> list[Operation]:
        """The file operations of the call that finishes the unfinished run."""

        def make(folder: Path) -> list[Operation]:
            run, seen = self.copy(self.unfinished(), folder), WriteDown(folder / "operations")
            self.train(run, watched(run, seen))
            return seen.read()

        return self.kept("resuming", make)

    def copy(self, run: Path, folder: Path) -> Path:
        """A copy of a run, in a case's folder."""
        target = folder / "run"
        shutil.copytree(run, target, symlinks=True)
        return target


@dataclass(frozen=True)
class Whole:
    """An undisturbed run: where it is, what is in it, the file operations and seconds it took."""

    run: Path
    contents: dict[str, Any]
    operations: list[Operation]
    seconds: float


def contents(run: Path) -> dict[str, Any]:
    """What a run has come to, without what it says of the clock."""
    newest = max(run.glob("checkpoints/step-[0-9]*.safetensors"), default=None)
    pictures = {f"picture {p.name}": _hash(p) for p in sorted(run.glob("samples/*.png"))}
    report = run / "report.html"
    return {
        "newest checkpoint": newest and newest.name,
        "state": tensors_in(newest, "checkpoint"),
        "artifact": tensors_in(run / "model.safetensors", "artifact"),
        "log": log_of(run),
        **pictures,
        "grid": _hash(run / "grid.png"),
        "film": _hash(run / "timeline.gif"),
        "report": report.is_file() and report.read_text().rstrip().endswith("</html>"),
        "leftovers": sorted(p.name for p in run.rglob("*.part")),
    }


def differences(run: Path, whole: Whole, besides: tuple[str, ...] = ()) -> list[str]:
    """What is not as in the undisturbed run, but for entries that begin with one of `besides`."""
    found, wanted = contents(run), whole.contents
    return [
        f"{name} differs: {_short(found.get(name))}, not {_short(wanted.get(name))}"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name) and not name.startswith(besides or "\0")
    ]


def complete(
    bench: Bench,
    run: Path,
    what: str,
    command: tuple[str, ...] = TINY,
    besides: tuple[str, ...] = (),
) -> None:
    """The same command again must end well, with everything as in an undisturbed run."""
    worked = taken(run)
    again = bench.train(run, command=command)
    expect(again.code == 0, f"{what}: the same command again ends well", again, lost=worked)
    different = differences(run, bench.whole(command), besides)
    lost = any(d.startswith(("newest", "state", "artifact")) for d in different)
    expect(not different, f"{what}: then {'; '.join(different)}", lost=lost)


def expect(holds: bool, what: str, result: Result | None = None, lost: bool = False) -> None:
    """Raise Fault (or Lost) with `what`, and how the process ended, where this does not hold."""
    __tracebackhide__ = True  # pytest shows the line that expected it
    if not holds:
        said = "" if result is None else f": exit {result.code}, {_last_line(result)}"
        raise (Lost if lost else Fault)(f"{what}{said}")


def one_line(result: Result, what: str, codes: tuple[int, ...] = (0, 2)) -> None:
    """It must end with one of these codes, without a traceback, and a refusal must say why."""
    expect(result.code in codes, f"{what}: exit code {' or '.join(map(str, codes))}", result)
    expect("Traceback" not in result.text, f"{what}: no traceback", result)
    if result.code == 2:
        said = [line for line in result.err.splitlines() if line.startswith("gankit: ")]
        expect(len(said) == 1, f"{what}: one line says why", result)


def tensors_in(path: Path | None, kind: str) -> str | None:
    """A digest of the tensors of a file; None where there are none that can be read."""
    try:
        tensors = {} if path is None else read_tensors(path, kind)[0]
    except GankitError:
        return None
    total = hashlib.blake2b(digest_size=8)
    for name in sorted(tensors):
        total.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)};".encode())
        total.update(tensors[name].contiguous().numpy().tobytes())
    return total.hexdigest() if tensors else None


def log_of(run: Path) -> list[Any]:
    """The log's lines without what they say of the machine; an unreadable one as it is."""
    path = run / "metrics.jsonl"
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return [_without_clock(line) for line in lines]


def files_of(run: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder."""
    return {str(p.relative_to(run)): p.read_bytes() for p in _files(run)}


def taken(run: Path) -> bool:
    """Whether the files of a run say that steps were taken."""
    return bool(log_of(run)) or any(
        not p.name.startswith("step-00000000") for p in run.glob("checkpoints/step-*")
    )


def started_again(operations: list[Operation]) -> bool:
    """Whether a process wrote the checkpoint of step 0, so began at the beginning."""
    return any("step-00000000" in o.path and o.name == "open" for o in operations)


def _files(run: Path) -> Iterator[Path]:
    return (p for p in sorted(run.rglob("*")) if p.is_file() and not p.is_symlink())


def _without_clock(line: str) -> Any:
    try:
        return {k: v for k, v in json.loads(line).items() if k not in PASSING}
    except (ValueError, AttributeError):
        return line


def _hash(path: Path) -> str | None:
    if not path.is_file():
        return None
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()


def _short(value: Any) -> str:
    if isinstance(value, list):
        steps = [line.get("step") if isinstance(line, dict) else line for line in value]
        return f"{len(value)} of {steps}"
    return str(value)


def _last_line(result: Result) -> str:
    said = [line for line in result.text.splitlines() if line.strip()]
    return repr(said[-1][:300]) if said else "without a word"
