"""`gankit probe RUN DATA`: measure what a discriminator learned, by linear classifiers.

D's features, and the simpler features that they have to beat, are read by the same classifiers,
from the same few labels, by the protocol of docs/probe.md.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from gankit.data import Dataset, as_planes, check_shape, load_of_shape, source_name
from gankit.errors import ConfigError, DataError, MissingExtraError
from gankit.families import Task
from gankit.metrics.distances import nearest_labels
from gankit.probe.deep_kmeans import DeepKMeansFeatures, check_depth
from gankit.probe.discriminator_features import (
    ConvFeatures,
    known_run,
    trained_discriminator,
    untrained_discriminator,
)
from gankit.probe.kmeans_features import PATCH, KMeansFeatures
from gankit.probe.linear import (
    Classifier,
    Features,
    Indices,
    Reading,
    balanced_draw,
    memory_needed,
    read_linearly,
    standardise,
)
from gankit.probe.streamed import Stored, read_streamed
from gankit.probe.table import Probe, Row, row_of
from gankit.randomness import Purpose, rng
from gankit.run import Record, Run
from gankit.run_data import find_data, note_other
from gankit.settings.config import Config
from gankit.trained.artifact import load
from gankit.trained.gan import GAN
from gankit.version import __version__

MEMORY = 6e9
"""The most bytes that features and a fit may take."""
UNLABELLED = 2000
"""The number of training images for k-means and for the untrained D's batch statistics."""
SAMPLES = 1000
"""The most generated samples of each class among which test images find their nearest one."""
READ = 1000
"""The number of images that are read at a time."""

Extractor = Callable[[NDArray[np.generic]], Features]


def probe(
    folder: str | Path,
    data: str | Path | None = None,
    *,
    test: str | Path | None = None,
    labels_per_class: Sequence[int] = (10, 100),
    draws: int = 5,
    classifiers: Sequence[Classifier] = ("svm",),
    baselines: bool = True,
    centroids: int = 800,
    kmeans_layers: int = 1,
    seed: int = 0,
    test_limit: int | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Probe:
    """Fit linear classifiers to D's convolutional features, and to simpler ones for comparison.

    Args:
        folder: a run directory with a checkpoint.
        data: labelled images, read at the run's size; None: the run's own, where they were.
        test: a source whose training split is the test set; None: the test split of `data`.
        labels_per_class: the numbers of labels of each class to learn from, each at least 2.
        draws: the number of class-balanced choices of that many labels.
        classifiers: the kinds of classifiers.
        baselines: whether to add D before its first step, k-means features, pixels and, for a
            conditional run with the classes of the data, the nearest generated sample.
        centroids: the K of k-means.
        kmeans_layers: above 1, k-means of so many layers is compared too.
        seed: the seed of every random choice.
        test_limit: the most test images, chosen by `seed`; None: all.
        say: is called with a line about each stage.

    Raises GankitError if there are no labels or too few, no test images or no checkpoint, if the
    discriminator has no convolutions, if more is asked of a logistic regression than fits in
    memory, or if scikit-learn is missing.
    """
    started, versions = time.monotonic(), _versions()
    test = None if test is None else os.fspath(test)
    _check_numbers(labels_per_class, draws, centroids, kmeans_layers, test_limit)
    run = Run(folder)
    record = known_run(run)
    check_depth(record.task.shape[1:], kmeans_layers if baselines else 1)
    game, step = trained_discriminator(run, say)
    own = ConvFeatures(game)
    source, train, tested = _data(run.folder, record, data, test, say)
    random = rng(seed, Purpose.REFERENCE, 1)
    chosen = np.sort(random.permutation(len(tested))[:test_limit])
    chances = _Draws(train, labels_per_class, draws, seed)
    widest = max(own.dims, 4 * centroids * kmeans_layers if baselines else 0)
    _check_memory(chances, widest, len(chosen), classifiers)
    sets = _Sets(train, tested, chances, chosen)
    extractors = _extractors(record, train, own, baselines, (centroids, kmeans_layers), seed)
    gan = _asked_for_classes(run, train, say) if baselines else None
    rows: list[Row] = []
    for name, build in extractors:
        extract = build()
        say(f"{name}: features of {len(chances.used) + len(chosen):,} images")
        dims = extract(train.read(chances.used[:1])).shape[1]
        on_disk = _memory_needed(chances, dims, len(chosen)) > MEMORY
        with TemporaryDirectory() as place:
            if on_disk:
                read = _read_from_disk(extract, sets, dims, Path(place), say)
            else:
                read = _read_in_memory(extract, sets, seed)
            for kind, budget in product(classifiers, labels_per_class):
                say(f"{name}: {kind} from {budget} labels a class")
                found = read(kind, budget)
                what = (name, dims, kind, budget)
                rows.append(row_of(what, found.right, found.strength, found.unfinished))
            del read  # and its features, before the next ones are made
    if gan is not None:
        say("nearest generated samples")
        rows += _nearest(gan, train, tested, chosen, draws, seed)
    return Probe(
        run=run.folder.resolve().name,
        family=record.config.family,
        step=step,
        convolutions=own.convolutions,
        data=source_name(source),
        data_hash=train.fingerprint,
        test=f"{source_name(source)} (test)" if test is None else source_name(test),
        test_hash=tested.fingerprint,
        n_train=len(chances.used),
        n_test=len(chosen),
        shape=record.task.shape,
        classes=len(train.class_names),
        seed=seed,
        rows=tuple(rows),
        versions=versions,
        seconds=round(time.monotonic() - started, 1),
    )


class _Draws:
    """The training examples with labels in each draw; `used` holds all that any draw uses."""

    def __init__(self, train: Dataset, budgets: Sequence[int], draws: int, seed: int) -> None:
        labels = _labels(train)
        drawn = {b: [balanced_draw(labels, b, seed, i) for i in range(draws)] for b in budgets}
        self.used = np.unique(np.concatenate([rows for some in drawn.values() for rows in some]))
        self.largest = max(budgets) * len(np.unique(labels))
        self._drawn = drawn

    def of(self, budget: int) -> list[Indices]:
        """Return each draw of this budget, as indices into `used`."""
        return [np.searchsorted(self.used, rows) for rows in self._drawn[budget]]


class _Sets(NamedTuple):
    """What is read from, and what is to be named: `chosen` are the test examples that are used."""

    train: Dataset
    tested: Dataset
    chances: _Draws
    chosen: Indices

    @property
    def known(self) -> Indices:
        """The labels of the training examples that any draw uses."""
        known: Indices = _labels(self.train)[self.chances.used]
        return known

    @property
    def answers(self) -> Indices:
        answers: Indices = _labels(self.tested)[self.chosen]
        return answers


Read = Callable[[Classifier, int], Reading]
"""A function that reads features by a classifier, from a number of labels of each class."""


def _read_in_memory(extract: Extractor, sets: _Sets, seed: int) -> Read:
    x = _features(extract, sets.train, sets.chances.used)
    x_test = _features(extract, sets.tested, sets.chosen)
    standardise(x, x_test)
    train, test = (x, sets.known), (x_test, sets.answers)
    return lambda kind, budget: read_linearly(kind, train, test, sets.chances.of(budget), seed)


def _read_from_disk(
    extract: Extractor, sets: _Sets, dims: int, place: Path, say: Callable[[str], None]
) -> Read:
    used, count = sets.chances.used, len(sets.chances.used) + len(sets.chosen)
    say(f"{count:,} x {dims:,} numbers, {2 * count * dims / 1e9:.1f} GB on disk: this takes long")
    stored, start = Stored(place / "features", count, dims), 0
    for dataset, rows in ((sets.train, used), (sets.tested, sets.chosen)):
        for at in range(0, len(rows), READ):
            block = extract(dataset.read(rows[at : at + READ]))
            stored.write(start, block)
            start += len(block)
    stored.standardise(np.arange(len(used)))
    test = (np.arange(len(used), count), sets.answers)

    def read(_kind: Classifier, budget: int) -> Reading:
        return read_streamed(stored, sets.known, sets.chances.of(budget), test, say)

    return read


def _check_numbers(
    budgets: Sequence[int],
    draws: int,
    centroids: int,
    kmeans_layers: int,
    test_limit: int | None,
) -> None:
    given = (
        ("labels_per_class", min(budgets), 2),
        ("draws", draws, 1),
        ("centroids", centroids, 1),
        ("kmeans_layers", kmeans_layers, 1),
        ("test_limit", 1 if test_limit is None else test_limit, 1),
    )
    for name, number, least in given:
        if number < least:
            raise ConfigError(f"{name} must be at least {least}, got {number}", name)


def _data(
    folder: Path,
    record: Record,
    source: str | Path | None,
    test: str | None,
    say: Callable[[str], None],
) -> tuple[str, Dataset, Dataset]:
    """Return (source, training examples, test examples), of the run's shape and equal classes."""
    found = find_data(record.config.data, record.task.shape, source, folder, record)
    other = note_other(found, record.config.data, folder, record)
    if other is not None:
        say(other)
    source = found.settings.source
    train = found.dataset
    check_shape(train, record.task.shape)
    try:
        if test is None:
            tested = found.test()
            check_shape(tested, record.task.shape)
        else:
            data = record.config.data
            tested = load_of_shape(
                test,
                record.task.shape,
                fit=data.fit,
                values=data.values or record.task.pixels.values,
                channels=data.channels,
                crop=data.crop,
            )
    except DataError as error:
        if test is not None:
            raise
        raise DataError(f"{error}; give test, images of another source", "test") from None
    for name, dataset in ((source, train), (test or source, tested)):
        if dataset.labels is None or not dataset.class_names:
            raise DataError(
                f"data '{name}' has no classes, and a probe names them: put each class in a "
                "sub-folder, or give labels"
            )
    if train.class_names != tested.class_names:
        raise DataError(
            f"the classes to test, {_some(tested.class_names)}, are not those to learn, "
            f"{_some(train.class_names)}"
        )
    return source, train, tested


def _memory_needed(chances: _Draws, dims: int, n_test: int) -> int:
    """Return the bytes that features and a fit would take in memory."""
    return 4 * dims * (len(chances.used) + n_test) + memory_needed(chances.largest, dims)


def _check_memory(
    chances: _Draws, dims: int, n_test: int, classifiers: Sequence[Classifier]
) -> None:
    """Raise ConfigError if what is asked for fits neither in memory nor is read from disk."""
    needed = _memory_needed(chances, dims, n_test)
    if needed > MEMORY and "logistic" in classifiers:
        raise ConfigError(
            f"{dims:,} features of {len(chances.used) + n_test:,} images and a fit on "
            f"{chances.largest:,} of them need about {needed / 1e9:.0f} GB, at most "
            f"{MEMORY / 1e9:.0f} are taken: lower labels_per_class, draws or test_limit, or give "
            "the classifier svm alone, which reads them from disk",
            *("labels_per_class", "draws", "test_limit"),
        )


def _extractors(
    record: Record,
    train: Dataset,
    own: ConvFeatures,
    baselines: bool,
    kmeans: tuple[int, int],
    seed: int,
) -> Iterator[tuple[str, Callable[[], Extractor]]]:
    """Yield the name of each kind of features, and a function that builds its extractor.

    `kmeans` is its number of centroids and of layers.
    """
    yield "discriminator", lambda: own
    if not baselines:
        return
    random = rng(seed, Purpose.REFERENCE, 2)
    some = train.read(np.sort(random.permutation(len(train))[:UNLABELLED]))
    config, task = record.config, record.task
    yield "untrained discriminator", lambda: _untrained(config, task, some)
    centroids, layers = kmeans
    name = f"k-means, {centroids:,} of {PATCH}x{PATCH}"
    yield name, lambda: KMeansFeatures(some, centroids, seed)
    if layers > 1:
        yield (
            f"{name}, {layers} layers",
            lambda: DeepKMeansFeatures(some, centroids, layers, seed),
        )
    yield "pixels", _pixels_alone


def _untrained(config: Config, task: Task, images: NDArray[np.generic]) -> Extractor:
    return ConvFeatures(untrained_discriminator(config, task, images))


def _pixels_alone() -> Extractor:
    return lambda images: images.reshape(len(images), -1).astype(np.float32)


def _features(extract: Extractor, dataset: Dataset, indices: Indices) -> Features:
    """Return features float32 [N, dims] of the chosen images, which are read block by block."""
    first = extract(dataset.read(indices[:READ]))
    out = np.empty((len(indices), first.shape[1]), np.float32)
    out[: len(first)] = first
    for start in range(READ, len(indices), READ):
        block = indices[start : start + READ]
        out[start : start + len(block)] = extract(dataset.read(block))
    return out


def _asked_for_classes(run: Run, train: Dataset, say: Callable[[str], None]) -> GAN | None:
    """Return the generator if it can be asked for the classes of the data, else None."""
    if not known_run(run).data["class_names"]:
        return None
    gan = load(run.folder)
    if gan.class_names and gan.class_names != train.class_names:
        say("no generated samples: the run's classes are others than the data's")
    return gan if gan.class_names == train.class_names else None


def _nearest(
    gan: GAN, train: Dataset, tested: Dataset, chosen: Indices, draws: int, seed: int
) -> list[Row]:
    """Name test images by the nearest generated sample, and by the nearest of as many real ones."""
    known, classes = _labels(train), len(gan.class_names)
    each = min(SAMPLES, int(np.bincount(known, minlength=classes).min()))
    queries, answers = tested.read(chosen), _labels(tested)[chosen]
    made, real = [], []
    for draw in range(draws):
        fakes = gan.as_stored(each * classes, seed=seed + draw)
        planes = as_planes(fakes)
        asked = gan.labels_for(len(fakes))
        assert asked is not None
        made.append(float((nearest_labels(planes, asked, queries) == answers).mean()))
        rows = balanced_draw(known, each, seed, draw)
        named = nearest_labels(train.read(rows), known[rows], queries)
        real.append(float((named == answers).mean()))
    dims = int(np.prod(train.shape))
    return [
        row_of(("generated samples", dims, "1-nn", each), made),
        row_of(("as many training images", dims, "1-nn", each), real),
    ]


def _labels(dataset: Dataset) -> Indices:
    assert dataset.labels is not None
    return dataset.labels


def _some(names: Sequence[str]) -> str:
    return f"{len(names)} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"


def _versions() -> dict[str, str]:
    """Return the versions of what computes.

    Raises MissingExtraError if an extra is missing, before anything is computed in vain.
    """
    try:
        import sklearn
    except ImportError:
        raise MissingExtraError("a probe", "evaluate") from None
    return {
        "gankit": __version__,
        "torch": torch.__version__,
        "scikit_learn": sklearn.__version__,
        "python": platform.python_version(),
    }
