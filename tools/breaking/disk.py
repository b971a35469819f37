"""A disk that fails: at each file operation of a run, once or from then on.

What is right: the run goes on without what it can do without, and says so, or it ends with one
line; and the same command afterwards comes to what an undisturbed run does.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.breaking.hooks import Fail, watched
from tools.breaking.operations import CHANGES, Operation
from tools.breaking.runs import TINY, Bench, Case, complete, differences, expect, one_line

WRITES = ("open", "write", "fsync", "rename", "mkdir")
ERRORS: dict[int, tuple[str, ...]] = {
    errno.EIO: (*CHANGES, "read", "list"),
    errno.ENOSPC: WRITES,
    errno.EDQUOT: WRITES,
    errno.EROFS: ("open", "rename", "mkdir", "unlink"),
    errno.EINTR: (*CHANGES, "read", "list"),
    errno.EACCES: ("open", "read", "list", "rename", "mkdir", "unlink"),
}
"""What may fail, and at which operations."""
FOR_EVER = 1_000_000


@dataclass(frozen=True)
class Failure:
    """`operation` fails with `error`: alone, or with everything of its kind after it.

    `resumed`: the run was killed before, and it is the call that goes on which meets the error.
    """

    operation: Operation
    error: int
    times: int
    resumed: bool = False

    def __str__(self) -> str:
        often = "once" if self.times == 1 else "from then on"
        again = ", when it resumes" if self.resumed else ""
        return f"{errno.errorcode[self.error]} at {self.operation}, {often}{again}"

    def check(self, bench: Bench, folder: Path) -> None:
        run = bench.copy(bench.unfinished(), folder) if self.resumed else folder / "run"
        names = ERRORS[self.error]
        fail = Fail(self.error, self.operation.number, self.times, names)
        result = bench.train(run, watched(run, fail))
        one_line(result, str(self))
        without: tuple[str, ...] = ()
        if result.code == 0:
            without = self.left_out(bench, run, result.err)
        complete(bench, run, str(self), besides=without)

    def left_out(self, bench: Bench, run: Path, said: str) -> tuple[str, ...]:
        """What a run that went on did without: pictures, and it must say so."""
        different = differences(run, bench.whole(), besides=("leftovers",))
        pictures = all(d.startswith(("picture", "grid", "film", "report")) for d in different)
        expect(pictures, f"{self}: exit 0, but {'; '.join(different)}", lost=True)
        silent = different and os.strerror(self.error) not in said
        expect(not silent, f"{self}: exit 0, and not a word of {'; '.join(different)}")
        missing = tuple(d.split(" differs")[0] for d in different if d.startswith("picture"))
        return (*missing, "film") if missing else ()


def cases(bench: Bench) -> Iterator[Case]:
    """Each error at each operation that it can befall."""
    for failure in failures(bench):
        yield Case(str(failure), failure.check)


def failures(bench: Bench) -> Iterator[Failure]:
    for resumed in (False, True):
        operations = bench.operations_of_resuming() if resumed else bench.whole(TINY).operations
        for operation in operations:
            for error, names in ERRORS.items():
                if operation.name in names:
                    for times in (1, FOR_EVER):
                        yield Failure(operation, error, times, resumed)
