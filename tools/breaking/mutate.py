"""Files changed at random, and every reader of them: artifacts, checkpoints, settings, pictures.

What is right: the thing, or one line of GankitError; in bounded time and memory. Each case is a
process with a limit, in which so many mutants of one kind of file are read one after another.
"""

from __future__ import annotations

import io
import json
import math
import resource
import shutil
import signal
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tools.breaking.processes import command
from tools.breaking.rewrite import rewrite
from tools.breaking.runs import TINY, Bench, Case, expect

import gankit
from gankit.choose_recipe import configure
from gankit.data import load_configured
from gankit.errors import GankitError
from gankit.run import Run
from gankit.settings.text import settings_toml
from gankit.storage import read_tensors

MEMORY = 2 * 2**30
"""Bytes that a reader may take on top of what the process has; its files have some kilobytes."""
SECONDS = 60
"""For one mutant, on a slow machine; the readers need a tenth of a second."""
BATCH = {"artifact": 250, "checkpoint": 50, "picture": 250, "settings": 100, "archive": 250}
"""Mutants in a case; 25 where it is not said: where a whole command is the reader."""
CASES = {"artifact": 16, "checkpoint": 20, "picture": 8, "archive": 4, "settings": 10}
"""Cases of a kind; 10 where it is not said. More than 10,000 mutants in all."""
PICTURES = ("png", "jpg", "gif", "bmp", "tif", "webp")
Generator = np.random.Generator
Change = Callable[[Path, Generator], str]
Read = Callable[[Path], object]

EXTREME: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 1e308, -1e-308),
    *(math.nan, math.inf, -math.inf, "", "x" * 10_000, "\u202etxt", "\0", "\ud800", "../../x"),
    *([], {}, [[]], [0] * 10_000, {"": None}, 0.5, -0.5, 3, 1_000_000_000),
)


@dataclass(frozen=True)
class Kind:
    """A file that is changed, and who reads it.

    Attributes:
        make: puts what is needed into a folder; the file to change.
        change: changes it in place; what was done, in words.
        read: what is asked of it.
    """

    make: Callable[[Path, Path], Path]
    change: Change
    read: Read


def cases(bench: Bench, seed: int) -> Iterator[Case]:
    """So many processes for each kind of file."""
    for name in KINDS:
        for number in range(CASES.get(name, 10)):
            count = BATCH.get(name, 25)
            what = f"{name} {number}: {count} mutants of seed {seed}"
            yield Case(what, partial(batch, name, seed * 1000 + number, count, what))


def batch(name: str, seed: int, count: int, what: str, bench: Bench, folder: Path) -> None:
    """Read every mutant in one process; what it said of those that were not met with a line."""
    job = partial(read_mutants, name, seed, count, str(bench.whole().run), str(folder / "files"))
    result = bench.forks.start(job, (limit_memory,), folder).wait(PATIENCE)
    bad = [line for line in result.out.splitlines() if line.startswith("BAD ")]
    shown = " | ".join(line[4:] for line in bad[:4])
    expect(not bad, f"{what}: {len(bad)} of them: {shown}")
    expect(result.code == 0, f"{what}: the process ends well", result)


PATIENCE = 1800.0


def limit_memory() -> None:
    """For `prepare`: what a reader allocates above it fails."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def read_mutants(name: str, seed: int, count: int, run: str, folder: str) -> None:
    """A job: one mutant after another. A line for each that is met by anything but a line."""
    kind, given = KINDS[name], Path(folder)
    signal.signal(signal.SIGALRM, too_slow)
    for number in range(count):
        shutil.rmtree(given, ignore_errors=True)
        given.mkdir()
        rng = np.random.default_rng([seed, number])
        change = kind.change(kind.make(Path(run), given), rng)
        Path(f"{folder}.now").write_text(f"mutant {number}: {change}")
        signal.alarm(SECONDS)
        problem = met(partial(kind.read, given))
        signal.alarm(0)
        if problem:
            print(f"BAD mutant {number} ({change}): {problem}".replace("\n", " "))


def too_slow(*given: object) -> None:
    raise TimeoutError(f"over {SECONDS} s")


def met(read: Callable[[], object]) -> str | None:
    """What was wrong with how a reader met its file; None where it was right."""
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            read()
    except GankitError as error:
        length = len(str(error).strip())
        return None if 0 < length < 5000 else f"a message of {length} characters"
    except SystemExit as stop:
        return None if stop.code in (0, 2, None) else f"exit {stop.code}"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        return f"{type(error).__name__} at {place}: {str(error)[:200]}"
    return None


# Changes


def change_bytes(path: Path, rng: Generator) -> str:
    """Flip bits, cut, insert, or repeat: near the beginning as often as anywhere."""
    content = bytearray(path.read_bytes())
    size = len(content)
    end = size if rng.random() < 0.5 else min(size, 600)
    place = int(rng.integers(end))
    what = ("flip", "flips", "cut", "zeros", "insert", "length")[int(rng.integers(6))]
    if what == "flip":
        content[place] ^= 1 << int(rng.integers(8))
    elif what == "flips":
        for other in rng.integers(end, size=int(rng.integers(2, 20))):
            content[other] ^= 1 << int(rng.integers(8))
    elif what == "cut":
        del content[place:]
    elif what == "zeros":
        content[place : place + 16] = bytes(len(content[place : place + 16]))
    elif what == "insert":
        content[place:place] = rng.bytes(int(rng.integers(1, 64)))
    else:  # the first eight bytes of a tensor file are its header's length
        content[:8] = int(rng.choice([0, 1, 2**16, 2**31, 2**62])).to_bytes(8, "little")
    path.write_bytes(content)
    return f"{what} at byte {place}"


def change_tensor_file(kind: str) -> Change:
    """Bytes; or a value of the header, with a digest that is right for it, or the one it had."""

    def change(path: Path, rng: Generator) -> str:
        way = rng.random()
        if way < 0.4:
            return change_bytes(path, rng)
        tensors, header = read_tensors(path, kind)
        if way < 0.5:
            name = str(rng.choice(sorted(tensors)))
            old = tensors[name]
            changed = (old.flatten()[:0], old.half(), old.double(), old.flatten(), old[None] * 1e38)
            tensors[name] = changed[int(rng.integers(5))].contiguous()
            rewrite(path, kind, tensors)
            return f"tensor {name} as {tensors[name].dtype} {tuple(tensors[name].shape)}"
        changed_header, what = change_value(json.loads(json.dumps(header)), rng)
        if way < 0.85 and isinstance(changed_header, dict):
            with suppress(UnicodeEncodeError):
                rewrite(path, kind, header=changed_header)
                return f"{what}, sealed"
        put_header(path, changed_header)
        return f"{what}, not sealed"

    return change


def put_header(path: Path, header: Any) -> None:
    """Put gankit's header into a tensor file by hand."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    outer = json.loads(content[8 : 8 + length])
    outer["__metadata__"]["gankit"] = json.dumps(header)
    text = json.dumps(outer).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])


def change_json(path: Path, rng: Generator) -> str:
    """Bytes, or one value."""
    if rng.random() < 0.3:
        return change_bytes(path, rng)
    if rng.random() < 0.1:
        depth = int(rng.choice([500, 5_000, 50_000]))
        path.write_text("[" * depth + "]" * depth)
        return f"lists {depth} deep"
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    line = int(rng.integers(len(lines)))
    value, what = change_value(json.loads(lines[line]), rng)
    lines[line] = json.dumps(value)
    path.write_text("\n".join(lines) + "\n")
    return what


def change_value(value: Any, rng: Generator) -> tuple[Any, str]:
    """One value somewhere below becomes an extreme one, or goes."""
    places = list(places_in(value))
    place = places[int(rng.integers(len(places)))]
    new = EXTREME[int(rng.integers(len(EXTREME)))]
    if not place:
        return new, f"all of it {str(new)[:40]!r}"
    inner = value
    for key in place[:-1]:
        inner = inner[key]
    name = ".".join(map(str, place))
    if rng.random() < 0.15:
        del inner[place[-1]]
        return value, f"{name} gone"
    inner[place[-1]] = new
    return value, f"{name} = {str(new)[:40]!r}"


def places_in(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value below, and to the whole."""
    yield here
    keys = value if isinstance(value, dict) else range(len(value)) if type(value) is list else ()
    for key in list(keys):
        yield from places_in(value[key], (*here, key))


def change_toml(path: Path, rng: Generator) -> str:
    """Bytes, or one line's value."""
    if rng.random() < 0.2:
        return change_bytes(path, rng)
    values = (
        *("inf", "-inf", "nan", "-1", "0", "1e400", "1e-400", "9" * 40, "1000000000", "-0.0"),
        *("true", '""', "[]", "{}", '"none"', "[1, [2]]", '"' + "x" * 9999 + '"', "2000-01-01"),
        *("[" * 5000 + "]" * 5000, "1_0", "0x7fffffffffffffff", '"\\u202e"'),
    )
    lines = path.read_text().splitlines()
    settings = [i for i, line in enumerate(lines) if " = " in line]
    line = settings[int(rng.integers(len(settings)))]
    name, value = lines[line].split(" = ")[0], values[int(rng.integers(len(values)))]
    lines[line] = f"{name} = {value}"
    path.write_text("\n".join(lines))
    return f"{name} = {value[:40]}"


# What is changed, and who reads it


def copy_of(name: str) -> Callable[[Path, Path], Path]:
    """The whole run, of which the file `name` is changed."""

    def make(run: Path, folder: Path) -> Path:
        shutil.copytree(run, folder / "run")
        found = sorted((folder / "run").glob(name))
        return found[-1]

    return make


def make_artifact(run: Path, folder: Path) -> Path:
    return Path(shutil.copy(run / "model.safetensors", folder / "model.safetensors"))


def make_settings(run: Path, folder: Path) -> Path:
    path = folder / "settings.toml"
    path.write_text(settings_toml(configure("gan", "toy:ring8")))
    return path


def make_pictures(run: Path, folder: Path) -> Path:
    """Three good pictures, and one that is changed."""
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 256, (24, 24, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return max(folder.iterdir())


def change_picture(path: Path, rng: Generator) -> str:
    """One of each format in turn, as the generator has it."""
    suffix = PICTURES[int(rng.integers(6))]
    with Image.open(path) as picture:
        picture.load()
        changed = path.with_suffix(f".{suffix}")
        picture.save(changed)
    if changed != path:
        path.unlink()
    if suffix == "png" and rng.random() < 0.5:  # a size that its pixels do not have
        content = bytearray(changed.read_bytes())
        place = 16 + int(rng.integers(8))
        content[place] ^= 1 << int(rng.integers(8))
        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
        changed.write_bytes(content)
        return f"png, header byte {place}, sealed"
    return f"{suffix}, {change_bytes(changed, rng)}"


def make_archive(run: Path, folder: Path) -> Path:
    rng = np.random.default_rng(0)
    path = folder / "images.npz"
    np.savez(path, images=rng.integers(0, 256, (12, 16, 16), np.uint8), labels=np.arange(12) % 3)
    return path


def load_artifact(folder: Path) -> None:
    gankit.load(folder / "model.safetensors").sample(2)


def load_images(folder: Path) -> None:
    found = sorted(folder.glob("*.npz"))
    data = load_configured(configure("dcgan", str(found[0] if found else folder)).data)
    data.read(np.arange(len(data)))


def dry_run(folder: Path) -> None:
    command("train", "--config", folder / "settings.toml", "--dry-run")


def go_on(folder: Path) -> None:
    """Read what can be read at no cost; where that holds, let the whole command go on."""
    newest = max((folder / "run/checkpoints").glob("step-*"))
    read_tensors(newest, "checkpoint")
    command(*TINY, "--out", folder / "run")


def read_record(folder: Path) -> None:
    Run(folder / "run").record()
    command("report", folder / "run")
    command(*TINY, "--out", folder / "run")


def read_run(folder: Path) -> None:
    for reader in ("doctor", "report"):
        with suppress(SystemExit):
            command(reader, folder / "run")
    command(*TINY, "--out", folder / "run")


KINDS = {
    "artifact": Kind(make_artifact, change_tensor_file("artifact"), load_artifact),
    "checkpoint": Kind(copy_of("checkpoints/step-*"), change_tensor_file("checkpoint"), go_on),
    "record": Kind(copy_of("run.json"), change_json, read_record),
    "log": Kind(copy_of("metrics.jsonl"), change_json, read_run),
    "settings": Kind(make_settings, change_toml, dry_run),
    "sample": Kind(copy_of("samples/*.png"), change_bytes, read_run),
    "picture": Kind(make_pictures, change_picture, load_images),
    "archive": Kind(make_archive, change_bytes, load_images),
}
