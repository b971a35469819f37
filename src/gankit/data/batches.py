"""The examples of batch number n, a pure function of the seed and n, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gankit.data.dataset import ArrayDataset, Dataset, Subset
from gankit.data.readahead import ReadAhead, say_on_stderr
from gankit.errors import ConfigError
from gankit.randomness import Purpose, rng

Examples = tuple[NDArray[np.generic], NDArray[np.int64] | None]
"""Examples [n, *shape], of the type that their kind has, and their labels: int64 [n] classes,
float32 [n, C] vectors, or None if the data has no labels."""


@lru_cache(maxsize=2)  # a batch may straddle two epochs
def _permutation(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    shuffled: NDArray[np.int64] = rng(seed, Purpose.ORDER, epoch).permutation(count)
    shuffled.setflags(write=False)  # every caller shares it
    return shuffled


def order(count: int, seed: int, start: int, length: int) -> NDArray[np.int64]:
    """Return the indices at `length` positions of an endless stream of shuffled examples.

    Position p lies in epoch p // count. Each epoch holds every index once, in an order of its
    own. This is a pure function of its arguments, so there is no state to save or restore.

    Args:
        count: examples in the set, at least 1.
        seed: the run's seed.
        start: the first position, at least 0.
        length: how many positions, at least 0.

    Returns:
        int64 [length], each in 0..count-1. The array may be read-only.
    """
    epoch, offset = divmod(start, count)
    chosen = _permutation(count, seed, epoch)[offset : offset + length]
    if len(chosen) == length:
        return chosen
    pieces, missing = [chosen], length - len(chosen)
    while missing > 0:
        epoch += 1
        pieces.append(_permutation(count, seed, epoch)[:missing])
        missing -= len(pieces[-1])
    return np.concatenate(pieces)


def choose_labelled(dataset: Dataset, per_class: int, seed: int) -> NDArray[np.int64]:
    """Choose `per_class` examples of each class by the seed alone, and return their indices.

    Raises ConfigError if a class has fewer, or if the data has no labels.
    """
    labels = dataset.labels
    if labels is None:
        raise ConfigError(f"data '{dataset.name}' has no labels to learn from")
    shuffled = rng(seed, Purpose.LABELS).permutation(len(labels))
    chosen = []
    for label, name in enumerate(dataset.class_names):
        of_class = shuffled[labels[shuffled] == label][:per_class]
        if len(of_class) < per_class:
            raise ConfigError(
                f"data.labels_per_class is {per_class}, class '{name}' has {len(of_class)} "
                "examples: lower it",
                "data.labels_per_class",
            )
        chosen.append(of_class)
    return np.concatenate(chosen)


@dataclass(frozen=True)
class Share:
    """All that a worker needs to read one process's slice of any batch."""

    dataset: Dataset
    seed: int
    batch: int
    rank: int
    world: int

    def read(self, position: int) -> Examples:
        """Return this process's slice of batch number `position`."""
        size = self.batch // self.world
        start = position * self.batch + self.rank * size
        indices = order(len(self.dataset), self.seed, start, size)
        labels = self.dataset.labels
        return self.dataset.read(indices), None if labels is None else labels[indices]


class Feed:
    """The batches of a run by number: of each, the slice of this process.

    A set in memory is indexed when a batch is asked for. A set on disk is read ahead by `workers`
    processes, if there are any, in the order of the numbers; asking out of order is allowed, and
    restarts the reading.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        seed: int,
        batch: int,
        workers: int = 0,
        rank: int = 0,
        world: int = 1,
        labels_per_class: int | None = None,
        say: Callable[[str], None] = say_on_stderr,
    ) -> None:
        """Prepare to read batches. Workers start when the first batch is asked for.

        Args:
            dataset: what batches are drawn from.
            seed: the run's seed.
            batch: examples in a batch of all processes together, a multiple of `world`.
            workers: processes that read ahead, 0 for none.
            rank: the number of this process, 0..world-1.
            world: the number of processes.
            labels_per_class: how many examples of each class `labelled` draws from; None: all.
            say: called with a line for each worker that died and was replaced.

        Raises:
            ConfigError: the batch cannot be shared evenly, `workers` is negative, or a class has
                fewer examples than `labels_per_class`.
        """
        if batch < 1 or batch % world:
            raise ConfigError(
                f"batch {batch} cannot be shared by {world} process{'es' * (world > 1)}:"
                f" give a multiple of {world}, at least {world}"
            )
        if workers < 0:
            raise ConfigError(f"workers {workers} is out of range: give 0 or more")
        self._share = Share(dataset, seed, batch, rank, world)
        self._labelled: Share | None = None
        self._chosen = None
        if labels_per_class is not None:
            self._chosen = choose_labelled(dataset, labels_per_class, seed)
        self._ahead: ReadAhead[Examples] | None = None
        if workers and not isinstance(dataset, ArrayDataset):
            self._ahead = ReadAhead(self._share, workers, say)

    def at(self, position: int) -> Examples:
        """Return this process's slice of batch number `position`, counted from 0.

        Raises:
            DataError: a class has no file left that can be read.
            TrainingError: a worker failed or cannot be started, or workers died three times over
                this batch.
        """
        return self._ahead.at(position) if self._ahead else self._share.read(position)

    def labels(self, position: int) -> NDArray[np.int64] | None:
        """Return the labels of the whole batch number `position`, of all processes, [batch]."""
        share = self._share
        if share.dataset.labels is None:
            return None
        start = position * share.batch
        return share.dataset.labels[order(len(share.dataset), share.seed, start, share.batch)]

    def labelled(self, position: int) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
        """Return this process's slice of the labelled batch that goes with batch `position`."""
        if self._labelled is None:
            share = self._share
            known = Subset(share.dataset, self._chosen)
            # Another order, so that the two batches of a step are not the same examples.
            seed = share.seed ^ (1 << 62)
            self._labelled = Share(known, seed, share.batch, share.rank, share.world)
        examples, labels = self._labelled.read(position)
        assert labels is not None
        return examples, labels

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The files that could not be read so far, sorted by path."""
        found = set(self._share.dataset.unreadable)
        if self._ahead:
            found |= self._ahead.unreadable
        return tuple(sorted(found))

    def close(self) -> None:
        """Stop the workers; a later `at` starts them again."""
        if self._ahead:
            self._ahead.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
