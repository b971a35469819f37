"""Files that turn out to be unreadable while a run reads them from disk: said, each once."""

from __future__ import annotations

from collections.abc import Iterable

from gankit.data.layout import name_some
from gankit.training.callbacks import Callback
from gankit.training.session import Session


class Unreadable(Callback):
    """Says with each checkpoint which files could not be read since the last one."""

    def __init__(self, said: Iterable[str]) -> None:
        """`said`: those that the notes of the data name, which are said as a run starts."""
        self._said = set(said)

    def on_checkpoint(self, trainer: Session) -> None:
        found = [path for path in trainer.feed.unreadable if path not in self._said]
        if found:
            files = f"{len(found):,} more file{'s' * (len(found) != 1)}"
            trainer.display.say(
                f"step {trainer.state.step:,}: unreadable, the next ones of their class stand in: "
                f"{files}: {name_some(found)}"
            )
        self._said.update(found)

    def on_failure(self, trainer: Session) -> None:
        self.on_checkpoint(trainer)  # a checkpoint was perhaps not reached
