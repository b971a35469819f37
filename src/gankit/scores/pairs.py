"""Pairs of real examples and samples, embedded: what measures are taken of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.data import Dataset, as_pictures
from gankit.data.values import PixelFormat
from gankit.features.named import Digits
from gankit.features.network import FeatureNetwork
from gankit.features.stacks import read_stacks
from gankit.metrics.distances import nearest
from gankit.pictures import Pixels, grid
from gankit.randomness import Purpose, rng
from gankit.scores.embed import Embedded, ModeOf, Track, embed, embed_real, read_blocks
from gankit.scores.measures import NEIGHBOURS, Pair, Trained
from gankit.scores.path_length import has_paths, mean_path_length
from gankit.scores.reference import Parts, Reals, dataset_of
from gankit.trained.drawing import BLOCK
from gankit.trained.gan import GAN

SHOWN = 12
"""The number of samples that are shown above their nearest training examples."""


class Samples:
    """Finished samples, measured in the same way as a generator's; they are one draw.

    Attributes:
        dataset: the samples.
        shape: the shape of one of them: (channels, height, width), or (dimensions,) for points.
        class_names, condition: empty, and 0, because the samples were not asked for by class.
    """

    class_names: tuple[str, ...] = ()
    condition = 0

    def __init__(self, examples: NDArray[Any], pixels: PixelFormat | None = None) -> None:
        """Take images or points as `dataset_of` does. Raises DataError."""
        self.dataset = dataset_of(examples, pixels)
        self.shape = self.dataset.shape

    def blocks(self, n: int, seed: int = 0) -> Iterator[NDArray[Any]]:
        """Yield `n` of the samples in blocks, in random order, since some scores look at the first.

        If `n` is fewer than all, the seed chooses which.
        """
        chosen = rng(seed, Purpose.EVALUATION).permutation(len(self.dataset))[:n]
        return read_blocks(self.dataset, chosen)


Source = GAN | Samples
"""The source of samples: a trained generator, or finished samples."""


def nearest_picture(pair: Pair, reals: Reals) -> Pixels | None:
    """Draw the samples of the first block that lie nearest to a training example, above it.

    None if copies are not looked for, or if the samples are no pictures.
    """
    if pair.train is None or pair.first is None:
        return None
    found, apart = nearest(pair.other.features[: len(pair.first)], pair.train.features)
    chosen = np.argsort(apart, kind="stable")[:SHOWN]
    examples = as_pictures(reals.train.read(pair.train.indices[found[chosen]]))
    both = np.concatenate([pair.first[chosen], examples])
    return grid(both, len(chosen), reals.train.pixels.alpha)


def real_pairs(
    source: Source, reals: Reals, parts: Parts, network: FeatureNetwork, track: Track
) -> tuple[Pair, Pair | None]:
    """Return (base, floor), two pairs of real examples.

    `base` holds the reference twice; samples take its second place. `floor` holds the reference and
    other real examples; None if there are too few of those.
    """
    mode_of = mode_reader(reals)

    def embedded(
        dataset: Dataset, indices: NDArray[np.int64], title: str, keep: int | None = None
    ) -> Embedded:
        found = embed_real(dataset, indices, network, mode_of, track, title, keep)
        # Labels of other classes than the run's are of no use.
        return found if dataset.class_names == source.class_names else replace(found, labels=None)

    reference = embedded(reals.measured, parts.reference, f"real examples ({reals.split})")
    train = None
    if parts.trained_on is not None:
        every = len(parts.trained_on)
        known = embedded(reals.train, parts.trained_on, "training examples", keep=every).features
        unseen = reference.features[: min(NEIGHBOURS, every)]
        train = Trained(known, parts.trained_on, len(reals.train), unseen)
    base = Pair(
        real=reference,
        other=reference,
        train=train,
        class_names=source.class_names,
        network_classes=network.class_names,
        source=reals.measured.name,
    )
    if parts.stand_ins is None:
        return base, None
    return base, replace(base, other=embedded(reals.train, parts.stand_ins, "more real examples"))


def sample_pair(
    source: Source,
    reals: Reals,
    base: Pair,
    n: int,
    network: FeatureNetwork,
    seed: int,
    track: Track,
) -> Pair:
    """Return the pair of the reference and one draw of samples."""
    labels, paths, title = None, None, f"samples of seed {seed}"
    if isinstance(source, Samples):
        blocks = source.blocks(n, seed=seed)
    else:
        asked = asked_labels(source, reals, n, seed)
        labels = None if asked is None or asked.ndim == 2 else asked
        # By name: a class's number may be the name of another one.
        named = None if labels is None else [source.class_names[label] for label in labels]
        blocks = source.blocks(n, asked if named is None else named, seed)
        if has_paths(source, network):
            paths = partial(mean_path_length, source, network, seed)
    first: list[NDArray[Any]] = []
    blocks = _noting_first(track(title, blocks, -(-n // BLOCK)), first)
    other = embed(blocks, network, labels, mode_reader(reals))
    shown = first[0] if reals.measured.is_images else None
    return replace(base, other=other, path_length=paths, first=shown)


def _noting_first(
    blocks: Iterator[NDArray[Any]], first: list[NDArray[Any]]
) -> Iterator[NDArray[Any]]:
    """Pass blocks on, and add the first one to `first`."""
    for block in blocks:
        if not first:
            first.append(block)
        yield block


def asked_labels(gan: GAN, reals: Reals, n: int, seed: int) -> NDArray[Any] | None:
    """Return the labels that `n` samples are asked for; None for an unconditional run.

    They are the labels of training examples in random order, each used equally often. If the
    training examples have none of the run's classes, every class takes its turn.
    """
    labels = reals.train.labels
    fits = labels is not None and (
        reals.train.condition == gan.condition
        if gan.condition
        else reals.train.class_names == gan.class_names
    )
    if not (gan.class_names or gan.condition) or labels is None or not fits:
        return gan.labels_for(n)
    random = rng(seed, Purpose.EVALUATION)
    rounds = [random.permutation(len(labels)) for _ in range(-(-n // len(labels)))]
    asked: NDArray[Any] = labels[np.concatenate(rounds)[:n]]
    return asked


def mode_reader(reals: Reals) -> ModeOf | None:
    """Return a function that tells the mode of each image; None if images have no known modes.

    The mode of three stacked digits is the number that `read_stacks` reads.
    """
    if reals.measured.name != "stacked_digits":
        return None
    return partial(read_stacks, Digits("cpu"))
