"""Quality against seconds of training: gankit beside what else one could train on the same images.

    python benchmarks/time_to_quality.py DATA --seconds 60,180,600 --out curves.jsonl
    python benchmarks/time_to_quality.py ./photos --size 64 --with gankit,tutorial-16 --seed 1

Each contender trains on the same examples in one thread, and is measured after the seconds given:
`-n` samples by `gankit.evaluate` in each of the feature networks, against the held-out examples, or
against all examples if fewer than 1,000 are held out.
Seconds are the process's own CPU time in training steps, which other programs on the machine
disturb less than the clock. A contender has one run, and gankit's schedules end at the last of the
seconds. Contenders:

    gankit            the recipe that `gankit train DATA` chooses, or the one of --family
    tutorial-128, -16 PyTorch's DCGAN tutorial with its batch, and with one that suits a CPU better
    lightweight-gan   the package of that name, in an own process (see lightweight.py)

A line of JSON is written as each measurement ends; the same command goes on after the last line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import gankit
from gankit.data import ArrayDataset, Dataset, as_pictures
from gankit.pictures import grid, save_png
from gankit.trained.artifact import save_artifact
from telling import machine
from tutorial import NOISE, begin, tutorial_networks, tutorial_step

Images = NDArray[np.uint8]
BLOCK = 250
HELD_OUT = 0.1
FEWEST = 1000
"""With fewer held-out examples, distances to them would tell more of these few than of G."""


class Contender(ABC):
    """Something that learns images step by step."""

    @abstractmethod
    def step(self) -> None:
        """Take one step of training."""

    @abstractmethod
    def sample(self, count: int) -> Images:
        """Return samples, uint8 [count, H, W] or [count, H, W, C]."""


class Gankit(Contender):
    """A recipe of gankit's, with a length of as many steps as the seconds are enough for."""

    def __init__(self, train: Dataset, options: argparse.Namespace, seconds: float) -> None:
        budget = {"training.seed": options.seed, "training.minutes": None, "training.steps": 10**6}
        if options.family:
            config = gankit.override(gankit.configure(options.family, train), budget)
        else:
            asked = {"data.size": options.size} if options.size else {}
            config = gankit.choose(options.data, budget | asked).config
        config = gankit.override(config, dict(word.split("=", 1) for word in options.set))
        with gankit.Trainer(gankit.build_game(config, train), train) as trial:
            trial.step()
            began = time.process_time()
            for _ in range(10):
                trial.step()
            steps = round(10 * seconds / (time.process_time() - began))
        config = gankit.override(config, {"training.steps": steps, "runtime.threads": 1})
        self.trainer = gankit.Trainer(gankit.build_game(config, train), train)

    def step(self) -> None:
        self.trainer.step()

    def sample(self, count: int) -> Images:
        state = self.trainer.state
        averaged = {player: average.network for player, average in state.averages.items()}
        with tempfile.TemporaryDirectory() as folder:
            artifact = Path(folder) / "model.safetensors"
            save_artifact(artifact, state.game, averaged, state.step)
            return gankit.load(artifact).sample(count, seed=1)


class Tutorial(Contender):
    """PyTorch's DCGAN tutorial: 64 channels, Adam at 2e-4, batch normalisation in both networks."""

    def __init__(self, train: Dataset, batch: int, seed: int) -> None:
        torch.manual_seed(seed)
        side = train.shape[-1]
        stages = 4 if side >= 64 else 3 if side >= 32 else 2
        self.networks = tutorial_networks(side, train.shape[0], 64, stages, norm=True)
        for network in self.networks:
            network.apply(begin)
        self.play = tutorial_step(self.networks)
        self.batches = shuffled(train, batch, seed)

    def step(self) -> None:
        self.play(next(self.batches))

    def sample(self, count: int) -> Images:
        generator = self.networks[0].eval()
        draws = torch.Generator().manual_seed(1)
        blocks = []
        with torch.inference_mode():
            for start in range(0, count, BLOCK):
                noise = torch.randn(min(BLOCK, count - start), NOISE, 1, 1, generator=draws)
                blocks.append(((generator(noise) + 1) * 127.5).round().byte().numpy())
        generator.train()
        return as_pictures(np.concatenate(blocks))


def reference(options: argparse.Namespace, train: Dataset) -> Dataset:
    """Return the examples to measure against: those held out, or all if these are too few."""
    test = gankit.load_dataset(options.data, size=options.size, holdout=HELD_OUT, split="test")
    if len(test) >= FEWEST:
        return test
    images = np.concatenate([part.read(np.arange(len(part))) for part in (train, test)])
    return ArrayDataset(f"{train.name}, all", images, train.fingerprint)


def shuffled(train: Dataset, batch: int, seed: int) -> Iterator[Tensor]:
    """Yield batches in [-1, 1] from memory, each epoch in another order."""
    images = torch.from_numpy(train.read(np.arange(len(train))))
    order = torch.Generator().manual_seed(seed)
    while True:
        for chosen in torch.randperm(len(images), generator=order).split(batch):
            if len(chosen) == batch:
                yield images[chosen].float() / 127.5 - 1


def run_lightweight(train: Dataset, seconds: list[float], count: int, folder: Path) -> None:
    """Train lightweight-gan in a process of its own, which writes its samples into the folder."""
    images = folder / "train.npz"
    np.savez(images, images=as_pictures(train.read(np.arange(len(train)))))
    script = Path(__file__).with_name("lightweight.py")
    asked = ",".join(map(str, seconds))
    subprocess.run([sys.executable, script, images, asked, str(count), folder], check=True)


def measure(
    samples: Images, test: Dataset, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Return the scores by feature network and name."""
    names = ["frechet", "kernel", "precision", "recall", "coverage"]
    found: dict[str, dict[str, float]] = {}
    for features in options.features.split(","):
        report = gankit.evaluate(
            samples, against=test, features=features, n=len(samples), metrics=names
        )
        found[features] = {score.metric: round(score.value, 4) for score in report.scores}
    return found


def _with_isa(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line as it is written now: earlier ones hold machine and instruction set in one."""
    name, comma, isa = str(line.get("machine", "")).partition(", ")
    return {**line, "machine": name, "isa": isa} if comma else line


class Table:
    """The lines that were written, and those that will be."""

    def __init__(
        self, options: argparse.Namespace, test: Dataset, train: Dataset, length: float
    ) -> None:
        self.options, self.test = options, test
        self.about = {
            "data": f"{train.name} ({len(train)} examples of {train.shape})",
            "against": f"{test.name} ({len(test)})",
            "samples": options.n,
            "seed": options.seed,
            "settings": options.set,
            "length": length,  # seconds, over which gankit's schedules go
        }
        self.machine = machine(threads=1)
        text = options.out.read_text() if options.out.exists() else ""
        self.lines = [_with_isa(json.loads(line)) for line in text.splitlines()]

    def has(self, contender: str, seconds: float) -> bool:
        same = {key: self.machine[key] for key in ("threads", "machine", "isa", "torch", "gankit")}
        wanted = {"contender": contender, "seconds": seconds, **self.about, **same}
        return any(wanted.items() <= line.items() for line in self.lines)

    def add(self, contender: str, seconds: float, steps: int | None, samples: Images) -> None:
        line: dict[str, Any] = {"benchmark": "time_to_quality", "contender": contender}
        line |= {"seconds": seconds, "steps": steps}
        line |= {"scores": measure(samples, self.test, self.options), **self.about, **self.machine}
        with self.options.out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
        if self.options.pictures:
            self.options.pictures.mkdir(parents=True, exist_ok=True)
            name = f"{contender}-{seconds:g}-{self.options.seed}.png"
            save_png(self.options.pictures / name, grid(samples[:64], 8))


def compete(name: str, train: Dataset, table: Table, seconds: list[float]) -> None:
    """Train one contender, and measure it after each of the seconds."""
    options = table.options
    if name == "lightweight-gan":
        with tempfile.TemporaryDirectory() as folder:
            run_lightweight(train, seconds, options.n, Path(folder))
            for limit in seconds:
                made = np.load(Path(folder) / f"{limit}.npz")
                table.add(name, limit, int(made["steps"]), made["images"])
        return
    contender: Contender
    if name == "gankit":
        contender = Gankit(train, options, seconds[-1])
    else:
        contender = Tutorial(train, int(name.removeprefix("tutorial-")), options.seed)
    spent, steps = 0.0, 0
    for limit in seconds:
        while spent < limit:
            began = time.process_time()
            contender.step()
            spent += time.process_time() - began
            steps += 1
        table.add(name, limit, steps, contender.sample(options.n))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="a data set's name, or a folder")
    parser.add_argument("--seconds", default="60,180", help="when to measure, rising")
    parser.add_argument("--with", dest="contenders", default="gankit,tutorial-128,tutorial-16")
    parser.add_argument("--family", help="of gankit; by default the one that the data chooses")
    parser.add_argument(
        "--set", nargs="*", default=[], help="settings of gankit: section.key=value"
    )
    parser.add_argument("--size", type=int, help="side of the images of a folder")
    parser.add_argument("--features", default="pixels")
    parser.add_argument("-n", type=int, default=1000, help="samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("curves.jsonl"))
    parser.add_argument("--pictures", type=Path, help="a folder for grids of samples")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seconds = sorted(float(word) for word in options.seconds.split(","))
    train = gankit.load_dataset(options.data, size=options.size, holdout=HELD_OUT)
    table = Table(options, reference(options, train), train, seconds[-1])
    for name in options.contenders.split(","):
        if not all(table.has(name, limit) for limit in seconds):
            compete(name, train, table, seconds)


if __name__ == "__main__":
    main()
