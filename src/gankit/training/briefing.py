"""What a person should know before a run: what was read, and what the family makes no use of."""

from __future__ import annotations

from gankit.data import Dataset, tell_classes
from gankit.game import Game, families_that
from gankit.game_types import Task

MOST_LINES = 5
"""A start says no more than this; `--dry-run --verbose` says all."""


def brief(dataset: Dataset, game: Game | None = None) -> list[str]:
    """Tell the data in a few lines: examples, classes, what `game` ignores, what was left out."""
    lines = everything(dataset, game)
    if len(lines) <= MOST_LINES:
        return lines
    left = len(lines) - MOST_LINES + 1
    return [*lines[: MOST_LINES - 1], f"and {left} more lines about the data"]


def everything(dataset: Dataset, game: Game | None = None) -> list[str]:
    """The same, with every note of the data."""
    lines = [f"data {dataset.name}: {len(dataset):,} {describe_examples(Task.of(dataset))}"]
    if (classes := tell_classes(dataset)) is not None:
        lines.append(classes)
    if game is not None and (ignored := what_is_ignored(game)) is not None:
        lines.append(ignored)
    return [*lines, *dataset.notes]


def describe_examples(task: Task) -> str:
    """`grey images 28x28`, `colour images 64x64`, `points of 2 numbers`."""
    if task.is_images:
        channels, height, width = task.shape
        colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
        return f"{colour} images {height}x{width}"
    if task.kind == "points":
        return f"points of {task.shape[0]} numbers"
    if task.kind == "tokens":
        return f"texts of {task.shape[0]} tokens, of {len(task.symbols)} symbols"
    return f"trajectories of {task.shape[0]} moments, {task.shape[1]} numbers each"


def what_is_ignored(game: Game) -> str | None:
    """What the data holds and this family makes no use of; None if there is no such thing."""
    task, family = game.task, game.config.family
    if game.conditional or game.guided or not (task.classes > 1 or task.condition):
        return None
    what = "vectors" if task.condition else "classes"
    users = families_that(lambda f: f.takes_vectors if task.condition else bool(f.conditional))
    return f"family '{family}' makes no use of the {what}: train {users} to ask for them"
