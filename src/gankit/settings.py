"""A setting, said in one place: its default, and the numbers that it may be.

    batch: int = setting(64, least=2, most=2**20)

`check_settings` holds every field of a dataclass to that. The highest numbers are no advice: beyond
them lie typing errors, and sizes that no machine holds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, TypeVar

from gankit.errors import ConfigError
from gankit.text import shown

T = TypeVar("T")

LAYER = 2**16
"""The most units, channels or numbers in one layer of a network."""
RARELY = 10**9
"""The most steps between two of anything."""
LONGEST = 64
"""The most numbers in a list of them."""


@dataclass(frozen=True)
class Limits:
    """What a number may be, or each number of a list; `above` and `below` are outside."""

    least: float | None
    most: float | None
    above: float | None
    below: float | None

    def broken_by(self, number: float) -> str | None:
        """What it must be, where it is not: `at least 1`, `at most 64`, `in [0, 1)`."""
        low = self.least if self.above is None else self.above
        high = self.most if self.below is None else self.below
        assert low is not None
        assert high is not None
        too_low = not (number > low if self.above is not None else number >= low)
        too_high = not (number < high if self.below is not None else number <= high)
        if number != number:
            return "a finite number"
        if not (too_low or too_high):
            return None
        if self.above is None and self.below is None:
            return f"at least {low:,}" if too_low else f"at most {high:,}"
        left, right = "[("[self.above is not None], "])"[self.below is not None]
        return f"in {left}{low:,}, {high:,}{right}"


def setting(
    default: T,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> T:
    """A dataclass field that is a number, several, or None, with its limits.

    Args:
        least, most: the lowest and the highest that it may be, of a list each of its numbers.
        above, below: in place of them where the limit itself is outside.
    """
    if (least is None) == (above is None) or (most is None) == (below is None):
        raise TypeError("a number has one lower limit and one upper limit")
    return field(default=default, metadata={"limits": Limits(least, most, above, below)})


def check_settings(settings: Any, prefix: str = "") -> None:
    """Hold each field to its limits. Raises ConfigError, naming it as `prefix` + its name."""
    for item in dataclasses.fields(settings):
        check_setting(item.metadata, getattr(settings, item.name), prefix + item.name)


def check_setting(metadata: Mapping[Any, Any], value: object, name: str) -> None:
    """Hold one value to the limits in its field's metadata, if any. Raises ConfigError."""
    limits: Limits | None = metadata.get("limits")
    several: Any = value if isinstance(value, (tuple, list)) else (value,)
    if len(several) > LONGEST:
        raise ConfigError(f"{name} takes {LONGEST} values at most, got {len(several):,}")
    if limits is None or value is None:
        return
    for number in several:
        if isinstance(number, bool) or not isinstance(number, Real):
            raise ConfigError(f"{name} must be a number, got {shown(value)}")
        if wanted := limits.broken_by(number):  # type: ignore[arg-type]
            raise ConfigError(f"{name} must be {wanted}, got {shown(value)}")
