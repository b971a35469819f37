"""Whether reading a folder of photographs keeps up with the step that eats them.

    python benchmarks/data_loading.py [--count 20000] [--side 1000] [--size 64] [--rounds 5]

A folder of JPEG is made of noise at several scales, which is as heavy to decode as photographs are,
and then read as `gankit train` reads it. Measured are, in turns (A B A B ...) so that a noisy
machine disturbs all alike: decoding a picture with and without Pillow's `draft`, which decodes a
JPEG at a fraction of its size; a batch from memory; a batch that is decoded as it is needed; and a
step of `dcgan`. Then the whole folder is read once, as a start does whose pictures fit in memory,
in a process of its own that tells how much memory it took.

One line of JSON is printed: medians with the smallest and the largest value, in milliseconds for a
picture; what the machine is; what it ran.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import Image

import gankit
from gankit.data.batches import Feed
from gankit.data.images import resized
from gankit.data.opening import quiet_decoding
from gankit.settings.config import override
from gankit.training.state import build_game
from gankit.training.trainer import Trainer
from telling import machine, output, spread

SHAPES = 64
"""How many pictures are drawn; the others are these, with other bytes at their end."""
IN_A_FOLDER = 1000


def make(folder: Path, count: int, side: int) -> int:
    """Write `count` JPEG of `side` pixels; return the bytes of one, on average."""
    rng = np.random.default_rng(0)
    total, drawn = 0, []
    for i in range(count):
        if i < SHAPES:
            picture = np.zeros((side, side, 3), np.float32)
            for scale in (4, 16, 64, 256):
                coarse = rng.normal(size=(scale, scale, 3)) * 40 / scale**0.3
                layer = Image.fromarray((coarse + 128).clip(0, 255).astype(np.uint8))
                picture += np.asarray(layer.resize((side, side), Image.Resampling.BICUBIC)) - 128.0
            pixels = (picture + 128).clip(0, 255).astype(np.uint8)
            place = folder / f"drawn-{i}.jpg"
            Image.fromarray(pixels).save(place, quality=88)
            drawn.append(place.read_bytes())
            place.unlink()
        place = folder / f"{i // IN_A_FOLDER:03d}"
        place.mkdir(exist_ok=True)
        content = drawn[i % SHAPES] + i.to_bytes(4, "big")
        (place / f"{i}.jpg").write_bytes(content)
        total += len(content)
    return total // count


def read_all(folder: str, size: int) -> None:
    """Read the folder as a start does, and print the seconds and the megabytes that it took."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    dataset = gankit.load_dataset(folder, size=size)
    seconds = time.perf_counter() - started
    took = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    held = len(dataset) * int(np.prod(dataset.shape))
    print(json.dumps({"seconds": seconds, "took_mb": took / 1024, "pictures_mb": held / 2**20}))


def whole_decode(path: Path, size: int) -> None:
    """Decode a picture at its full size, and shrink it."""
    with Image.open(path) as image:
        resized(image.convert("RGB"), (size, size), "crop")


def timed(action: Callable[[int], int], round_: int) -> float:
    """Return the milliseconds for each picture of an action, which returns how many it read."""
    started = time.perf_counter()
    count = action(round_)
    return (time.perf_counter() - started) * 1000 / count


def measure(folder: Path, size: int, batch: int, rounds: int) -> dict[str, list[float]]:
    """Return milliseconds for a picture, one number a round, by what was done."""
    options = {"training.batch": batch, "training.steps": 10**6, "runtime.device": "cpu"}
    config = override(gankit.configure("dcgan", str(folder)), options)
    on_disk = gankit.load_dataset(folder, size=size, memory_gb=0)
    pixels = np.random.default_rng(0).integers(0, 256, (2048, 3, size, size), np.uint8)
    in_memory = gankit.Dataset.of(pixels)
    paths = [on_disk.folder / name for name in on_disk.files]  # type: ignore[operator]
    some = np.random.default_rng(1).permutation(len(paths))[: rounds * batch]
    held, decoded = Feed(in_memory, seed=0, batch=batch), Feed(on_disk, seed=0, batch=batch)

    def chosen(round_: int) -> np.ndarray:
        return some[round_ * batch : (round_ + 1) * batch]

    def drafted(round_: int) -> int:
        return len(on_disk.read(chosen(round_)))

    def whole(round_: int) -> int:
        with quiet_decoding():
            for index in chosen(round_):
                whole_decode(paths[index], size)
        return batch

    with Trainer(build_game(config, in_memory), in_memory) as trainer:

        def step(_: int) -> int:
            trainer.step()
            return batch

        actions: dict[str, Callable[[int], int]] = {
            "decode with draft": drafted,
            "decode without draft": whole,
            "batch from memory": lambda i: len(held.at(i)[0]),
            "batch from disk": lambda i: len(decoded.at(i)[0]),
            "step of dcgan": step,
        }
        step(0)
        found: dict[str, list[float]] = {name: [] for name in actions}
        for round_ in range(rounds):
            for name, action in actions.items():
                found[name].append(timed(action, round_))
    held.close()
    decoded.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=1000, help="pixels of a JPEG")
    parser.add_argument("--size", type=int, default=64, help="pixels that are trained on")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--read", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read_all(arguments.read, arguments.size)
        return
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bytes_each = make(folder, arguments.count, arguments.side)
        found = measure(folder, arguments.size, arguments.batch, arguments.rounds)
        command = [sys.executable, __file__, "--read", name, "--size", str(arguments.size)]
        told = output(command)
        start = json.loads(told.splitlines()[-1])
    ms = {name: spread(values) for name, values in found.items()}
    ratios = [a / b for a, b in zip(found["batch from disk"], found["step of dcgan"], strict=True)]
    line = {
        "benchmark": "data_loading",
        "pictures": arguments.count,
        "side": arguments.side,
        "bytes_each": bytes_each,
        "size": arguments.size,
        "batch": arguments.batch,
        "rounds": arguments.rounds,
        "ms_for_a_picture": ms,
        "batch_from_disk_in_steps": spread(ratios),
        "start": {key: round(value, 2) for key, value in start.items()},
        "pillow": PIL.__version__,
    }
    print(json.dumps(line | machine(arguments.threads)))


if __name__ == "__main__":
    main()
