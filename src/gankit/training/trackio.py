"""Follow a run in trackio, a dashboard on the own machine."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from gankit.errors import MissingExtraError
from gankit.pictures import Pixels
from gankit.settings.config import Config
from gankit.settings.schema import flatten
from gankit.text import reason
from gankit.training.trackers import Tracker

PROJECT = "gankit"


class Trackio(Tracker):
    """Logs into trackio's project `gankit`, as a record with the run's name."""

    def __init__(self, name: str, config: Config, goes_on: bool) -> None:
        """Begin nothing before the first number or picture.

        Args:
            name: the name of the record.
            config: what the record says of the run.
            goes_on: whether the run has begun before, so that its record goes on too.

        Raises MissingExtraError if trackio is not installed.
        """
        try:
            import trackio
        except ImportError:
            raise MissingExtraError("trackio", "trackio") from None
        self._trackio: Any = trackio
        self._about = {
            "name": name,
            "config": flatten(config),
            "resume": "allow" if goes_on else "never",
        }
        self._record: Any = None

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        self._write(lambda record: record.log(dict(numbers), step=step))

    def picture(self, step: int, picture: Pixels) -> None:
        self._write(lambda record: record.log({"samples": self._trackio.Image(picture)}, step=step))

    def close(self) -> None:
        if self._record is not None:
            # Not the record's own finish: trackio would finish it once more as the process ends.
            self._write(lambda _record: self._trackio.finish())
        self._record = None

    def _write(self, act: Callable[[Any], None]) -> None:
        """Call `act` with the record. What fails ends the record, not the run."""
        if self._trackio is None:
            return
        try:
            if self._record is None:
                self._record = self._trackio.init(
                    PROJECT, embed=False, auto_log_gpu=False, auto_log_cpu=False, **self._about
                )
            act(self._record)
        except Exception as error:  # whatever happens inside trackio
            self._trackio = None
            warnings.warn(f"trackio's record ends here: {reason(error)}", stacklevel=3)
