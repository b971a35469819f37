"""One pass over a split: which examples were looked at, their digests, copies and values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.data import Dataset
from gankit.data.folder import FolderDataset
from gankit.data.images import decode
from gankit.data.opening import UnreadableError, header, quiet_decoding
from gankit.inspection.repeats import SIDE, small_copies
from gankit.randomness import Purpose, rng

MOST, MOST_FROM_DISK = 100_000, 20_000
"""The most examples of a split that are looked at: of one in memory, of one that is decoded while
it is read."""
MOST_SIZED = 5_000
"""The most files whose size is read."""
AT_A_TIME = 2**22
"""About how many values are read at a time."""


@dataclass(frozen=True)
class Example:
    """One example, as a person finds it again: its split, its file or number, its class."""

    split: str
    name: str
    label: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.split}{'' if self.label is None else f', {self.label}'})"


@dataclass(frozen=True)
class Numbers:
    """The values that examples hold.

    Attributes:
        names: `value` for images, else one name for each number of a point or a moment.
        low, high, mean: of each, over all examples that were looked at.
        counts: for images, how many values are 0, 1, ... 255; for tokens, how many are each symbol;
            else empty.
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    mean: tuple[float, ...]
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Scan:
    """What is kept of a split after it was read once.

    Attributes:
        split: `train` or `test`.
        count: how many examples the split has.
        looked_at: how many of them were looked at.
        examples: those of them that can be read.
        digests: one for each, of its values.
        copies: small copies of images (`small_copies`); empty for other examples.
        numbers: their values.
        sizes: how many of the files looked at have each (height, width); empty without files.
        broken: why a file cannot be read, by its path.
    """

    split: str
    count: int
    looked_at: int
    examples: Sequence[Example]
    digests: Sequence[bytes]
    copies: NDArray[np.uint8]
    numbers: Numbers
    sizes: Mapping[tuple[int, int], int]
    broken: Mapping[str, str]


def scan(dataset: Dataset, split: str, most: int | None = None, seed: int = 0) -> Scan:
    """Read the examples of a split once, or as many as `most`, drawn by `seed`.

    None: `MOST`, or `MOST_FROM_DISK` if each is decoded when it is read.
    """
    chosen = choose(dataset, most, seed)
    kept: list[int] = []
    digests: list[bytes] = []
    copies = [np.empty((0, *dataset.shape[:1], SIDE, SIDE), np.uint8)]
    tally = _Tally(dataset)
    for part in _parts(chosen, dataset):
        examples = dataset.read(part)
        broken = set(dataset.unreadable if dataset.files else ())  # others were read for them
        readable = [i for i, at in enumerate(part) if not broken or dataset.files[at] not in broken]
        examples = np.ascontiguousarray(examples[readable])
        if not len(examples):
            continue
        kept += part[readable].tolist()
        digests += [blake2b(example.data, digest_size=16).digest() for example in examples]
        tally.add(examples)
        if dataset.is_images:
            copies.append(small_copies(examples))  # type: ignore[arg-type]
    return Scan(
        split=split,
        count=len(dataset),
        looked_at=len(chosen),
        examples=[_named(dataset, split, index) for index in kept],
        digests=digests,
        copies=np.concatenate(copies) if dataset.is_images else copies[0],
        numbers=tally.numbers(),
        sizes=_sizes(dataset, chosen),
        broken={**dataset.left_out, **_reasons(dataset)},
    )


def choose(dataset: Dataset, most: int | None, seed: int) -> NDArray[np.int64]:
    """Return ascending indices of the examples to look at: all, or as many as are allowed."""
    if most is None:
        most = MOST_FROM_DISK if isinstance(dataset, FolderDataset) else MOST
    count = len(dataset)
    if count <= most:
        return np.arange(count)
    return np.sort(rng(seed, Purpose.INSPECTION).choice(count, most, replace=False))


def _parts(chosen: NDArray[np.int64], dataset: Dataset) -> Iterator[NDArray[np.int64]]:
    rows = max(1, AT_A_TIME // int(np.prod(dataset.shape)))
    return (chosen[start : start + rows] for start in range(0, len(chosen), rows))


def _named(dataset: Dataset, split: str, index: int) -> Example:
    name = dataset.files[index] if dataset.files else f"example {index:,}"
    if not dataset.class_names or dataset.labels is None:
        return Example(split, name)
    return Example(split, name, dataset.class_names[dataset.labels[index]])


def _sizes(dataset: Dataset, chosen: NDArray[np.int64]) -> Mapping[tuple[int, int], int]:
    if dataset.folder is None:
        return {}
    root = dataset.folder
    places = np.linspace(0, len(chosen) - 1, min(len(chosen), MOST_SIZED)).round().astype(int)

    def size(index: int) -> tuple[int, int] | None:
        with suppress(UnreadableError):
            return header(root / dataset.files[index]).size
        return None

    with quiet_decoding(), ThreadPoolExecutor(4) as pool:
        found = list(pool.map(size, chosen[places].tolist()))
    return dict(Counter(one for one in found if one is not None).most_common())


def _reasons(dataset: Dataset) -> dict[str, str]:
    """Say why each file that was found to be unreadable while reading is so."""
    reasons: dict[str, str] = {}
    if dataset.folder is None or not isinstance(dataset, FolderDataset):
        return reasons
    for path in dataset.unreadable:
        try:
            with quiet_decoding():
                decode(dataset.folder / path, *dataset.read_as)
        except UnreadableError as error:
            reasons[path] = str(error)
    return reasons


class _Tally:
    """Counts values, block by block."""

    def __init__(self, dataset: Dataset) -> None:
        self._counted = dataset.is_images or bool(dataset.symbols)
        self._symbols = dataset.symbols
        self._counts = np.zeros(len(dataset.symbols) or 256, np.int64)
        width = dataset.shape[-1]
        self._low, self._high = np.full(width, np.inf), np.full(width, -np.inf)
        self._sum, self._rows = np.zeros(width), 0

    def add(self, examples: NDArray[Any]) -> None:
        if self._counted:
            self._counts += np.bincount(examples.reshape(-1), minlength=len(self._counts))
            return
        rows = examples.reshape(-1, examples.shape[-1]).astype(np.float64)
        self._low = np.minimum(self._low, rows.min(0))
        self._high = np.maximum(self._high, rows.max(0))
        self._sum, self._rows = self._sum + rows.sum(0), self._rows + len(rows)

    def numbers(self) -> Numbers:
        if not self._counted:
            names = tuple(f"number {i + 1}" for i in range(len(self._low)))
            low, high = tuple(self._low.tolist()), tuple(self._high.tolist())
            return Numbers(names, low, high, tuple((self._sum / max(1, self._rows)).tolist()))
        counts = tuple(self._counts.tolist())
        if self._symbols:
            return Numbers(self._symbols, (), (), (), counts)
        found = np.flatnonzero(self._counts)
        mean = float(np.arange(256) @ self._counts / max(1, self._counts.sum()))
        ends = (float(found[0]), float(found[-1])) if len(found) else (0.0, 0.0)
        return Numbers(("value",), ends[:1], ends[1:], (mean,), counts)
