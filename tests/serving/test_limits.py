"""Limits that a server can keep."""

from __future__ import annotations

import math

import pytest

from gankit.errors import ConfigError
from gankit.serving.limits import Limits


@pytest.mark.parametrize(
    "wrong", [{"samples": 0}, {"seconds": -1}, {"seconds": math.nan}, {"seconds": math.inf}]
)
def test_a_limit_is_positive(wrong):
    with pytest.raises(ConfigError, match="must be above 0"):
        Limits(**wrong)


def test_the_queue_has_room_for_the_largest_request():
    with pytest.raises(ConfigError, match="no room for a request of 256"):
        Limits(queue=255)
    assert Limits(queue=8, samples=8).queue == 8
