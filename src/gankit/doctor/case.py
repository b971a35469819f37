"""Everything that the doctor knows of a run: its settings, its log, its finished samples.

Every threshold is in docs/doctor.md, with how it was chosen and how often it is right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.doctor.samples import Examination
from gankit.families import FAMILIES
from gankit.run import Record
from gankit.settings.config import Config

SMOOTHED = 5
"""The number of logged lines in a moving median, so that one odd line is no sign."""
LINES = 10
"""The fewest logged lines from which signs are told: by default 500 steps have as many."""
YOUNG = (0.2, 500, 2000)
"""The share of a run's steps before which it is young, at least 500 and at most 2,000 steps.

A family whose steps are long is judged from fewer on (`Game.judged_from`).
A young run is not judged by its log or its samples: a healthy one may look like a sick one.
"""
LASTING = (0.2, 8)
"""The share of the logged lines, and the number of them, for which a sign must have lasted."""


class Unseen(Exception):  # noqa: N818 - no error: a sign that could not be looked for
    """The reason why a sign could not be looked for."""


@dataclass(frozen=True)
class Case:
    """Everything known of a run: its settings and data, log, events and finished samples.

    `reached` is the last step that is known of, if it may be later than the last logged one.
    """

    record: Record
    lines: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]] = ()
    examination: Examination | None = None
    why_none: str = "the run is still training"
    reached: int = 0

    @property
    def config(self) -> Config:
        return self.record.config

    @property
    def by_class(self) -> bool:
        """Whether G is asked for a class, as the finished samples or the log show."""
        asked = self.examination is not None and self.examination.asked is not None
        return asked or (bool(self.lines) and "samples/within" in self.lines[-1])

    @property
    def step(self) -> int:
        """The last step that is known of; 0 if there is none."""
        return max(self.reached, int(self.lines[-1]["step"]) if self.lines else 0)

    @property
    def needed(self) -> int:
        """The number of steps from which on the run is judged."""
        share, least, most = YOUNG
        least = min(least, FAMILIES[self.config.family].judged_from)
        return min(max(math.ceil(share * self.record.plan.steps), least), most)

    @property
    def is_young(self) -> bool:
        return self.step < self.needed

    @property
    def youth(self) -> str | None:
        """Why the run is too young to be judged; None if it is not."""
        if not self.is_young:
            return None
        return f"the run is young: step {self.step:,}; from {self.needed:,} it can be told"

    @property
    def missing(self) -> str | None:
        """What a verdict on the run still needs, in words; None if it can be given."""
        if self.is_young:
            more = self.needed - self.step
            return f"{self.step:,} of about {self.needed:,} steps: a verdict needs {more:,} more"
        if len(self.lines) < LINES:
            more = LINES - len(self.lines)
            return f"{len(self.lines)} of {LINES} logged lines: a verdict needs {more} more"
        return None

    @property
    def samples(self) -> Examination:
        """The finished samples and real examples.

        Raises Unseen if there are none, or if the run is young.
        """
        if self.examination is None:
            raise Unseen(self.why_none)
        if self.youth is not None:
            raise Unseen(self.youth)
        return self.examination

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        return np.array([line["step"] for line in self.lines], np.int64)

    def raw(self, key: str, *, least: int = LINES, young: bool = False) -> NDArray[np.float64]:
        """Return a logged number of every line, NaN if a line lacks it.

        Raises Unseen if the last line lacks it, if fewer than `least` lines are logged, or if the
        run is young, unless `young` says that the number can be judged all the same.
        """
        if len(self.lines) < least:
            raise Unseen(f"{len(self.lines)} lines are logged; {least} are needed")
        if self.youth is not None and not young:
            raise Unseen(self.youth)
        if key not in self.lines[-1]:
            raise Unseen(f"the log has no '{key}'")
        return np.array([line.get(key, math.nan) for line in self.lines], np.float64)

    def series(self, key: str, *, least: int = LINES, young: bool = False) -> NDArray[np.float64]:
        """Return `raw(...)` smoothed: the median of each line and the `SMOOTHED - 1` before it."""
        values = self.raw(key, least=least, young=young)
        padded = np.concatenate([np.full(SMOOTHED - 1, values[0]), values])
        windows = np.lib.stride_tricks.sliding_window_view(padded, SMOOTHED)
        smoothed: NDArray[np.float64] = np.median(windows, 1)
        return smoothed

    def lasting(self, holds: NDArray[np.bool_]) -> slice | None:
        """Return the last lines in all of which `holds` is true; None if they are too few."""
        failed = np.flatnonzero(~holds)
        start = int(failed[-1]) + 1 if len(failed) else 0
        wanted = max(LASTING[1], LASTING[0] * len(holds))
        return slice(start, len(holds)) if len(holds) - start >= wanted else None

    def since(self, stretch: slice) -> int:
        return int(self.steps[stretch.start])


def per_cent(share: float) -> str:
    """Return a share in per cent: 0.1234 is `12 %`; below 10 % with a decimal, `1.2 %`."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"
