"""`fit`: train what a configuration says into a run directory."""

from __future__ import annotations

from pathlib import Path

from gankit.errors import TrainingError
from gankit.settings.config import Config
from gankit.training.loop import Outcome, keeping_what_was_reached, play
from gankit.training.stop_signals import StopSignals
from gankit.training.trainer import open_session


def fit(config: Config, folder: str | Path) -> Outcome:
    """Train what `config` says into a run directory; given a begun run, go on with it.

    Args:
        config: a complete configuration (`gankit.configure` makes one).
        folder: the run directory, created where it is missing.

    Raises:
        GankitError: one of its subclasses, for everything that a user can mend.
    """
    try:
        with (
            StopSignals() as signals,
            open_session(config, folder) as session,
            keeping_what_was_reached(session),
        ):
            return play(session, signals)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        raise TrainingError(
            "out of memory: lower --batch, --size or the networks' widths; what was reached is kept"
        ) from None
