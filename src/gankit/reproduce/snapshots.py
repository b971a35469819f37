"""A run's last checkpoints as generators: the last weights, and their average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gankit.errors import RunError
from gankit.run import Record, Run, checkpoints
from gankit.trained.gan import GAN
from gankit.training.checkpoint import below, read_checkpoint
from gankit.training.state import build_game

COUNT, EVERY = 5, 500
"""How many checkpoints are looked at, and the steps between two of them."""
KEPT: Mapping[str, Any] = {"output.keep": COUNT, "output.checkpoint_every": EVERY}
"""The settings with which a run keeps them."""


@dataclass(frozen=True)
class Snapshot:
    """The generator at one step of a run.

    Attributes:
        step: the steps that it had taken.
        last: with the weights of that step.
        averaged: with averaged weights; None if the run averages none.
    """

    step: int
    last: GAN
    averaged: GAN | None


def snapshots(run: Run) -> Iterator[Snapshot]:
    """Yield the run's checkpoints, from the oldest to the newest, without the untrained start.

    Raises RunError if the run has none or if one cannot be read.
    """
    record, paths = run.record(), checkpoints(run)
    if record is None or not paths:
        raise RunError(f"'{run.folder}' has no checkpoints to measure: train it again")
    for path in paths:
        tensors, numbers = read_checkpoint(path, record)
        if step := numbers["step"]:
            last = _generator(record, below(tensors, "generator/"), step)
            averaged = None
            if record.config.training.ema:
                averaged = _generator(record, below(tensors, "average/generator/"), step)
            yield Snapshot(step, last, averaged)


def _generator(record: Record, weights: dict[str, Tensor], step: int) -> GAN:
    game = build_game(record.config, record.task)
    game.generator.load_state_dict(weights)
    game.generator.eval().requires_grad_(False)
    return GAN(game, step)
