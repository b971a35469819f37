"""How well samples fit the class they were asked for: accuracy and Frechet distance by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError
from gankit.metrics.arrays import as_features, as_labels, check_count
from gankit.metrics.distances import nearest
from gankit.metrics.frechet import frechet_distance, moments


@dataclass(frozen=True)
class ByClass:
    """A measure over all classes together, for each class, and for the worst class.

    >>> read, asked = np.array([0, 1, 1]), np.array([0, 1, 0])
    >>> found = conditional_accuracy(read, asked, 2)
    >>> found.worst, found.worst_class
    (0.5, 0)

    Attributes:
        overall: for an accuracy, the share of all samples; for a distance, the mean over classes.
        each: the value of each class, float64 [K]; nan for a class that nobody asked for.
        worst: the value of the worst class: the lowest accuracy, or the largest distance.
        worst_class: the class of that value.
    """

    overall: float
    each: NDArray[np.float64]
    worst: float
    worst_class: int


@typed_arguments()
def conditional_accuracy(
    predicted: NDArray[np.integer], asked: NDArray[np.integer], classes: int
) -> ByClass:
    """Return the share of samples, in [0, 1], that a classifier reads as the class asked for.

    Args:
        predicted: whole numbers [N], the classes that a classifier names.
        asked: whole numbers [N] in 0..classes-1, the labels that the samples were made from.
        classes: the number of classes.

    >>> conditional_accuracy(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).each.tolist()
    [0.5, 1.0]

    Raises ConfigError if there is nothing to compare, if the lengths differ, or if labels asked
    for are out of range.
    """
    predicted, asked = as_labels(predicted, what="predicted"), as_labels(asked, what="asked")
    if not len(predicted) == len(asked) > 0:
        raise ConfigError(
            f"accuracy needs one asked label a sample, got {len(asked)} for {len(predicted)}"
        )
    counts = _counts(asked, classes)
    right = np.bincount(asked[predicted == asked], minlength=classes)
    each = np.divide(right, counts, out=np.full(classes, np.nan), where=counts > 0)
    worst = int(np.nanargmin(each))
    return ByClass(float(right.sum() / len(asked)), each, float(each[worst]), worst)


def label_match(
    real: NDArray[np.floating],
    real_labels: NDArray[np.integer],
    fake: NDArray[np.floating],
    asked: NDArray[np.integer],
) -> float:
    """Return the share of fakes, in [0, 1], whose nearest real example has the class asked for.

    It needs no classifier, but features in which classes lie apart: compare it with the share that
    other real examples have.

    Args:
        real: features [N, D].
        real_labels: whole numbers [N], the class of each.
        fake: features [M, D].
        asked: whole numbers [M], the class that each was asked for.

    >>> real = np.array([[0.0], [1.0]])
    >>> label_match(real, np.array([0, 1]), np.array([[0.1], [0.2], [0.9]]), np.array([0, 1, 1]))
    0.6666666666666666

    Raises ConfigError for other shapes.
    """
    real, fake = as_features(real, fake)
    real_labels, asked = as_labels(real_labels, len(real)), as_labels(asked, len(fake))
    return float((real_labels[nearest(fake, real)[0]] == asked).mean())


@typed_arguments()
def class_frechet(
    real: NDArray[np.floating],
    real_labels: NDArray[np.integer],
    fake: NDArray[np.floating],
    fake_labels: NDArray[np.integer],
    classes: int,
    least: int = 50,
) -> ByClass:
    """Return the Frechet distance of each class's fakes to its real examples, and the mean.

    It sees what one distance over all classes cannot: good samples of the wrong class, and a class
    that is one picture. With fewer examples than dimensions it lies far above 0 even for perfect
    samples: compare it with the distance between two sets of real examples at the same counts.

    Args:
        real: features [N, D].
        real_labels: whole numbers [N] in 0..classes-1.
        fake: features [M, D].
        fake_labels: whole numbers [M] in 0..classes-1.
        classes: the number of classes.
        least: examples that each class needs on either side.

    >>> real = np.random.default_rng(0).normal(size=(200, 2))
    >>> labels = np.arange(200) % 2
    >>> class_frechet(real, labels, real + 1, labels, 2).overall.__round__(6)
    2.0

    Raises ConfigError for other shapes or labels, or if a class has fewer than `least` examples on
    either side.
    """
    real, fake = as_features(real, fake)
    real_labels, fake_labels = as_labels(real_labels, len(real)), as_labels(fake_labels, len(fake))
    for what, labels in (("real", real_labels), ("fake", fake_labels)):
        counts = _counts(labels, classes)
        if counts.min() < least:
            few = int(counts.argmin())
            raise ConfigError(
                f"class {few} has {counts[few]} {what} examples, a Frechet distance by class "
                f"needs {least} of each: take more examples, or leave it out"
            )
    each = np.array(
        [
            frechet_distance(moments([real[real_labels == c]]), moments([fake[fake_labels == c]]))
            for c in range(classes)
        ]
    )
    worst = int(each.argmax())
    return ByClass(float(each.mean()), each, float(each[worst]), worst)


def _counts(labels: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    check_count("classes", classes)
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise ConfigError(
            f"labels go from {labels.min()} to {labels.max()}, {classes} classes from 0"
        )
    return np.bincount(labels, minlength=classes)
