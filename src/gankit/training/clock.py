"""The times of a run: seconds spent on steps, over all resumptions, and what is due by now."""

from __future__ import annotations

import time

from gankit.settings.config import Config
from gankit.training.state import State

SECONDS_BETWEEN_CHECKPOINTS = 300.0
SECONDS_BETWEEN_LINES, MOST_LINES = 2.0, 200
"""A step is logged if the last line is this many seconds old, or this share of the run's time if
that is longer. So a slow run has enough lines to be judged by, and no more than some hundred that
are not due by their step."""
OVERTIME = 1.25
"""How many times a budget in minutes may take before the clock ends the run.

Such a budget is turned into a number of steps at the start; the clock is only a guard.
"""


class Clock:
    """The times of one call of `fit`."""

    def __init__(self, config: Config, state: State, started: float) -> None:
        """`started`: when the call began, on the monotonic clock."""
        self.started = started
        self._config, self._state = config, state
        self.begin()

    def begin(self) -> None:
        """Start the clock, just before the first step of this call."""
        self._before = self._state.seconds
        self._began = self._checkpoint = self._window = time.monotonic()
        self._window_step = self._state.step

    def tick(self) -> None:
        """Count the time up to the step that was just taken."""
        self._state.seconds = self._before + time.monotonic() - self._began

    def leave_out(self, seconds: float) -> None:
        """Leave `seconds` without training, such as an evaluation's, out of budget and speed."""
        self._began += seconds
        self._window += seconds
        self.started += seconds

    def images_per_second(self) -> float:
        """Return real images shown to D per second, over all processes, since the last call."""
        config, now, step = self._config, time.monotonic(), self._state.step
        images = (step - self._window_step) * config.training.batch * config.objective.k
        rate = images / max(now - self._window, 1e-9)
        self._window, self._window_step = now, step
        return rate

    def checkpoint_is_old(self) -> bool:
        """Return whether the last checkpoint is so old that a kill would lose too much."""
        return time.monotonic() - self._checkpoint > SECONDS_BETWEEN_CHECKPOINTS

    def line_is_old(self) -> bool:
        """Return whether the last line of the log is so old that the next step needs one."""
        seconds = max(SECONDS_BETWEEN_LINES, self._state.seconds / MOST_LINES)
        return time.monotonic() - self._window >= seconds

    def note_checkpoint(self) -> None:
        """Note that a checkpoint was written just now."""
        self._checkpoint = time.monotonic()

    def overtime(self) -> bool:
        """Return whether this call has overspent a budget in minutes by far (`OVERTIME`)."""
        minutes = self._config.training.minutes
        return minutes is not None and time.monotonic() - self.started > OVERTIME * 60 * minutes
