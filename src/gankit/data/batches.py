"""Which examples make up batch number n: a pure function of the seed and n. And their delivery."""

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
"""uint8 [n, C, H, W] or float32 [n, D]; and int64 [n] labels, or None without labels."""


@lru_cache(maxsize=2)  # a batch may straddle two epochs
def _permutation(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    shuffled: NDArray[np.int64] = rng(seed, Purpose.ORDER, epoch).permutation(count)
    shuffled.setflags(write=False)  # every caller shares it
    return shuffled


def order(count: int, seed: int, start: int, length: int) -> NDArray[np.int64]:
    """Positions `start` to `start + length - 1` of an endless stream of shuffled examples.

    Position p lies in epoch p // count, and each epoch holds every index once, in an order of
    its own. A pure function of its arguments: nothing to save, nothing to restore.

    Args:
        count: examples in the set, at least 1.
        seed: the run's seed.
        start: from 0.
        length: how many positions, at least 0.

    Returns:
        int64 [length], each in 0..count-1; it may be read-only.
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
    """The indices of `per_class` examples of each class, a function of the seed alone.

    Raises ConfigError where a class has fewer.
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
    """One process's part of every batch: what a worker needs to read it."""

    dataset: Dataset
    seed: int
    batch: int
    rank: int
    world: int

    def read(self, position: int) -> Examples:
        """This process's slice of batch number `position`."""
        size = self.batch // self.world
        start = position * self.batch + self.rank * size
        indices = order(len(self.dataset), self.seed, start, size)
        labels = self.dataset.labels
        return self.dataset.read(indices), None if labels is None else labels[indices]


class Feed:
    """The batches of a run by number, of each the slice that is this process's.

    A set in memory is indexed here and now. One on disk is read ahead in `workers` processes,
    if any, in the order of the numbers; asking out of order only restarts the reading.
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
        """`batch`: of all `world` processes together, a multiple of `world`. `labels_per_class`:
        how many examples of each class `labelled` draws from; None: all. `say` is told of each
        worker that died and was replaced.

        Raises:
            ConfigError: the batch cannot be shared evenly, workers is negative, or a class has
                fewer examples than labels are asked for.
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
        """This process's slice of batch number `position`, from 0; with labels if there are any.

        Raises:
            DataError: no file is left that could be read.
            TrainingError: a worker failed, or died three times over this batch.
        """
        return self._ahead.at(position) if self._ahead else self._share.read(position)

    def labels(self, position: int) -> NDArray[np.int64] | None:
        """The labels of the whole batch number `position`, of all processes: int64 [batch]."""
        share = self._share
        if share.dataset.labels is None:
            return None
        start = position * share.batch
        return share.dataset.labels[order(len(share.dataset), share.seed, start, share.batch)]

    def labelled(self, position: int) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
        """This process's slice of the labelled batch that goes with batch number `position`."""
        if self._labelled is None:
            share = self._share
            known = Subset(share.dataset, self._chosen)
            # An order of its own, so that the two batches of a step are not the same examples.
            seed = share.seed ^ (1 << 62)
            self._labelled = Share(known, seed, share.batch, share.rank, share.world)
        examples, labels = self._labelled.read(position)
        assert labels is not None
        return examples, labels

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The files that could not be read so far, sorted."""
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
