"""What training reads: a set of examples with a length and an index. It knows no batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gankit.arguments import typed_arguments
from gankit.data.given import read_given
from gankit.data.holdout import held_out, no_test_split, rest, tell_held
from gankit.data.layout import name_some
from gankit.data.stores import Root
from gankit.data.tokens import Tokens
from gankit.data.values import PLAIN, PixelFormat
from gankit.errors import DataError
from gankit.worlds.world import World

PYTHON = "python:"
"""The prefix of a recorded source if the data was given by a program: `python:NAME`."""

Kind = Literal["images", "points", "tokens", "trajectories"]
"""The kinds of examples: images uint8 [C, H, W]; points float32 [D]; tokens int64 [T], each the
number of a symbol; trajectories float32 [T, D], D numbers at each of T moments."""


def kind_of(shape: tuple[int, ...], symbols: Sequence[str] = ()) -> Kind:
    """Return the kind of examples of this shape; only tokens have symbols."""
    if symbols:
        return "tokens"
    kinds: dict[int, Kind] = {1: "points", 2: "trajectories", 3: "images"}
    return kinds[len(shape)]


class Dataset(ABC):
    """Examples that can be read by index, in any order, any number of times.

    >>> import gankit
    >>> images = np.zeros((6, 16, 16), np.uint8)
    >>> dataset = gankit.Dataset.of(images, [0, 1] * 3, class_names=["cat", "dog"])
    >>> len(dataset), dataset.shape, dataset.class_names
    (6, (1, 16, 16), ('cat', 'dog'))
    >>> dataset.read(np.array([0, 5])).shape
    (2, 1, 16, 16)

    Attributes:
        name: what the user typed.
        shape: the shape of one example: (channels, height, width) of an image, (dimensions,) of a
            point, (length,) of tokens, (moments, dimensions) of a trajectory.
        symbols: what tokens stand for, by their number; empty if examples are not tokens.
        tokens: what lines of text were taken apart into; None if examples are no text.
        world: the environment that trajectories are of; None if they are not an environment's.
        labels: int64 [N], 0..classes-1; or float32 [N, C], a vector for each example, such as
            several labels at once; or None if there are no labels.
        class_names: one name for each class, in label order; empty if there are no classes.
        fingerprint: a short hex digest that changes if the data, or how it is read, changes.
        notes: one line for each thing the user should know (dropped, resized, converted).
        folder: what `files` are relative to, a folder or a file that holds the pictures; None if
            the examples are not files.
        files: the path of each example's file, in the order of the examples; else empty.
        left_out: why each file that was left out cannot be read, by its path.
        held_out: how many examples of the source are held out from training as its test split.
        splits_by: the name of the table beside the pictures whose column says the splits, if any.
        pixels: what the 8 bits of images stand for: their range and type, and whether they have
            alpha.
        source: what `load_dataset` can read the data from again; None if a program gave it.
    """

    name: str
    shape: tuple[int, ...]
    symbols: tuple[str, ...] = ()
    tokens: Tokens | None = None
    world: World | None = None
    labels: NDArray[Any] | None = None
    class_names: tuple[str, ...] = ()
    fingerprint: str
    notes: tuple[str, ...] = ()
    folder: Root | None = None
    files: tuple[str, ...] = ()
    left_out: Mapping[str, str] = MappingProxyType({})
    held_out: int = 0
    splits_by: str = ""
    pixels: PixelFormat = PLAIN
    source: str | None = None

    @staticmethod
    @typed_arguments(DataError)
    def of(
        given: object,
        labels: object = None,
        *,
        class_names: Sequence[str] | None = None,
        name: str = "arrays",
        channels: Literal["auto", "rgba"] = "auto",
    ) -> Dataset:
        """Make a data set from what a program already holds. It is read once, into memory.

            dataset = gankit.Dataset.of(images, labels, class_names=["cat", "dog"])
            gankit.fit(gankit.configure("cgan", dataset), "runs/pets", dataset=dataset)

        Args:
            given: one of these:

                - images, uint8 [N, H, W], [N, H, W, C] or [N, C, H, W], of 1 to 16 channels; or
                  other numbers, which become 8 bits. Their range is kept: floats in [0, 1] or
                  [-1, 1] have that one, others their own, and samples come out in it. A tensor has
                  its channels first. An array has them last, unless only the first axis can be
                  channels, or the other two are the sides of a square;
                - points, floats [N, D];
                - (given, labels), if `labels` is None;
                - a torch data set of items x or (x, y);
                - a Hugging Face data set with a column `image`, and perhaps `label`;
                - a Dataset, which is returned as it is.
            labels: whole numbers from 0, or names, [N]: the classes are the values that occur; or
                rows with a single 1 among zeros, [N, K]; or conditions, floats [N, C].
            class_names: the names of the classes 0, 1, ...; None: the data set's own names, else
                the values.
            name: what messages and pages call the data.
            channels: "rgba": the last of four channels is opacity; "auto": it is one like the
                others. Pillow images that are transparent in parts are taken over white, or kept.

        Raises:
            DataError: `given` is something else, or holds numbers that are out of range.
        """
        if isinstance(given, Dataset):
            if labels is not None or class_names is not None:
                raise DataError("a Dataset has labels of its own: give its arrays, or no labels")
            return given
        if channels not in ("auto", "rgba"):
            raise DataError(f"channels of arrays are 'auto' or 'rgba', got {channels!r}")
        found = read_given(given, labels, class_names, alpha=channels == "rgba")
        numbers, names, as_given = found.labels or (None, (), None)
        fingerprint = array_fingerprint(found.examples, as_given, found.pixels.mark)
        dataset = ArrayDataset(name, found.examples, fingerprint, numbers, names, found.notes)
        dataset.pixels = found.pixels
        return dataset

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The files that could not be read so far, if they are read while training."""
        return ()

    @property
    def whence(self) -> str:
        """The source that a run records; `python:NAME` if a program gave the data."""
        return PYTHON + self.name if self.source is None else self.source

    @property
    def kind(self) -> Kind:
        """What the examples are: `images`, `points`, `tokens` or `trajectories`."""
        return kind_of(self.shape, self.symbols)

    @property
    def class_counts(self) -> tuple[int, ...]:
        """How many examples each class has, in label order; empty if there are no classes."""
        if self.labels is None or not self.class_names:
            return ()
        return tuple(np.bincount(self.labels, minlength=len(self.class_names)).tolist())

    def number_classes(self, names: Sequence[str], condition: int = 0) -> None:
        """Renumber the classes so that each has the place of its name in `names`.

        A run keeps the class numbers that it began with, whatever order its data is read in now.
        Nothing changes if a class is not among `names`.

        Args:
            names: the names of the run's classes, in label order.
            condition: the size of the vectors that the run was given, or 0. Version 0.1 took rows
                with a single 1 for vectors; for such a run, classes named by their numbers become
                these rows again.
        """
        columns = [int(name) if name.isdecimal() else condition for name in self.class_names]
        if condition and self.labels is not None and max(columns, default=condition) < condition:
            rows = np.eye(condition, dtype=np.float32)[columns]
            self.labels, self.class_names = rows[self.labels], ()
        if not self.class_names or not set(self.class_names) <= set(names):
            return
        assert self.labels is not None
        place = {name: number for number, name in enumerate(names)}
        number = np.array([place[name] for name in self.class_names])
        self.labels, self.class_names = number[self.labels], tuple(names)

    def number_as_trained(self, names: Sequence[str]) -> None:
        """Number the classes of a test split as the training split does, by its class names.

        A note names the classes that training lacks, if there are any; nothing else changes then.
        """
        known = set(names)
        unknown = [name for name in self.class_names if name not in known]
        if names and unknown:
            some = name_some(unknown)
            self.notes += (f"classes of the test split that training does not know: {some}",)
        self.number_classes(names)

    @property
    def values(self) -> tuple[float, float] | None:
        """The values that become black and white, if images hold other than 8 bits; else None."""
        return self.pixels.values

    @property
    def is_images(self) -> bool:
        return self.kind == "images"

    @property
    def condition(self) -> int:
        """The size of the vector that comes with each example; 0 if there is none."""
        return 0 if self.labels is None or self.labels.ndim == 1 else self.labels.shape[1]

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        """Return the examples at these indices, [B, *shape], of the type that their `Kind` has."""


class ArrayDataset(Dataset):
    """A data set that lies in memory as a whole."""

    def __init__(
        self,
        name: str,
        examples: NDArray[np.generic],
        fingerprint: str,
        labels: NDArray[Any] | None = None,
        class_names: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
        symbols: tuple[str, ...] = (),
    ) -> None:
        """Hold `examples` [N, *shape], of the type that their `Kind` has, without a copy.

        `symbols` are needed if the examples are tokens.
        """
        self.name = name
        self.examples = examples
        self.shape = tuple(examples.shape[1:])
        self.fingerprint = fingerprint
        self.labels = labels
        self.class_names = class_names
        self.notes = notes
        self.symbols = symbols

    def __len__(self) -> int:
        return len(self.examples)

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        return self.examples[indices]


def split_off(dataset: ArrayDataset, split: Literal["train", "test"], share: float) -> ArrayDataset:
    """Split a set that has no test split, and return the part for training or the part held out.

    Args:
        dataset: the whole set.
        split: `train` or `test`, the part held out.
        share: the share to hold out (`held_out`).

    Raises DataError if the part held out is asked for and there is none.
    """
    count = len(dataset)
    held = held_out(count, dataset.labels, share)
    if not len(held):
        if split == "test":
            raise no_test_split(dataset.name, count, share)
        dataset.notes += tell_held(0, count, share)
        return dataset
    part = part_of(dataset, held if split == "test" else rest(count, held))
    part.held_out, part.notes = len(held), (*part.notes, *tell_held(len(held), count, share))
    return part


def part_of(dataset: ArrayDataset, kept: NDArray[np.int64]) -> ArrayDataset:
    """Return the examples at the indices `kept`, int64 [M], as a set in memory."""
    part = ArrayDataset(
        dataset.name,
        dataset.examples[kept],
        array_fingerprint(kept, np.frombuffer(dataset.fingerprint.encode(), np.uint8)),
        None if dataset.labels is None else dataset.labels[kept],
        dataset.class_names,
        dataset.notes,
        dataset.symbols,
    )
    part.held_out, part.pixels = dataset.held_out, dataset.pixels
    part.tokens, part.world = dataset.tokens, dataset.world
    return part


class Subset(Dataset):
    """Some examples of a data set, which are read from it when they are asked for."""

    def __init__(self, dataset: Dataset, indices: NDArray[np.int64] | None = None) -> None:
        """Choose the examples at `indices`, int64 [M]; None: all of them."""
        self.dataset = dataset
        self.indices = np.arange(len(dataset)) if indices is None else indices
        self.name, self.shape, self.class_names = dataset.name, dataset.shape, dataset.class_names
        self.symbols, self.pixels = dataset.symbols, dataset.pixels
        self.tokens, self.world = dataset.tokens, dataset.world
        self.notes, self.held_out = dataset.notes, dataset.held_out
        self.labels = None if dataset.labels is None else dataset.labels[self.indices]
        self.fingerprint = array_fingerprint(self.indices) + dataset.fingerprint

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def unreadable(self) -> tuple[str, ...]:
        return self.dataset.unreadable

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        return self.dataset.read(self.indices[indices])


def array_fingerprint(*arrays: NDArray[np.generic] | None) -> str:
    """Return 16 hexadecimal digits that change with any value, type or shape. None is skipped."""
    digest = blake2b(digest_size=8)
    for array in arrays:
        if array is not None:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
