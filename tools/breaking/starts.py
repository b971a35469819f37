"""Two and three starts at once in one new folder: one trains, and what is there is its own."""

from __future__ import annotations

import errno
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.breaking.hooks import PauseAt, watched, without_locks
from tools.breaking.processes import Call, Result
from tools.breaking.runs import TINY, Bench, Case, complete, differences, expect, one_line

WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
EARLY = 24
"""Operations of a start among which a second one may come between; of later ones some are tried."""


@dataclass(frozen=True)
class Starts:
    """Several starts of one run.

    Attributes:
        seeds: the seed that each is given; equal ones are the same command.
        pause: the operation before which the first stands still until the others are over; None:
            all start at about the same moment.
        locks: the error that locking gives, or None where it works.
        stagger: seconds between two starts, on average.
    """

    seeds: tuple[int, ...]
    pause: int | None = None
    locks: int | None = None
    stagger: float = 0.0

    def __str__(self) -> str:
        how = f"{len(self.seeds)} starts with seeds {', '.join(map(str, self.seeds))}"
        when = f"{self.stagger * 1000:.0f} ms apart"
        if self.pause is not None:
            when = f"the first stands still before operation {self.pause}"
        without = "" if self.locks is None else f", {errno.errorcode[self.locks]} for a lock"
        return f"{how}, {when}{without}"

    def check(self, bench: Bench, folder: Path) -> None:
        results = self.play(bench, folder)
        what = str(self)
        for result in results:
            one_line(result, what)
        trained = [n for n, result in enumerate(results) if result.out.startswith("trained")]
        expect(len(trained) == 1, f"{what}: {len(trained)} of them trained", results[-1], lost=True)
        for place, result in enumerate(results):
            if self.seeds[place] != self.seeds[trained[0]]:
                expect(result.code == 2, f"{what}: number {place + 1} is refused", result)
        run = folder / "run"
        seed = json.loads((run / "run.json").read_text())["config"]["training"]["seed"]
        different = differences(run, bench.whole(command_of(seed)))
        expect(not different, f"{what}: run.json has seed {seed}, but {different}", lost=True)
        complete(bench, run, what, command_of(seed))

    def play(self, bench: Bench, folder: Path) -> list[Result]:
        """Start all of them; how each ended."""
        run, here, go = folder / "run", folder / "here", folder / "go"
        always: tuple[Call, ...] = ()
        if self.locks is not None:
            always = (partial(without_locks, self.locks),)
        children = []
        for place, seed in enumerate(self.seeds):
            pause: tuple[Call, ...] = ()
            if place == 0 and self.pause is not None:
                pause = (watched(run, PauseAt(self.pause, here, go)),)
            arguments = (*command_of(seed), "--out", run)
            child = bench.start(*arguments, prepare=(*always, *pause), inside=folder)
            children.append(child)
            while pause and child.running() and not here.exists():
                time.sleep(0.002)
            time.sleep(self.stagger)
        others = [child.wait() for child in children[1:]]
        go.touch()
        return [children[0].wait(), *others]


def command_of(seed: int) -> tuple[str, ...]:
    return (*TINY, "--seed", str(seed))


def cases(bench: Bench, seed: int) -> Iterator[Case]:
    """With locks and without: the first held up at each early operation, and all at once."""
    rng = random.Random(seed)
    count = len(bench.whole().operations)
    for locks in (None, *WITHOUT_LOCKS):
        for seeds in ((0, 7), (0, 0), (0, 7, 7), (0, 7, 8)):
            for pause in (*range(1, EARLY), *rng.sample(range(EARLY, count), 4)):
                yield case(Starts(seeds, pause, locks))
            for _ in range(8):
                yield case(Starts(seeds, None, locks, round(rng.uniform(0, 0.1), 3)))
    for error in WITHOUT_LOCKS:
        yield Case(f"one start, {errno.errorcode[error]} for a lock", partial(alone, error))


def case(starts: Starts) -> Case:
    return Case(str(starts), starts.check)


def alone(error: int, bench: Bench, folder: Path) -> None:
    """Where there are no locks, a run trains all the same."""
    run = folder / "run"
    result = bench.train(run, partial(without_locks, error))
    expect(result.code == 0, f"{errno.errorcode[error]} for a lock: it trains", result)
    complete(bench, run, f"{errno.errorcode[error]} for a lock")
