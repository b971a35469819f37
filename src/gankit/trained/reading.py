"""Data for a trained run, read as the run read its own."""

from __future__ import annotations

from contextlib import suppress

from gankit.data import Dataset, load_of_shape
from gankit.data.read_options import Split
from gankit.errors import DataError
from gankit.trained.gan import GAN


def read_for(gan: GAN, source: str, split: Split | None) -> Dataset:
    """Read the images of a source at the run's size, with its channels and its range of values.

    Args:
        gan: the trained run; it makes images.
        source: a name or a path.
        split: which part; None: the test split if there is one, and else all.

    Raises DataError if they cannot be read, or are arrays of another size.
    """
    if split is None:
        with suppress(DataError):  # it has no test split, or cannot be read at all
            return read_for(gan, source, "test")
    data = gan.config.data
    return load_of_shape(
        source,
        gan.shape,
        split or "train",
        fit=data.fit,
        values=data.values or gan.pixels.values,
        channels=data.channels,
        crop=data.crop,
    )
