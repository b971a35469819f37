"""The base class of what runs beside training: pictures, log, scores, doctor, users' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from gankit.game_types import Moves
    from gankit.training.session import Session


class Callback:
    """Hooks that the loop calls at fixed points of a run; each does nothing unless overridden.

    >>> import gankit
    >>> class Losses(gankit.Callback):
    ...     def after_step(self, trainer, moves):
    ...         print(trainer.state.step, moves["d/adversarial"] > 0)
    >>> config = gankit.override(gankit.configure("gan", "toy:ring8"), {"training.steps": 2})
    >>> _ = gankit.fit(config, "runs/ring", callbacks=[Losses()])
    1 True
    2 True

    Callbacks are called in the order of their list, after gankit's own. A callback may look and
    write, but must not change anything that is trained. It may draw random numbers: a step's draws
    are functions of the seed and the step alone, so a run ends in the same bits with it or without.

    Attributes:
        every_process: whether each process of a run calls it; by default only the first one does.
            A callback that every process calls may use `trainer.runtime.mean`.
    """

    every_process: ClassVar[bool] = False

    def on_start(self, trainer: Session) -> None:
        """Called when the run is set up or restored, after `trainer.state.step` steps."""

    def before_step(self, trainer: Session) -> None:
        """Called before a step is taken."""

    def after_step(self, trainer: Session, moves: Moves) -> None:
        """Called after both players have moved; `trainer.state.step` counts this step."""

    def numbers(self, trainer: Session) -> Mapping[str, float]:
        """Return numbers to add to the line of the log that is being written."""
        return {}

    def on_checkpoint(self, trainer: Session) -> None:
        """Called before a checkpoint is written."""

    def on_end(self, trainer: Session) -> None:
        """Called after the last step of this call, when its checkpoint is written."""

    def on_failure(self, trainer: Session) -> None:
        """Called in place of `on_end` if an error ends training, when what was reached is kept."""

    def close(self) -> None:
        """Release what the callback holds; called when the run is closed, also after an error."""
