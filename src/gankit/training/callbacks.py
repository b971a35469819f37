"""What happens beside training: pictures, the log, scores, the doctor, whatever a user adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from gankit.game_types import Moves
    from gankit.training.session import Session


class Callback:
    """Called by the loop at fixed points of a run; every method does nothing unless overridden.

    >>> import gankit
    >>> class Losses(gankit.Callback):
    ...     def after_step(self, trainer, moves):
    ...         print(trainer.state.step, moves["d/adversarial"] > 0)
    >>> config = gankit.override(gankit.configure("gan", "toy:ring8"), {"training.steps": 2})
    >>> _ = gankit.fit(config, "runs/ring", callbacks=[Losses()])
    1 True
    2 True

    Callbacks are called in the order of their list, behind gankit's own. A callback looks and
    writes; it changes nothing of what is trained. It may draw random numbers: a step's draws are
    functions of the seed and the step alone, so a run ends in the same bits with it and without.

    Attributes:
        every_process: whether each process of a run calls it; by default the first one does. One
            that is called everywhere may use `trainer.runtime.mean`.
    """

    every_process: ClassVar[bool] = False

    def on_start(self, trainer: Session) -> None:
        """The run is set up, or restored: `trainer.state.step` steps are behind it."""

    def before_step(self, trainer: Session) -> None:
        """A step is about to be taken."""

    def after_step(self, trainer: Session, moves: Moves) -> None:
        """Both players have moved; `trainer.state.step` counts this step."""

    def numbers(self, trainer: Session) -> Mapping[str, float]:
        """What to add to the line of the log that is being written."""
        return {}

    def on_checkpoint(self, trainer: Session) -> None:
        """A checkpoint is about to be written."""

    def on_end(self, trainer: Session) -> None:
        """The last step of this call is taken, and its checkpoint written."""

    def close(self) -> None:
        """The run is let go of, also after an error."""
