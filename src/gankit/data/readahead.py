"""Batches read by worker processes before they are asked for."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from gankit.data.dataset import Dataset
from gankit.errors import DataError, TrainingError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Readable(Protocol[T_co]):
    """What a worker reads from; it is sent to the workers, so it must pickle."""

    @property
    def dataset(self) -> Dataset: ...

    def read(self, position: int) -> T_co: ...


class ReadAhead(Generic[T]):
    """`source.read(position)` for one position after another, by processes that work ahead."""

    def __init__(self, source: Readable[T], workers: int) -> None:
        self.unreadable: set[str] = set()
        self._source = source
        self._workers = workers
        self._positions = _Positions()
        self._loader: Any = None
        self._coming: Iterator[tuple[T | DataError, tuple[str, ...]]] | None = None
        self._next = 0

    def at(self, position: int) -> T:
        """What `source.read(position)` returns; quick if the last position came just before.

        Raises:
            DataError: `source.read` raised it.
            TrainingError: a worker died.
        """
        if self._coming is None or position != self._next:
            self._restart(position)
        assert self._coming is not None
        try:
            answer, unreadable = next(self._coming)
        except RuntimeError as error:
            self.close()
            raise TrainingError(
                f"a worker that reads images died: {error}; fewer workers need less memory"
            ) from None
        self._next = position + 1
        self.unreadable.update(unreadable)
        if isinstance(answer, DataError):
            raise answer
        return answer

    def close(self) -> None:
        """End the workers, which go when nothing refers to the loader any more."""
        self._coming = self._loader = None

    def _restart(self, position: int) -> None:
        if self._loader is None:
            self._loader = self._new_loader()
        self._positions.start = position
        self._coming = iter(self._loader)  # the workers persist, and drop what was under way

    def _new_loader(self) -> Any:
        import torch
        from torch.utils.data import DataLoader

        return DataLoader(
            _Answers(self._source),  # type: ignore[arg-type]  # only indexing is needed of it
            batch_size=None,  # a position is a batch already
            sampler=self._positions,
            num_workers=self._workers,
            persistent_workers=True,
            collate_fn=_as_it_is,
            worker_init_fn=_leave_interrupts_to_the_parent,
            generator=torch.Generator(),  # else starting would draw from the global one
        )


class _Positions:
    """start, start + 1, ... without end."""

    start = 0

    def __iter__(self) -> Iterator[int]:
        return itertools.count(self.start)


class _Answers(Generic[T]):
    """In a worker: by position what was read, or the user's error; and what was unreadable."""

    def __init__(self, source: Readable[T]) -> None:
        self._source = source

    def __getitem__(self, position: int) -> tuple[T | DataError, tuple[str, ...]]:
        answer: T | DataError
        try:
            answer = self._source.read(position)
        except DataError as error:  # raised in a worker it would come back wrapped in a traceback
            answer = error
        return answer, self._source.dataset.unreadable


def _as_it_is(item: T) -> T:
    return item


def _leave_interrupts_to_the_parent(worker: int) -> None:
    # Ctrl-C goes to the whole group; the parent still wants batches until it has saved.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
