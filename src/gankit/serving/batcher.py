"""Generate the samples of many requests together, and give each request its own.

One thread takes waiting latents in the order in which they came, as many as one pass of the
generator takes, whichever requests they belong to. A sample is the same to the bit whatever else is
in its pass: passes have always the same size (`gankit.trained.generating.generate`), and where the
rows of a pass depend on each other all the same, which is tried at the start, requests do not share
one.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.data.pixels import to_numbers
from gankit.game_types import Latent
from gankit.trained.drawing import draw_block
from gankit.trained.gan import GAN
from gankit.trained.generating import generate, rows_of_a_pass

Samples = NDArray[Any]


class QueueFullError(Exception):
    """The queue has no room for a request.

    Attributes:
        seconds: when to try again, as far as can be told; at least 1.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many samples wait already: try again in {seconds} s")
        self.seconds = seconds


class ClosedError(Exception):
    """The server is stopping, and takes no new requests."""

    def __init__(self) -> None:
        super().__init__("the server is stopping")


@dataclass(eq=False)
class _Job:
    """The latents of a request, how many of them are taken, and the samples made so far."""

    latent: Latent
    future: Future[Samples] = field(default_factory=Future)
    taken: int = 0
    made: list[Samples] = field(default_factory=list)

    def take(self, most: int) -> Latent:
        """Return the next latents, `most` or fewer."""
        part = self.latent[self.taken : self.taken + most]
        self.taken += len(part)
        return part

    @property
    def left(self) -> int:
        return len(self.latent) - self.taken

    def add(self, samples: Samples) -> None:
        """Add the samples of the latents that were taken last; the last ones finish the job."""
        self.made.append(samples)
        if not self.left:
            with suppress(InvalidStateError):  # nobody waits for it any more
                self.future.set_result(np.concatenate(self.made))

    def fail(self, error: Exception) -> None:
        with suppress(InvalidStateError):
            self.future.set_exception(error)


class Batcher:
    """The queue of a trained GAN, and the thread that works it off.

    Args:
        gan: the trained GAN.
        most: the most samples that may wait.
    """

    def __init__(self, gan: GAN, most: int) -> None:
        self._gan, self._most = gan, most
        self._device = next(gan.generator.parameters()).device
        self._rows = rows_of_a_pass(self._device)
        self.shares_passes = rows_are_independent(gan)
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._waiting = 0
        self._seconds_per_pass = 0.01  # until the first one is measured
        self._thread = threading.Thread(target=self._work, name="gankit-batcher", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of samples that wait."""
        return self._waiting

    def submit(self, latent: Latent) -> Future[Samples]:
        """Ask for the sample of each latent, [N, ...] as `GAN.sample` returns them.

        A future that is cancelled takes its latents out of the queue. Raises QueueFullError or
        ClosedError, and then nothing is changed.
        """
        job = _Job(latent)
        with self._changed:
            if self._closing:
                raise ClosedError
            if self._waiting + len(latent) > self._most:
                raise QueueFullError(self._seconds_until_free())
            self._waiting += len(latent)
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Take no new requests, finish those that are accepted, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _seconds_until_free(self) -> int:
        return max(1, math.ceil(self._waiting / self._rows * self._seconds_per_pass))

    def _work(self) -> None:
        while shares := self._next_pass():
            started = time.monotonic()
            try:
                samples = self._generate([latent for _, latent in shares])
            except Exception as error:  # such as too little memory: those who asked are told
                for job, _ in shares:
                    job.fail(error)
                continue
            self._seconds_per_pass = time.monotonic() - started
            start = 0
            for job, latent in shares:
                job.add(samples[start : start + len(latent)])
                start += len(latent)

    def _next_pass(self) -> list[tuple[_Job, Latent]]:
        """Wait for latents and take those of one pass; none once it is closed and all is done."""
        with self._changed:
            while True:
                shares = self._take()
                if shares or self._closing:
                    return shares
                self._changed.wait()

    def _take(self) -> list[tuple[_Job, Latent]]:
        shares: list[tuple[_Job, Latent]] = []
        room = self._rows
        while self._jobs and room and (self.shares_passes or not shares):
            job = self._jobs[0]
            if job.future.done():  # cancelled, or failed
                self._waiting -= job.left
                self._jobs.popleft()
                continue
            latent = job.take(room)
            room -= len(latent)
            self._waiting -= len(latent)
            shares.append((job, latent))
            if not job.left:
                self._jobs.popleft()
        return shares

    def _generate(self, latents: Sequence[Latent]) -> Samples:
        game = self._gan.game
        with torch.inference_mode():
            fake = generate(game, joined(latents).to(self._device))
            return to_numbers(fake, game.value_range, game.task.pixels)


def joined(latents: Sequence[Latent]) -> Latent:
    """Return latents one after another; all have labels, or none has."""
    labels = [one.labels for one in latents if one.labels is not None]
    return Latent(torch.cat([one.noise for one in latents]), torch.cat(labels) if labels else None)


def rows_are_independent(gan: GAN) -> bool:
    """Return whether a sample is the same to the bit wherever in a pass it is, and beside whom.

    The order in which numbers are added does not depend on their values, so if it changed with the
    place, nearly every sample would show it.
    """
    device = next(gan.generator.parameters()).device
    rows = rows_of_a_pass(device)
    asked = gan.labels_for(rows, np.zeros(gan.condition)) if gan.condition else gan.labels_for(rows)
    labels = None if asked is None else torch.from_numpy(asked)
    latent = draw_block(gan.game, 0, labels, rows, seed=0).to(device)
    backwards = torch.arange(rows - 1, -1, -1, device=device)

    def made(part: Latent) -> Tensor:
        return generate(gan.game, part)

    with torch.inference_mode():
        every = made(latent)
        turned, alone = made(latent[backwards])[backwards], made(latent[:1])
    return torch.equal(every, turned) and torch.equal(every[:1], alone)
