"""What a race may try in place of a setting: a few values, or a range (`gankit race`).

    {"training.batch": Among((32, 16, 64)), "generator_optimizer.lr": Between(5e-4, 8e-3)}

A family says what is worth trying with it (`Game.search_space`); `usual_space` is what most share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gankit.settings.config import Config
from gankit.settings.schema import flatten

Value = str | int | float | bool


@dataclass(frozen=True)
class Between:
    """Any number from `low` to `high`, both above 0; each factor is as likely as any other."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.3g} to {self.high:.3g}"

    def holds(self, value: object) -> bool:
        return isinstance(value, (int, float)) and self.low <= value <= self.high


@dataclass(frozen=True)
class Among:
    """One of these values, as they are typed."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))

    def holds(self, value: object) -> bool:
        return value in self.values


Space = Mapping[str, Between | Among]
"""What may be tried for each setting, by dotted key."""


def around(value: float, factor: float) -> Between:
    """Return the range from a `factor` below a value to a `factor` above it."""
    return Between(value / factor, value * factor)


def among(value: Value, *others: Value) -> Among:
    """Return a choice of a value and others, each once."""
    return Among(tuple(dict.fromkeys((value, *others))))


RATES, WEIGHTS = 4.0, 10.0
"""The factors to both sides in which learning rates, and weights of penalties, are tried."""
EMA = (0.99, 0.998, 0.999)
AUGMENT = ("none", "translation", "colour+translation")
LOSSES = ("non_saturating", "hinge", "relativistic")


def usual_space(config: Config, *, images: bool, any_loss: bool) -> dict[str, Between | Among]:
    """Return what is worth trying for most families: both rates, R1's weight, batch, and so on.

    Every setting's own value is among what is tried.

    Args:
        config: the configuration around which to try.
        images: whether the examples are images, which can be augmented.
        any_loss: whether the family plays with every loss.
    """
    batch, objective = config.training.batch, config.objective
    space: dict[str, Between | Among] = {}
    for player in ("generator_optimizer", "discriminator_optimizer"):
        rate = getattr(config, player).lr
        space |= {f"{player}.lr": around(rate, RATES)} if rate else {}
    if objective.penalty != "none" and objective.penalty_weight:
        space["objective.penalty_weight"] = around(objective.penalty_weight, WEIGHTS)
    if any_loss:
        space["objective.loss"] = among(objective.loss, *LOSSES)
    space["training.batch"] = among(batch, max(2, batch // 2), 2 * batch)
    space["training.ema"] = among(config.training.ema, *EMA)
    if images:
        space["stabilise.augment"] = among(config.stabilise.augment, *AUGMENT)
    return space


def widths(config: Config, *keys: str) -> dict[str, Between | Among]:
    """Return half and twice of each of these settings, beside its own value."""
    flat: dict[str, Any] = flatten(config)
    return {key: among(flat[key], max(1, flat[key] // 2), 2 * flat[key]) for key in keys}
