"""Log numbers every so many steps and seconds: to metrics.jsonl, the display and trackers.

A tracker may be given histograms too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gankit.game_types import Moves
from gankit.nn.layers import frozen
from gankit.storage import flush
from gankit.training.callbacks import Callback
from gankit.training.session import Session
from gankit.training.trackers import Tracker


class Log(Callback):
    """Logs what the players minimised, as means over all processes, and what callbacks add."""

    every_process = True

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._unwritten: dict[str, Any] | None = None

    def on_start(self, trainer: Session) -> None:
        state, plan = trainer.state, trainer.plan
        trainer.display.begin(state.step, plan.steps, state.seconds, plan.seconds_per_step)

    def after_step(self, trainer: Session, moves: Moves) -> None:
        if not trainer.logs_now:
            trainer.display.advance(trainer.state.step, trainer.state.seconds)
            return
        named = moves.tensors()
        values = trainer.runtime.mean(torch.stack([v.detach().float() for v in named.values()]))
        if not trainer.writes:
            return
        numbers = dict(zip(named, values.tolist(), strict=True))
        for part in trainer.game.parts:
            numbers |= {name: float(value) for name, value in part.numbers().items()}
        numbers |= moves.gradients
        for callback in trainer.callbacks:
            numbers |= callback.numbers(trainer)
        numbers["images_per_second"] = trainer.clock.images_per_second()
        for name, player in trainer.state.players.items():
            numbers[f"lr_{name[0]}"] = player.optimizer.param_groups[0]["lr"]
        self._write(trainer, numbers)
        if self._tracker.wants_histograms:
            self._tracker.histograms(trainer.state.step, histograms(trainer))

    def _write(self, trainer: Session, numbers: dict[str, float]) -> None:
        step, seconds = trainer.state.step, round(trainer.state.seconds, 3)
        self._unwritten = {"step": step, "seconds": seconds, **numbers}
        trainer.run.log(self._unwritten)
        self._unwritten = None
        self._tracker.numbers(step, numbers)
        trainer.display.advance(step, trainer.state.seconds, numbers)
        for notice in trainer.game.notices:
            trainer.display.say(f"step {step:,}: {notice}")
        trainer.game.notices.clear()

    def on_checkpoint(self, trainer: Session) -> None:
        """Write and flush the step's line, so that even a power cut leaves no step without one."""
        if not trainer.writes:
            return
        if self._unwritten is not None:
            trainer.run.log(self._unwritten)
            self._unwritten = None
        flush(trainer.run.metrics_path)

    def close(self) -> None:
        self._tracker.close()


def histograms(trainer: Session) -> dict[str, Tensor]:
    """Return z, D(x) and D(G(z)) of the step's last batch, by these names, each in one dimension.

    The players are as they are after this step and nothing of them moves. D(x) is the sigmoid of
    D's logit.
    """
    game, players = trainer.game, trainer.state.players
    batch = trainer.batch
    assert batch is not None
    with (
        torch.no_grad(),
        frozen(players["generator"].network),
        frozen(players["discriminator"].network),
    ):
        fake = game.generate(batch.latent)
        real, generated = (game.logits(x, batch.labels) for x in (batch.real, fake))
    return {
        "z": batch.latent.noise.flatten(),
        "D(x)": real.flatten().sigmoid(),
        "D(G(z))": generated.flatten().sigmoid(),
    }
