"""A few cases of every kind of harm, evenly over all that there are.

`python tools/break_it.py` tries the others, for as long as it is given.
"""

from __future__ import annotations

import pytest
from tools.breaking.kinds import KINDS, all_cases

COUNTS = {"kill": 16, "damage": 20, "poison": 16, "disk": 16}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "place"), [(kind, place) for kind, count in COUNTS.items() for place in range(count)]
)
def test_broken_on_purpose(bench, kind, place):
    cases = all_cases(kind, bench)
    bench.try_out(cases[(2 * place + 1) * len(cases) // (2 * COUNTS[kind])])


def test_every_kind_is_tried():
    assert COUNTS.keys() == KINDS.keys()
