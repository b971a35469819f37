"""The kinds of harm by name: each gives its cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tools.breaking import damage, disk, kill, loads, mutate, poison, random_kills, signals, starts
from tools.breaking.runs import Bench, Case

KINDS: dict[str, Callable[[Bench, int], Iterator[Case]]] = {
    "kill": lambda bench, seed: kill.cases(bench),
    "random": random_kills.cases,
    "signals": lambda bench, seed: signals.cases(bench),
    "damage": lambda bench, seed: damage.cases(bench),
    "mutate": mutate.cases,
    "poison": lambda bench, seed: poison.cases(bench),
    "starts": starts.cases,
    "disk": lambda bench, seed: disk.cases(bench),
    "loads": lambda bench, seed: loads.cases(bench),
}


def all_cases(kind: str, bench: Bench, seed: int = 0) -> list[Case]:
    """Every case of a kind. The same seed gives the same ones."""
    return list(KINDS[kind](bench, seed))
