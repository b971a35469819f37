"""Classify a user's images with a run's discriminator."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.data import Dataset, as_pictures
from gankit.data.read_options import Split
from gankit.errors import DataError, RunError
from gankit.metrics.clusters import match_clusters
from gankit.storage import write_atomically
from gankit.trained.gan import GAN
from gankit.trained.reading import read_for


def classify_data(gan: GAN, source: str, split: Split | None, target: Path | None) -> str:
    """Classify the images of a source at the run's size, and return a report.

    If the images have labels, the report gives the share that is right. Categories without names
    are first matched to the labels one to one, on these images, which makes it an upper bound.

    Args:
        gan: the trained run.
        source: the name or path of the images.
        split: the split to classify; None: the test split if there is one, and else all.
        target: a CSV table to write, with one line for each image, and its file if it has one;
            None: no table.

    Raises DataError if the run makes no images, ConfigError if it names no classes, RunError if
    the table cannot be written.
    """
    if gan.kind != "images":
        raise DataError(f"this run knows {gan.kind}, not images")
    dataset = read_for(gan, source, split)
    if set(dataset.class_names) == set(gan.judged_names):
        dataset.number_classes(gan.judged_names)
    chances = np.concatenate([gan.judge(part) for part in _images(dataset)])
    named, names = chances.argmax(1), gan.judged_names
    if target is not None:
        table = io.StringIO(newline="")
        rows = csv.writer(table, lineterminator="\n")  # a class's name may hold a comma
        files = dataset.files
        rows.writerow(("index", "class", "chance", *(["file"] if files else [])))
        rows.writerows(
            (i, names[label], f"{chance[label]:.4f}", *files[i : i + 1])
            for i, (label, chance) in enumerate(zip(named, chances, strict=True))
        )
        try:
            write_atomically(target, table.getvalue().encode(errors="replace"))
        except OSError as error:
            raise RunError(f"'{target}' cannot be written: {error.strerror}") from None
    counts = np.bincount(named, minlength=len(names))
    part = "" if split is None else f" ({split})"
    lines = [f"{len(named):,} images of {source}{part}", *dataset.notes]
    lines += [f"  {name:<12} {count:,}" for name, count in zip(names, counts, strict=True)]
    return "\n".join([*lines, *_score(gan, dataset, named)])


def _images(dataset: Dataset, block: int = 1000) -> Iterator[NDArray[np.uint8]]:
    """Yield the images in blocks, uint8 [n, H, W] or [n, H, W, C]."""
    for start in range(0, len(dataset), block):
        yield as_pictures(dataset.read(np.arange(start, min(start + block, len(dataset)))))


def _score(gan: GAN, dataset: Dataset, named: NDArray[np.int64]) -> list[str]:
    """Return a line on the share of images named rightly; no line if the labels do not tell."""
    if dataset.labels is None or len(dataset.class_names) != len(gan.judged_names):
        return []
    how = ""
    if gan.judged_names != dataset.class_names:
        named = match_clusters(named, dataset.labels, len(gan.judged_names))[named]
        how = ", after matching categories to classes on these images"
    wrong = int((named != dataset.labels).sum())
    return [f"right: {1 - wrong / len(named):.2%} ({wrong:,} wrong){how}"]
