"""Quality against seconds of training: gankit beside what else one could train on the same images.

    python benchmarks/time_to_quality.py DATA --seconds 60,180,600 --out curves.jsonl
    python benchmarks/time_to_quality.py ./photos --size 64 --with gankit,tutorial-16 --seed 1

Each contender trains on the same examples in one thread, and is measured after the seconds given:
`-n` samples by `gankit.evaluate` in each of the feature networks, against the held-out examples, or
against all examples if fewer than 1,000 are held out. Besides, `train_side` is the share of samples
whose nearest neighbour among as many training as held-out examples is a training one. For
contenders that are asked for classes, `within` is the mean distance of samples of one class over
that of the examples, and `label_match` the share of samples whose nearest training example has the
class that was asked for; `label_match_real` is what held-out examples have for it.
Seconds are the process's own CPU time in training steps, which other programs on the machine
disturb less than the clock. A contender has one run, and gankit's schedules end at the last of the
seconds. Contenders:

    gankit            the recipe that `gankit train DATA` chooses, or the one of --family
    tutorial-128, -16 PyTorch's DCGAN tutorial with its batch, and with one that suits a CPU better
    lightweight-gan   the package of that name, in an own process (see lightweight.py)

A line of JSON is written as each measurement ends; the same command goes on after the last line.
With --pictures a grid of samples is kept, and all samples as `images` and `labels` in a .npz file.
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
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import gankit
from gankit.data import ArrayDataset, Dataset, as_pictures
from gankit.data.dataset import array_fingerprint
from gankit.features.named import load_network
from gankit.features.network import FeatureNetwork
from gankit.metrics.conditional import label_match
from gankit.metrics.diversity import class_distance
from gankit.metrics.memorisation import memorisation
from gankit.pictures import grid, save_png
from gankit.scores.embed import embed_real
from gankit.trained.artifact import save_artifact
from telling import machine
from tutorial import NOISE, begin, tutorial_networks, tutorial_step

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
BLOCK = 250
HELD_OUT = 0.1
FEWEST = 1000
"""With fewer held-out examples, distances to them would tell more of these few than of G."""


class Samples(NamedTuple):
    """Images uint8 [N, H, W] or [N, H, W, C], and the classes that were asked for, [N], if any."""

    images: Images
    labels: Labels | None = None


class Contender(ABC):
    """Something that learns images step by step."""

    @abstractmethod
    def step(self) -> None:
        """Take one step of training."""

    @abstractmethod
    def sample(self, count: int) -> Samples:
        """Return so many samples."""


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

    def sample(self, count: int) -> Samples:
        state = self.trainer.state
        averaged = {player: average.network for player, average in state.averages.items()}
        with tempfile.TemporaryDirectory() as folder:
            artifact = Path(folder) / "model.safetensors"
            save_artifact(artifact, state.game, averaged, state.step)
            gan = gankit.load(artifact)
        classes = len(gan.class_names) if state.game.conditional else 0
        labels = np.arange(count, dtype=np.int64) % classes if classes else None
        return Samples(gan.sample(count, labels=labels, seed=1), labels)


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

    def sample(self, count: int) -> Samples:
        generator = self.networks[0].eval()
        draws = torch.Generator().manual_seed(1)
        blocks = []
        with torch.inference_mode():
            for start in range(0, count, BLOCK):
                noise = torch.randn(min(BLOCK, count - start), NOISE, 1, 1, generator=draws)
                blocks.append(((generator(noise) + 1) * 127.5).round().byte().numpy())
        generator.train()
        return Samples(as_pictures(np.concatenate(blocks)))


class Real(NamedTuple):
    """The real examples: trained on, held out, and those that scores are against."""

    train: Dataset
    held_out: Dataset
    against: Dataset


def real_examples(options: argparse.Namespace) -> Real:
    """Read them. Scores are against those held out, or against all if these are too few."""
    train, held_out = (
        gankit.load_dataset(options.data, size=options.size, holdout=HELD_OUT, split=split)
        for split in ("train", "test")
    )
    if len(held_out) >= FEWEST:
        return Real(train, held_out, held_out)
    images = np.concatenate([everything(part) for part in (train, held_out)])
    return Real(train, held_out, ArrayDataset(f"{train.name}, all", images, train.fingerprint))


def everything(dataset: Dataset) -> Images:
    return dataset.read(np.arange(len(dataset)))


def shuffled(train: Dataset, batch: int, seed: int) -> Iterator[Tensor]:
    """Yield batches in [-1, 1] from memory, each epoch in another order."""
    images = torch.from_numpy(everything(train))
    order = torch.Generator().manual_seed(seed)
    while True:
        for chosen in torch.randperm(len(images), generator=order).split(batch):
            if len(chosen) == batch:
                yield images[chosen].float() / 127.5 - 1


def run_lightweight(train: Dataset, seconds: list[float], count: int, folder: Path) -> None:
    """Train lightweight-gan in a process of its own, which writes its samples into the folder."""
    images = folder / "train.npz"
    np.savez(images, images=as_pictures(everything(train)))
    script = Path(__file__).with_name("lightweight.py")
    asked = ",".join(map(str, seconds))
    subprocess.run([sys.executable, script, images, asked, str(count), folder], check=True)


def remembering(network: FeatureNetwork) -> FeatureNetwork:
    """Make a network remember its answers, so that each image passes through it once."""
    known: dict[str, Any] = {}
    plain = network.embed

    def embed(images: NDArray[Any]) -> Any:
        key = array_fingerprint(images)
        if key not in known:
            known[key] = plain(images)
        return known[key]

    network.embed = embed  # type: ignore[method-assign]
    return network


class Judge:
    """Scores of samples in one feature network."""

    def __init__(self, network: FeatureNetwork, real: Real) -> None:
        self.network, self.real = remembering(network), real
        self.train, self.held_out = map(self.features_of, real[:2])

    def features_of(self, dataset: Dataset) -> NDArray[np.float32]:
        every = np.arange(len(dataset))
        return embed_real(dataset, every, self.network, keep=len(dataset)).features

    def match(self, features: NDArray[np.float32], labels: Labels) -> float:
        """Return the share of examples whose nearest training example has the same label."""
        assert self.real.train.labels is not None
        return round(label_match(self.train, self.real.train.labels, features, labels), 4)

    def __call__(self, samples: Samples) -> dict[str, float]:
        names = ["frechet", "kernel", "precision", "recall", "coverage"]
        report = gankit.evaluate(
            samples.images,
            against=self.real.against,
            features=self.network,
            n=len(samples.images),
            metrics=names,
        )
        found = {score.metric: round(score.value, 4) for score in report.scores}
        blocks = np.split(samples.images, range(BLOCK, len(samples.images), BLOCK))
        drawn = np.concatenate([self.network.features(block) for block in blocks])
        copied = memorisation(drawn, self.train, self.held_out)
        found["train_side"] = round(copied.train_side, 4)
        if samples.labels is not None:
            classes, labels = int(samples.labels.max()) + 1, self.real.train.labels
            assert labels is not None
            theirs = class_distance(self.train, labels, classes)
            ours = class_distance(drawn, samples.labels, classes)
            found["within"] = round(float((ours / theirs).mean()), 4)
            found["label_match"] = self.match(drawn, samples.labels)
            assert self.real.held_out.labels is not None
            found["label_match_real"] = self.match(self.held_out, self.real.held_out.labels)
        return found


def _with_isa(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line as it is written now: earlier ones hold machine and instruction set in one."""
    name, comma, isa = str(line.get("machine", "")).partition(", ")
    return {**line, "machine": name, "isa": isa} if comma else line


class Table:
    """The lines that were written, and those that will be."""

    def __init__(self, options: argparse.Namespace, real: Real, length: float) -> None:
        self.options, self.real = options, real
        # Before anything is trained: a name or a file may be wrong.
        self.networks = {name: load_network(name) for name in options.features.split(",")}
        self.judges: dict[str, Judge] = {}
        train, against = real.train, real.against
        self.about = {
            "data": f"{train.name} ({len(train)} examples of {train.shape})",
            "against": f"{against.name} ({len(against)})",
            "samples": options.n,
            "seed": options.seed,
            "family": options.family,
            "settings": options.set,
            "length": length,  # seconds, over which gankit's schedules go
        }
        self.machine = machine(threads=1)
        text = options.out.read_text() if options.out.exists() else ""
        self.lines = [_with_isa(json.loads(line)) for line in text.splitlines()]

    def has(self, contender: str, seconds: float) -> bool:
        same = {key: self.machine[key] for key in ("threads", "machine", "isa", "torch", "gankit")}
        wanted = {"contender": contender, "seconds": seconds, **self.about, **same}
        # Earlier lines do not say that no family was named.
        return any(wanted.items() <= {"family": None, **line}.items() for line in self.lines)

    def measure(self, samples: Samples) -> dict[str, dict[str, float]]:
        """Return the scores by feature network and name."""
        for name, network in self.networks.items():
            if name not in self.judges:
                self.judges[name] = Judge(network, self.real)
        return {name: judge(samples) for name, judge in self.judges.items()}

    def add(self, contender: str, seconds: float, steps: int | None, samples: Samples) -> None:
        if self.options.pictures:
            self.options.pictures.mkdir(parents=True, exist_ok=True)
            name = str(self.options.pictures / f"{contender}-{seconds:g}-{self.options.seed}")
            save_png(Path(f"{name}.png"), grid(samples.images[:64], 8))
            labels = {} if samples.labels is None else {"labels": samples.labels}
            np.savez(f"{name}.npz", images=samples.images, **labels)
        line: dict[str, Any] = {"benchmark": "time_to_quality", "contender": contender}
        line |= {"seconds": seconds, "steps": steps}
        line |= {"scores": self.measure(samples), **self.about, **self.machine}
        with self.options.out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def compete(name: str, train: Dataset, table: Table, seconds: list[float]) -> None:
    """Train one contender, and measure it after each of the seconds."""
    options = table.options
    if name == "lightweight-gan":
        with tempfile.TemporaryDirectory() as folder:
            run_lightweight(train, seconds, options.n, Path(folder))
            for limit in seconds:
                made = np.load(Path(folder) / f"{limit}.npz")
                table.add(name, limit, int(made["steps"]), Samples(made["images"]))
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
    real = real_examples(options)
    table = Table(options, real, seconds[-1])
    for name in options.contenders.split(","):
        if not all(table.has(name, limit) for limit in seconds):
            compete(name, real.train, table, seconds)


if __name__ == "__main__":
    main()
