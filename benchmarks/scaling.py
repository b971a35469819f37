"""How the cost of a training step and its memory grow: size, batch, width, images, processes.

    python benchmarks/scaling.py [--seconds 1] [--rounds 3] [--points size,batch]

One thing is changed at a time from a small `dcgan` on colour images of noise. Each point has a
process of its own, since a process's peak of memory never falls. `images` are held in memory, and
then read from a folder of JPEG while training (`data.memory_gb = 0`): that memory should not grow
with their number. `processes` share each batch, and are started as `gankit train --devices` does.

One line of JSON is printed. `ms` is of a step: the process's own time on one thread of a processor,
which other programs on the machine hardly prolong; for `processes`, by the clock. `peak_mb` is the
most memory that the process held, torch and all, and `grown_mb` what of it came after the imports.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import gankit
from telling import machine, output, spread

BASE: dict[str, Any] = {"size": 32, "batch": 16, "width": 16, "images": 1000}
POINTS: dict[str, tuple[Any, ...]] = {
    "size": (16, 32, 64, 128),
    "batch": (8, 16, 32, 64),
    "width": (8, 16, 32, 64),
    "images": (1000, 4000, 16000),
    "images_on_disk": (1000, 4000, 16000),
    "processes": (1, 2),
}
PROCESS_STEPS = 40
"""The steps of a run of several processes; the first half is not counted."""


def pictures(count: int, size: int) -> np.ndarray:
    """Return noise, uint8 [count, size, size, 3]."""
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


def changes(point: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a point."""
    return {
        "network.generator_width": point["width"],
        "network.discriminator_width": point["width"],
        "network.generator_units": 0,
        "network.discriminator_units": 0,
        "training.batch": point["batch"],
        "training.minutes": None,
        "training.steps": 10**6,
        "runtime.device": "cpu",
        "runtime.threads": 1,
        "runtime.workers": 0,
    }


def peak_mb() -> float:
    """Return the most memory that this process has held so far, in 2^20 bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024 if sys.platform != "darwin" else most / 2**20


def measure(point: dict[str, Any], rounds: int, seconds: float) -> dict[str, Any]:
    """Return the cost of a step at a point, in this process."""
    torch.set_num_threads(1)
    if "folder" in point:
        dataset = gankit.load_dataset(point["folder"], memory_gb=0, holdout=0)
        imports = peak_mb()
    else:
        imports = peak_mb()
        dataset = gankit.Dataset.of(pictures(point["images"], point["size"]))
    config = gankit.override(gankit.configure("dcgan", dataset, "dcgan-fast"), changes(point))
    turns = []
    with gankit.Trainer(gankit.build_game(config, dataset), dataset) as trainer:
        trainer.step()
        for _ in range(rounds):
            started, count = time.process_time(), 0
            while count == 0 or time.process_time() - started < seconds / rounds:
                trainer.step()
                count += 1
            turns.append(1000 * (time.process_time() - started) / count)
    peak = peak_mb()
    return {"ms": spread(turns, 1), "peak_mb": round(peak), "grown_mb": round(peak - imports)}


def in_own_process(point: dict[str, Any], asked: argparse.Namespace) -> dict[str, Any]:
    """Measure a point in a process of its own."""
    command = [sys.executable, __file__, "--point", json.dumps(point)]
    command += ["--rounds", str(asked.rounds), "--seconds", str(asked.seconds)]
    found: dict[str, Any] = json.loads(output(command).splitlines()[-1])
    return found


def on_disk(count: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Measure the base with so many images in a folder, decoded as they are needed."""
    with tempfile.TemporaryDirectory() as name:
        for i, picture in enumerate(pictures(count, BASE["size"])):
            Image.fromarray(picture).save(Path(name) / f"{i}.jpg")
        return in_own_process({**BASE, "folder": name}, asked)


def by_processes(count: int) -> dict[str, Any]:
    """Return what a step takes by the clock if so many processes share a batch."""
    with tempfile.TemporaryDirectory() as name:
        np.savez(Path(name) / "noise.npz", images=pictures(BASE["images"], BASE["size"]))
        settings = changes(BASE) | {"output.log_every": 1}
        del settings["training.minutes"], settings["training.steps"]
        command = [sys.executable, "-m", "gankit", "train", "dcgan", str(Path(name) / "noise.npz")]
        command += ["--out", str(Path(name) / "run"), "--steps", str(PROCESS_STEPS)]
        command += ["--devices", str(count)]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        output(command)
        text = (Path(name) / "run" / "metrics.jsonl").read_text()
    seconds = [json.loads(line)["seconds"] for line in text.splitlines()]
    half = seconds[len(seconds) // 2 :]
    return {"ms": round(1000 * (half[-1] - half[0]) / (len(half) - 1), 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of the turns of a point")
    parser.add_argument("--points", default=",".join(POINTS), help="what is changed")
    parser.add_argument("--most", type=int, default=4, help="values of each, from the least on")
    parser.add_argument("--point", type=json.loads, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.point:
        print(json.dumps(measure(asked.point, asked.rounds, asked.seconds)))
        return
    found: dict[str, list[dict[str, Any]]] = {}
    for name in asked.points.split(","):
        found[name] = []
        for value in POINTS[name][: asked.most]:
            if name == "processes":
                told = by_processes(value)
            elif name == "images_on_disk":
                told = on_disk(value, asked)
            else:
                told = in_own_process({**BASE, name: value}, asked)
            found[name].append({"value": value, **told})
    line = {"benchmark": "scaling", "base": BASE, "rounds": asked.rounds, "points": found}
    print(json.dumps(line | machine(1)))


if __name__ == "__main__":
    main()
