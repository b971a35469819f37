"""Do the metrics see what they must? Real images, made worse step by step, in a table.

    python tools/order_metrics.py [--data digits] [--features digits] [--examples 1000]

The reference is training images, the samples are test images that are changed in one way each:

- floor: not at all, real against real
- half: only the first half of the classes, as many images
- noise 16, 32, 64: normal noise of this deviation added, of 255
- blur 0.5, 1, 2: Gaussian of this deviation, in pixels; 0.5 is `faint blur`, for distances only
- few: 5 different images of each class, again and again
- copies: a tenth, then half of the images replaced by training images

Each metric states what it claims to see, and which way it must then move, more at each step.
Prints a markdown table: a claim that holds in bold, one that does not with '(!)', and ends with 1
where any does not. Plain numbers are claimed by nobody. Memorisation is asked of the same samples,
with as many other training images held out: test images would be nearer to the samples, which are
test images too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gankit.data import as_pictures, load_dataset
from gankit.features.named import load_network
from gankit.metrics.conditional import class_frechet, conditional_accuracy
from gankit.metrics.diversity import class_distance, mean_distance, mean_ms_ssim
from gankit.metrics.frechet import frechet_distance, moments
from gankit.metrics.inception_score import inception_score
from gankit.metrics.kernel import kernel_distance
from gankit.metrics.manifold import Manifold, manifold
from gankit.metrics.memorisation import Memorisation, memorisation
from gankit.metrics.modes import kl_to_uniform

SERIES = {
    "half": ("half",),
    "noise": ("noise 16", "noise 32", "noise 64"),
    "faint blur": ("blur 0.5",),
    "blur": ("blur 1", "blur 2"),
    "few": ("few",),
    "copies": ("copies 1/10", "copies 1/2"),
}
"""What is done to images, in steps that get worse."""


@dataclass(frozen=True)
class Sample:
    """Images uint8 [N, ...], the labels they were asked for, and what the network says of them."""

    images: np.ndarray
    labels: np.ndarray
    features: np.ndarray
    probabilities: np.ndarray | None


@dataclass(frozen=True)
class Comparison:
    """A sample against the reference, and as many real examples held out from that."""

    real: Sample
    fake: Sample
    held: Sample

    @property
    def classes(self) -> int:
        return int(self.real.labels.max()) + 1

    @property
    def read_as(self) -> np.ndarray:
        assert self.fake.probabilities is not None
        return self.fake.probabilities.argmax(1)

    @cached_property
    def manifold(self) -> Manifold:
        return manifold(self.real.features, self.fake.features)

    @cached_property
    def memorisation(self) -> Memorisation:
        return memorisation(self.fake.features, self.real.features, self.held.features)

    def frechet(self) -> float:
        return frechet_distance(*(moments([s.features]) for s in (self.real, self.fake)))

    def kernel(self) -> float:
        size = min(1000, len(self.fake.features) // 2)
        return kernel_distance(self.real.features, self.fake.features, size=size)[0]

    def frechet_by_class(self) -> float:
        if len(np.unique(self.fake.labels)) < self.classes:
            return np.nan  # refused: classes without examples
        real, fake = self.real, self.fake
        return class_frechet(
            real.features, real.labels, fake.features, fake.labels, self.classes
        ).overall

    def distance_in_a_class(self) -> float:
        return float(np.nanmean(class_distance(self.fake.features, self.fake.labels, self.classes)))

    def accuracy(self) -> float:
        return conditional_accuracy(self.read_as, self.fake.labels, self.classes).overall

    def unevenness(self) -> float:
        return kl_to_uniform(np.bincount(self.read_as, minlength=self.classes))


@dataclass(frozen=True)
class Measure:
    """A number of a comparison, and what it claims to see."""

    name: str
    sign: int  # 1 where what it sees makes it more, -1 where less
    sees: tuple[str, ...]
    of: Callable[[Comparison], float]
    classifies: bool = False  # needs probabilities


QUALITY = ("noise", "blur")
DISTANCE = ("faint blur", *QUALITY, "few")
MEASURES = (
    Measure("Frechet distance", 1, ("half", *DISTANCE), Comparison.frechet),
    Measure("kernel distance", 1, ("half", *DISTANCE), Comparison.kernel),
    Measure("Frechet distance by class", 1, DISTANCE, Comparison.frechet_by_class),
    Measure("precision", -1, QUALITY, lambda x: x.manifold.precision),
    Measure("density", -1, QUALITY, lambda x: x.manifold.density),
    Measure("recall", -1, ("half", "few"), lambda x: x.manifold.recall),
    Measure("coverage", -1, ("half", *QUALITY, "few"), lambda x: x.manifold.coverage),
    Measure(
        "Inception score",
        -1,
        ("half", *QUALITY),
        lambda x: inception_score(x.fake.probabilities)[0],
        classifies=True,
    ),
    Measure("conditional accuracy", -1, QUALITY, Comparison.accuracy, classifies=True),
    Measure("KL of classes from equal", 1, ("half",), Comparison.unevenness, classifies=True),
    Measure("mean distance", -1, ("half",), lambda x: mean_distance(x.fake.features)),
    Measure("mean distance in a class", -1, ("few",), Comparison.distance_in_a_class),
    Measure(
        "MS-SSIM in a class", 1, ("few",), lambda x: mean_ms_ssim(x.fake.images, x.fake.labels)
    ),
    Measure("memorisation: too near", 1, ("copies",), lambda x: x.memorisation.too_near),
    Measure("memorisation: nearer", 1, ("copies",), lambda x: x.memorisation.nearer),
    Measure("memorisation: train side", 1, ("copies",), lambda x: x.memorisation.train_side),
)


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of [N, H, W], edges repeated."""
    reach = int(np.ceil(4 * sigma))
    places = np.arange(-reach, reach + 1)
    weights = np.exp(-(places**2) / (2 * sigma**2))
    x = images.astype(np.float64)
    for axis in (1, 2):
        padded = np.pad(x, [(reach, reach) if a == axis else (0, 0) for a in range(3)], "edge")
        x = sum(
            w * np.take(padded, np.arange(images.shape[axis]) + i, axis)
            for i, w in enumerate(weights / weights.sum())
        )
    return x.round().astype(np.uint8)


def changed(
    what: str,
    images: np.ndarray,
    labels: np.ndarray,
    count: int,
    train: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """`count` of the images and their labels, changed in this way."""
    rng = np.random.default_rng(0)
    kind, _, level = what.partition(" ")
    if kind == "half":
        chosen = np.flatnonzero(labels <= labels.max() // 2)[:count]
        return images[chosen], labels[chosen]
    images, labels = images[:count], labels[:count]
    if kind == "noise":
        noisy = images + rng.normal(0, float(level), images.shape)
        images = noisy.round().clip(0, 255).astype(np.uint8)
    elif kind == "blur":
        images = blurred(images, float(level))
    elif kind == "few":
        firsts = [np.flatnonzero(labels == c)[:5] for c in labels]
        chosen = np.array([rng.choice(few) for few in firsts])
        images, labels = images[chosen], labels[chosen]
    elif kind == "copies":
        number = count // int(level.removeprefix("1/"))
        images = np.concatenate([train[0][:number], images[number:]])
        labels = np.concatenate([train[1][:number], labels[number:]])
    return images, labels


def measure(source: str, features: str, count: int) -> dict[str, dict[str, float]]:
    """{measure: {what was done: value}} of `count` images of a data set."""
    network = load_network(features)
    sets = []
    for split in ("train", "test"):
        dataset = load_dataset(source, split=split)
        order = np.random.default_rng(0).permutation(len(dataset))
        assert dataset.labels is not None
        sets.append((as_pictures(dataset.read(order)), dataset.labels[order]))
    train, test = sets

    def seen(images: np.ndarray, labels: np.ndarray) -> Sample:
        return Sample(images, labels, *network.embed(images))

    real = seen(train[0][:count], train[1][:count])
    held = seen(train[0][-count:], train[1][-count:])
    table: dict[str, dict[str, float]] = {}
    for what in ("floor", *(step for steps in SERIES.values() for step in steps)):
        sample = seen(*changed(what, *test, count, train))
        assert len(sample.images) == count, f"too few images for '{what}': lower --examples"
        comparison = Comparison(real, sample, held)
        for one in MEASURES:
            if sample.probabilities is not None or not one.classifies:
                table.setdefault(one.name, {})[what] = float(one.of(comparison))
    return table


def held_claims(values: dict[str, float], one: Measure) -> dict[str, bool]:
    """For each step that a measure claims to see: whether it moved on, the right way."""
    held = {}
    for series in one.sees:
        before = values["floor"]
        for step in SERIES[series]:
            held[step] = one.sign * (values[step] - before) > 0
            before = values[step]
    return held


def as_markdown(table: dict[str, dict[str, float]]) -> str:
    steps = list(next(iter(table.values())))
    lines = [f"| | {' | '.join(steps)} |", "|---" * (len(steps) + 1) + "|"]
    for one in MEASURES:
        if one.name in table:
            held = held_claims(table[one.name], one)
            cells = [cell(table[one.name][step], held.get(step)) for step in steps]
            lines.append(f"| {one.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(value: float, held: bool | None) -> str:
    if np.isnan(value):
        return "refused"
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return text if held is None else f"**{text}**" if held else f"{text} (!)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="digits", help="a data set's name or folder")
    parser.add_argument("--features", default="digits", help="a feature network's name or file")
    parser.add_argument("--examples", type=int, default=1000)
    arguments = parser.parse_args()
    table = measure(arguments.data, arguments.features, arguments.examples)
    print(as_markdown(table))
    claims = [held_claims(table[one.name], one) for one in MEASURES if one.name in table]
    sys.exit(not all(all(held.values()) for held in claims))


if __name__ == "__main__":
    main()
