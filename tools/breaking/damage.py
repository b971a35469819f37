"""Every file of a finished and of an unfinished run damaged; then every command that reads it.

What is right: the damage is mended exactly, or refused with one line; a run with steps behind it
never begins again by itself; and what could not be read is still there afterwards.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from tools.breaking.hooks import Fail, WriteDown, watched
from tools.breaking.operations import Hook
from tools.breaking.processes import Call, command
from tools.breaking.runs import (
    NARROW,
    OFTEN,
    STEPS,
    Bench,
    Case,
    complete,
    differences,
    expect,
    files_of,
    one_line,
    started_again,
)

Harm = Callable[[Bench, Path], None]
OTHER = ("train", "gan", "toy:ring8", "--steps", str(STEPS), "--seed", "7", *NARROW, *OFTEN)
"""The same settings with another seed: its files fit, and are not this run's."""
SOURCES = ("run.json", "metrics.jsonl", "events.jsonl", "checkpoints")
"""What a run cannot make again: never to be lost. All else is drawn from these."""
READERS = (
    ("doctor",),
    ("report",),
    ("sample", "-n", "4", "-o", "samples.npz"),
    ("evaluate", "-n", "64", "--draws", "1"),
)


PICTURES = ("samples", "grid.png", "timeline.gif", "report.html")
"""For people to look at: nothing that ails them may end a training."""


@dataclass(frozen=True)
class Damage:
    """One harm to one run.

    Attributes:
        base: the run, of which a copy is harmed.
        target: the file or files that are harmed, as a pattern.
        harm: what befalls them, in words.
        do: does it; None where only opening them fails, with `error`.
    """

    base: Path
    target: str
    harm: str
    do: Harm | None = None
    error: int | None = None

    def __str__(self) -> str:
        state = "finished" if (self.base / "report.html").exists() else "unfinished"
        return f"{state}: {self.target} {self.harm}"

    @property
    def codes(self) -> tuple[int, ...]:
        """How `train` may end: a picture that cannot be read is no reason not to."""
        in_the_way = self.error is not None or self.harm == "a folder"
        return (0,) if self.target.startswith(PICTURES) and not in_the_way else (0, 2)

    @property
    def unmendable(self) -> tuple[str, ...]:
        """Entries of `contents` that may differ: nobody can know a past picture or number, nor
        that a picture which is there was changed."""
        if self.target == ".":
            return ("picture", "film")
        if self.target.startswith("samples"):
            own = f"picture {Path(self.target).name}".removesuffix(" samples")
            return (own, "picture 0000003.png", "film", "grid")
        if self.target.startswith("metrics.jsonl"):
            return ("log",)
        if (self.target, self.harm) == ("report.html", "a folder"):
            return ("report",)  # a page is no reason not to train: it is said in one line
        gone = self.harm in ("removed", "emptied", "a link to nowhere")
        return (
            () if gone else {"grid.png": ("grid",), "timeline.gif": ("film",)}.get(self.target, ())
        )

    def check(self, bench: Bench, folder: Path) -> None:
        """Harm a copy, read it with every command, train on, put the harm right, train on."""
        run = bench.copy(self.base, folder)
        if self.do is not None:
            self.do(bench, run)
        before, seen = files_of(run), WriteDown(folder / "operations")
        hooks: list[Hook] = [seen]
        if self.error is not None:
            hooks.append(Fail(self.error, names=("read", "open", "list"), pattern=self.target))
        readers(bench, run, watched(run, *hooks), str(self))
        self.expect_kept(before, run)

        seen.path.unlink(missing_ok=True)
        result = bench.train(run, watched(run, *hooks))
        one_line(result, f"{self}: train", self.codes)
        again = started_again(seen.read())
        expect(not again, f"{self}: train begins again at step 0", result, lost=True)
        self.expect_kept(before, run)
        if result.code == 2:
            self.put_right(run)
            complete(bench, run, f"{self}, refused, put right")
            return
        different = differences(run, bench.whole(), self.unmendable)
        lost = any(d.startswith(("newest", "state", "artifact", "log")) for d in different)
        expect(not different, f"{self}: exit 0, but {'; '.join(different)}", result, lost=lost)

    def expect_kept(self, before: dict[str, bytes], run: Path) -> None:
        """What could not be read is still there: under its own name, or under another one."""
        after = files_of(run)
        there, newest = set(after.values()), max(p for p in (*before, "") if "step-" in p or not p)
        for path, content in before.items():
            if not path.startswith(SOURCES) or not fnmatch(path, self.target.rstrip("*.") + "*"):
                continue
            if "step-" in path and "*" not in self.target and path < newest:
                continue  # an older one, which goes in its turn
            same = after.get(path) == content or content in there
            if path.endswith(".jsonl"):  # it grows; its whole lines must stay
                lines = [line for line in content.splitlines() if line.startswith(b"{")]
                same = path in after and len(after[path].splitlines()) >= len(lines) - 1
            expect(same, f"{self}: {path} is gone or overwritten", lost=True)

    def put_right(self, run: Path) -> None:
        """Undo the harm, as a person with a backup would."""
        for path in sorted(self.base.rglob("*")):
            name = str(path.relative_to(self.base))
            target = run / name
            if not fnmatch(name, self.target.rstrip(".") + "*") or self.do is None:
                continue
            if target.is_symlink() or target.is_dir() != path.is_dir():
                remove(target)
            if path.is_dir():
                target.mkdir(exist_ok=True)
            else:
                shutil.copyfile(path, target)


def cases(bench: Bench) -> Iterator[Case]:
    """Each harm to each file, alone; then the harms to several at once."""
    for damage in damages(bench):
        yield Case(str(damage), damage.check)


def damages(bench: Bench) -> Iterator[Damage]:
    """All of them."""
    for base in (bench.unfinished(), bench.whole().run):
        for path in sorted(p for p in base.rglob("*") if p.is_file() and p.name != ".lock"):
            name = str(path.relative_to(base))
            for harm, do in harms(path).items():
                yield Damage(base, name, harm, partial(do, name))
        for target, harm, do in together():
            yield Damage(base, target, harm, do)
        files = (str(p.relative_to(base)) for p in sorted(base.rglob("*")) if p.name != ".lock")
        for target in (*files, ".", "checkpoints/step-*"):
            for error in (errno.EACCES, errno.EIO):
                yield Damage(base, target, f"cannot be read: {os.strerror(error)}", error=error)


def readers(bench: Bench, run: Path, prepare: Call, name: str) -> None:
    """Every command that reads a run says what it can, or one line."""
    result = bench.forks.start(partial(read_all, str(run)), (prepare,), run.parent).wait()
    expect(result.code == 0 and "Traceback" not in result.text, f"{name}: read", result)


def read_all(run: str) -> None:
    """The job: each reader in turn; the first that ends in any other way ends this."""
    import gankit

    for reader, *options in READERS:
        try:
            command(reader, run, *options)
        except SystemExit as stop:
            if stop.code not in (0, 2, None):
                sys.exit(f"Traceback: none, but `{reader}` ended with {stop.code}")
        except BaseException as error:
            traceback.print_exc()
            sys.exit(f"`{reader}`: {type(error).__name__}: {error}")
    with suppress(gankit.GankitError):
        gankit.load(run).sample(2)


def harms(path: Path) -> dict[str, Callable[[str, Bench, Path], None]]:
    """What may befall this one file."""
    size = path.stat().st_size
    places = sorted({0, 7, 8, 9, 40, size // 3, size // 2, size - 2})
    flips = {f"bit flipped at byte {p}": partial(flip, p) for p in places if 0 <= p < size}
    other = {} if path.suffix in (".html", ".gif") else {"of another run": foreign}
    return {
        "removed": lambda name, bench, run: remove(run / name),
        "emptied": empty,
        "cut in half": cut,
        "without its last byte": shorten,
        "a folder": as_folder,
        "a link to nowhere": as_link,
        **other,
        **flips,
    }


def together() -> Iterator[tuple[str, str, Harm]]:
    """Harms to more than one file: which, in words, and what does it."""
    for words, harm in {
        "all with one flipped bit": partial(flip, -9),
        "all emptied": empty,
        "all of another format version": newer_format,
        "all of another run": foreign,
        "all removed": lambda name, bench, run: remove(run / name),
    }.items():
        yield "checkpoints/*", words, each_checkpoint(harm)
    for several in (
        ("checkpoints",),
        ("checkpoints", "metrics.jsonl"),
        ("checkpoints", "model.safetensors"),
        ("checkpoints", "run.json"),
        ("run.json", "metrics.jsonl"),
    ):
        yield "*", f"without {' and '.join(several)}", without(*several)
    yield "samples/0000002 (1).png", "among the pictures, and an empty one", odd_picture
    yield "checkpoints/step-last.safetensors", "among the checkpoints", odd_checkpoint


def each_checkpoint(harm: Callable[[str, Bench, Path], object]) -> Harm:
    def every(bench: Bench, run: Path) -> None:
        for path in sorted(run.glob("checkpoints/step-*")):
            harm(str(path.relative_to(run)), bench, run)

    return every


def without(*names: str) -> Harm:
    def gone(bench: Bench, run: Path) -> None:
        for name in names:
            remove(run / name)

    return gone


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def empty(name: str, bench: Bench, run: Path) -> None:
    (run / name).write_bytes(b"")


def cut(name: str, bench: Bench, run: Path) -> None:
    content = (run / name).read_bytes()
    (run / name).write_bytes(content[: len(content) // 2])


def shorten(name: str, bench: Bench, run: Path) -> None:
    (run / name).write_bytes((run / name).read_bytes()[:-1])


def as_folder(name: str, bench: Bench, run: Path) -> None:
    (run / name).unlink()
    (run / name).mkdir()


def as_link(name: str, bench: Bench, run: Path) -> None:
    (run / name).unlink()
    (run / name).symlink_to("nowhere")


def flip(place: int, name: str, bench: Bench, run: Path) -> None:
    content = bytearray((run / name).read_bytes())
    content[place] ^= 0x10
    (run / name).write_bytes(content)


def foreign(name: str, bench: Bench, run: Path) -> None:
    """The same file of a run with the same settings and another seed."""
    other = bench.whole(OTHER).run / name
    if not other.exists():  # a checkpoint that the finished run has dropped
        other = max(other.parent.glob("step-*"))
    shutil.copyfile(other, run / name)


def newer_format(name: str, bench: Bench, run: Path) -> None:
    content = (run / name).read_bytes()
    assert b'\\"format\\": 1' in content
    (run / name).write_bytes(content.replace(b'\\"format\\": 1', b'\\"format\\": 9'))


def odd_checkpoint(bench: Bench, run: Path) -> None:
    (run / "checkpoints/step-last.safetensors").write_bytes(b"mine")


def odd_picture(bench: Bench, run: Path) -> None:
    shutil.copyfile(run / "samples/0000002.png", run / "samples/0000002 (1).png")
    (run / "samples/0000003.png").write_bytes(b"")
