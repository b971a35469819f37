"""What a person should know before a run: what was read, and what the family does not use."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from gankit.data import Dataset, tell_classes
from gankit.data.layout import name_some
from gankit.game import Game, families_that
from gankit.game_types import Task

MOST_LINES = 5
"""The most lines on the data that a start prints; `--dry-run --verbose` prints all of them."""

LEAST, FEW = 30, 200
"""Below the first number of images, a start says that they are too few to learn from; below the
second, that they are few (docs/photographs.md says what was seen)."""


def brief(dataset: Dataset, game: Game | None = None) -> list[str]:
    """Describe the data in at most `MOST_LINES` lines: those of `everything`, shortened."""
    return shorten(everything(dataset, game))


def shorten(lines: Sequence[str]) -> list[str]:
    """Return at most `MOST_LINES` lines; if there are more, the last one says how many."""
    if len(lines) <= MOST_LINES:
        return [*lines]
    left = len(lines) - MOST_LINES + 1
    return [*lines[: MOST_LINES - 1], f"and {left} more lines about the data"]


def everything(dataset: Dataset, game: Game | None = None) -> list[str]:
    """Describe the data in full: its examples, its classes, what `game` ignores, and its notes."""
    lines = [f"data {dataset.name}: {len(dataset):,} {describe_examples(Task.of(dataset))}"]
    if (classes := tell_classes(dataset)) is not None:
        lines.append(classes)
    if (alike := tell_alike(dataset.class_names)) is not None:
        lines.append(alike)
    if game is not None and (ignored := what_is_ignored(game)) is not None:
        lines.append(ignored)
    if (few := tell_few(dataset)) is not None:
        lines.append(few)
    return [*lines, *dataset.notes]


def describe_examples(task: Task) -> str:
    """Return what the examples are: `grey images 28x28`, or `points of 2 numbers`."""
    if task.is_images:
        channels, height, width = task.shape
        colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
        if task.pixels.alpha:
            return f"colour images with opacity {height}x{width}"
        return f"{colour} images {height}x{width}"
    if task.kind == "points":
        return f"points of {task.shape[0]} numbers"
    if task.kind == "tokens":
        return f"texts of {task.shape[0]} tokens, of {len(task.symbols)} symbols"
    if task.world is not None:
        return f"moments of {task.world.name}, {task.shape[1]} numbers each"
    return f"trajectories of {task.shape[0]} moments, {task.shape[1]} numbers each"


def tell_few(dataset: Dataset) -> str | None:
    """Say what to expect of few images, and what to do; None if they are not few."""
    count = len(dataset)
    if not dataset.is_images or count >= FEW:
        return None
    images = f"{count:,} image{'s' * (count != 1)}"
    if count < LEAST:
        return f"{images}: too few to learn from, expect copies of them; give {LEAST} or more"
    return (
        f"{images}: few, G may copy them; more images help most, then the weights of a run on "
        "images like these (init_from)"
    )


def tell_alike(names: Sequence[str]) -> str | None:
    """Name classes that differ in case, spaces or the spelling of accents alone; None without any.

    They come of copying between systems. They may also be meant, so they stay apart; single letters
    surely are, as of an alphabet.
    """
    alike: dict[str, list[str]] = {}
    for name in names:
        plain = unicodedata.normalize("NFKC", name).casefold()
        if len(plain) > 1:
            alike.setdefault(" ".join(plain.split()), []).append(name)
    doubtful = [name for several in alike.values() if len(several) > 1 for name in several]
    if not doubtful:
        return None
    told = name_some(map(repr, doubtful))
    return f"classes of nearly the same name: {told}; if they are one, give it one name"


def what_is_ignored(game: Game) -> str | None:
    """Say which labels of the data this family does not use; None if it uses all there are."""
    task, family = game.task, game.config.family
    if game.conditional or game.guided or not (task.classes > 1 or task.condition):
        return None
    what = "vectors" if task.condition else "classes"
    users = families_that(
        lambda f: f.takes_vectors if task.condition else bool(f.conditional), task
    )
    return f"family '{family}' makes no use of the {what}: train {users} to ask for them"
