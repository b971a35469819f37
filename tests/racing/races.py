"""Races that were never run: trials and final runs, and the record of their race."""

from __future__ import annotations

import math

from gankit.racing.journal import Entry
from gankit.racing.plan import Plan
from gankit.racing.record import Budget, Final, Record
from gankit.settings.config import Config

DEFAULT = Entry(0, {"training.batch": 32}, {0: 3.0, 1: 2.0}, True, True, "", 90, 1.5)
BETTER = Entry(1, {"training.batch": 16}, {0: 2.0, 1: 1.0}, True, True, "", 90, 1.5)
BEHIND = Entry(2, {"training.batch": 64}, {0: 9.0}, True, False, "", 10, 0.5)
SICK = Entry(3, {"training.batch": 64}, {0: math.inf}, True, False, "sick at step 10: collapse")
ENTRIES = [DEFAULT, BETTER, BEHIND, SICK]
FINAL = Final(0, 270, 4.2, 2.0, 1.9, 2.1, ("FD(points) 3",))
BEST = Final(1, 270, 4.4, 1.0, 0.9, 1.1)


def make_record(config: Config, *finals: Final, chosen: int | None) -> Record:
    """The record of a race of four trials, with these final runs."""
    return Record(
        config=config,
        data={"name": config.data.source, "fingerprint": "f00d", "count": 100},
        held_out=(20, 20),
        features="points",
        floor=0.1,
        space={"training.batch": "32, 16, 64"},
        asked=Budget(trials=4, steps=90),
        plan=Plan(4, 90),
        finals=finals,
        chosen=chosen,
    )
