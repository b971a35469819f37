"""A few cases of every kind of harm, evenly over all that there are.

`python tools/break_it.py` tries the others, for as long as it is given.
"""

from __future__ import annotations

from functools import partial

import pytest
from tools.breaking import mutate
from tools.breaking.kinds import KINDS, all_cases
from tools.breaking.runs import Case

COUNTS = {
    "kill": 7,
    "random": 3,
    "signals": 5,
    "damage": 8,
    "poison": 6,
    "starts": 5,
    "disk": 6,
    "loads": 1,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "place"), [(kind, place) for kind, count in COUNTS.items() for place in range(count)]
)
def test_broken_on_purpose(bench, kind, place):
    cases = all_cases(kind, bench)
    bench.try_out(cases[(2 * place + 1) * len(cases) // (2 * COUNTS[kind])])


@pytest.mark.slow
@pytest.mark.parametrize("name", mutate.KINDS)
def test_mutants_are_met_with_the_thing_or_a_line(bench, name):
    count = min(20, mutate.BATCH.get(name, 6))
    what = f"{count} mutants of {name}"
    bench.try_out(Case(what, partial(mutate.batch, name, 0, count, what)))


def test_every_kind_is_tried():
    assert {*COUNTS, "mutate"} == KINDS.keys()
