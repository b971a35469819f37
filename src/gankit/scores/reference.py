"""Choose the real examples that a run is measured against, and the feature network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gankit.data import ArrayDataset, Dataset, as_pictures, as_planes
from gankit.data.dataset import array_fingerprint
from gankit.data.pixels import MOST_CHANNELS
from gankit.data.values import FLOATS, INTEGERS, NUMBERS, PLAIN, PixelFormat, check_alpha, format_of
from gankit.errors import ConfigError, DataError
from gankit.features.digits_network import CLASSES
from gankit.features.named import Digits, Pixels, Points
from gankit.features.network import FeatureNetwork, OverWhite
from gankit.randomness import Purpose, rng
from gankit.run_data import find_data, note_other, record_beside
from gankit.scores.embed import read_blocks
from gankit.text import from_home
from gankit.trained.gan import GAN

Split = Literal["train", "test"]
FEWEST = 20
"""The fewest real examples, and samples, that scores are computed from."""
READ_RIGHTLY = 0.9
"""The share of the first 500 real examples that `digits` must read to be chosen by itself."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Reals:
    """The data that a run is measured against.

    Attributes:
        measured: the split that scores are measured against.
        split: the name of that split.
        train: the training split; the same object as `measured` if that is the training split.
        own: whether the run was trained on this data.
    """

    measured: Dataset
    split: Split
    train: Dataset
    own: bool


@dataclass(frozen=True)
class Parts:
    """The parts that real examples play, as indices of them.

    Attributes:
        reference: examples of `Reals.measured` that samples are measured against.
        stand_ins: examples of `Reals.train` that stand in for samples, which gives the floor; none
            of them is in `reference`. None if there are too few.
        trained_on: the examples of `Reals.train` among which copies are looked for, if the run was
            trained on them but not on those in `reference`; else None.
        n_fake: the number of samples in a draw, and of stand-ins.
    """

    reference: NDArray[np.int64]
    stand_ins: NDArray[np.int64] | None
    trained_on: NDArray[np.int64] | None
    n_fake: int


def read_reals(
    gan: GAN,
    source: str | Path | None,
    split: Split | None,
    say: Say,
    path: str | Path | None = None,
) -> Reals:
    """Read the real data of a run, or other data at the run's size.

    Args:
        gan: the run's generator.
        source: the data's name or path; None: where the run found its data. Data that was moved
            counts as the run's own.
        split: the split to measure against; None: `test` if there is one.
        say: is called with a line if the run was not trained on this data, if it is measured
            against a part of the training data, and for each note on what is measured, unless
            it was said before training.
        path: the run or its artifact; None: only the data's name tells whether it is the run's.

    Raises DataError if the data cannot be read, is too small or has another shape, and ConfigError
    if the run makes what there are no measures of.
    """
    if gan.kind == "trajectories":
        raise ConfigError(f"there are no measures of {gan.kind}: this run cannot be evaluated")
    name = str(gan.config.data.source if source is None else source)
    if name.startswith("toy:") and gan.kind == "images":  # a toy would refuse the size instead
        raise DataError(f"data '{name}' is points, the run makes images: give other data", "data")
    path = None if path is None else from_home(path)
    record = None if path is None else record_beside(path)
    trained, where = gan.config.data, path or Path()
    read = find_data(trained, gan.shape, source, where, record)
    known = gan.game.task.class_names
    if record is None and set(read.dataset.class_names) == set(known):
        read.dataset.number_classes(known)
    train, own = read.dataset, read.same or name == trained.source
    measured, found = train, "train"
    if split != "train":
        try:
            measured, found = read.test(), "test"
        except DataError as problem:
            if split == "test":
                raise
            say(
                "measured against a part of the training data, and memorisation is not measured: "
                f"{problem}"
            )
    said = train.notes if own else ()  # before training
    for note in measured.notes:
        if note not in said:
            say(f"{found} split: {note}")
    other = note_other(read, trained, where, record)
    if other is not None:
        say(other)
    for dataset in (train, measured):
        if dataset.shape != gan.shape:
            given, wanted = ("x".join(map(str, shape)) for shape in (dataset.shape, gan.shape))
            raise DataError(
                f"data '{name}' is {given}, the run makes {wanted}: give other data", "data"
            )
        if len(dataset) < FEWEST:
            raise DataError(
                f"data '{name}' holds {len(dataset)} examples; scores need {FEWEST} or more"
            )
    return Reals(measured, "test" if found == "test" else "train", train, own)


def reals_of(dataset: Dataset, shape: tuple[int, ...]) -> Reals:
    """Return real examples in memory, for samples of this shape. Raises DataError."""
    if dataset.shape != shape:
        found, wanted = ("x".join(map(str, s)) for s in (dataset.shape, shape))
        raise DataError(f"the real examples are {found}, the samples {wanted} (channels first)")
    if len(dataset) < FEWEST:
        raise DataError(f"scores need {FEWEST} real examples or more, got {len(dataset)}")
    return Reals(dataset, "train", dataset, own=False)


def dataset_of(examples: NDArray[Any], pixels: PixelFormat | None = None) -> ArrayDataset:
    """Make a data set named 'arrays' of images or points.

    Args:
        examples: images [N, H, W] or [N, H, W, C] of 1 to 16 channels, or points, finite numbers
            [N, D].
        pixels: what images stand for; None: as `Dataset.of` takes them. uint8 is always 0..255; if
            these are of 8 bits, other numbers are taken in their own range, which must be a usual
            one.

    Raises DataError for anything else.
    """
    array = np.asarray(examples)
    whole = array.dtype.name in NUMBERS and array.size > 0
    if whole and (array.ndim == 3 or (array.ndim == 4 and array.shape[3] <= MOST_CHANNELS)):
        pixels = _pixels_of(array, pixels)
        kept: NDArray[Any] = pixels.to_stored(as_planes(array))
    elif array.ndim == 2 and array.dtype.kind in "iuf" and np.isfinite(array).all():
        kept = np.ascontiguousarray(array, np.float32)
    else:
        raise DataError(
            "examples are images, [N, H, W] or [N, H, W, C] of 1 to 16 channels, or points, "
            f"finite numbers [N, D]; got {array.dtype} {list(array.shape)}"
        )
    if not kept.size:
        raise DataError(f"there are no examples in an array {list(array.shape)}")
    found = ArrayDataset("arrays", kept, array_fingerprint(kept))
    found.pixels = PLAIN if pixels is None else pixels
    return found


def _pixels_of(images: NDArray[Any], known: PixelFormat | None) -> PixelFormat:
    """Return what an array's images stand for (`dataset_of`). Raises DataError."""
    own = format_of("the images", images)  # refuses numbers that are not finite
    if known is None:
        return own
    if known.alpha:
        check_alpha("the images", images.shape[3] if images.ndim == 4 else 1)
    if known.values is not None or images.dtype == np.uint8:
        return known
    if own.values not in (*FLOATS, *INTEGERS):
        raise DataError(
            f"images of {images.dtype} in a range of their own are compared with images of 8 bits: "
            "give uint8"
        )
    return replace(own, alpha=known.alpha)


def part(reals: Reals, n: int | None, usual: int, searched: int | None = None) -> Parts:
    """Choose examples, which do not depend on the seed of the samples.

    `searched` is the most training examples among which copies are looked for; None: all.

    If there is a test split, samples are measured against it, and training examples give the floor.
    If there is none, the training data is divided into two halves, unless `n` asks for more.
    """
    train = shuffled(len(reals.train))
    if reals.split == "test":
        reference, others = shuffled(len(reals.measured))[: n or usual], train
    else:
        count = min(n or min(usual, len(train) // 2), len(train))
        reference, others = train[:count], train[count:]
    n_fake = n or min(usual, len(others))
    return Parts(
        reference=reference,
        stand_ins=others[:n_fake] if len(others) >= n_fake else None,
        trained_on=train[:searched] if reals.split == "test" and reals.own else None,
        n_fake=n_fake,
    )


SEARCHED = 2**27
"""The most numbers in the features among which copies are looked for: half a gigabyte, which is
65,536 examples in `inception`, and 131,072 in `pixels`."""


def most_searched(reals: Reals, network: FeatureNetwork, n: int | None) -> int:
    """Return the most training examples among which copies are looked for.

    All that memory has room for; in a slow network as many as samples, which take as long.
    """
    if network.usual < FeatureNetwork.usual:
        return max(n or 0, network.usual)
    size: int = network.features(next(read_blocks(reals.train, np.arange(1)))).shape[1]
    return SEARCHED // size


def shuffled(count: int) -> NDArray[np.int64]:
    """Return 0 to count - 1 in a random order that is always the same for a `count`."""
    return rng(0, Purpose.EVALUATION, count).permutation(count)


def choose_network(
    reals: Reals, given: FeatureNetwork | None, device: str, say: Say
) -> FeatureNetwork:
    """Choose the network to measure in, the same for the same data wherever gankit runs.

    Images with opacity are shown to it over white, unless it takes any number of channels. Raises
    ConfigError if a network is given for points, or for images of other channels than it takes.
    """
    if not reals.measured.is_images:
        if given is not None:
            raise ConfigError(
                f"the feature network '{given.name}' sees images; these are points, measured as "
                "they are: leave features out",
                "features",
            )
        return Points()
    if given is not None:
        return _suited(given, reals.measured)
    digits = Digits(device)
    if _reads(digits, reals.measured):
        return digits
    seen_by_others = reals.measured.shape[0] in (1, 3) or reals.measured.pixels.alpha
    if not seen_by_others:
        say(
            f"measured in raw pixels, as no network sees images of {reals.measured.shape[0]} "
            "channels; a file of your own may"
        )
    elif reals.measured.name != "stacked_digits":  # these are measured by their modes
        say(
            "measured in raw pixels, which see little of a picture: features 'efficientnet', "
            "'inception' or a file see more"
        )
    return Pixels()


def _suited(network: FeatureNetwork, dataset: Dataset) -> FeatureNetwork:
    """Return the network as it sees these images. Raises ConfigError if it cannot."""
    if network.channels is None:
        return network
    if dataset.pixels.alpha:
        return OverWhite(network)
    if (channels := dataset.shape[0]) not in (1, 3, network.channels):
        raise ConfigError(
            f"the feature network '{network.name}' sees grey or colour images, these have "
            f"{channels} channels: leave features out, which measures in 'pixels'",
            "features",
        )
    return network


def _reads(network: Digits, dataset: Dataset) -> bool:
    """Return whether the examples are digits that the network reads."""
    if dataset.shape != (1, 28, 28) or dataset.class_names != CLASSES or dataset.labels is None:
        return False
    some = np.arange(min(500, len(dataset)))
    named = network.probabilities(as_pictures(dataset.read(some))).argmax(1)
    return float((named == dataset.labels[some]).mean()) >= READ_RIGHTLY
