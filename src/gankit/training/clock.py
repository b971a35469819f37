"""Times of a run: what its steps took, over all resumptions, and what is due by the clock."""

from __future__ import annotations

import time

from gankit.settings.config import Config
from gankit.training.state import State

SECONDS_BETWEEN_CHECKPOINTS = 300.0
OVERTIME = 1.25
"""A budget in minutes is a number of steps; the clock only guards, at this many budgets."""


class Clock:
    """Times of one call."""

    def __init__(self, config: Config, state: State, started: float) -> None:
        """`started`: of the call, on the monotonic clock."""
        self.started = started
        self._config, self._state = config, state
        self.begin()

    def begin(self) -> None:
        """The first step of this call is next."""
        self._before = self._state.seconds
        self._began = self._checkpoint = self._window = time.monotonic()
        self._window_step = self._state.step

    def tick(self) -> None:
        """A step was taken."""
        self._state.seconds = self._before + time.monotonic() - self._began

    def leave_out(self, seconds: float) -> None:
        """Time in which no step was meant to be taken: no part of the budget, nor of the speed."""
        self._began += seconds
        self._window += seconds
        self.started += seconds

    def images_per_second(self) -> float:
        """Real images shown to D per second, over all processes, since this was last asked."""
        config, now, step = self._config, time.monotonic(), self._state.step
        images = (step - self._window_step) * config.training.batch * config.objective.k
        rate = images / max(now - self._window, 1e-9)
        self._window, self._window_step = now, step
        return rate

    def checkpoint_is_old(self) -> bool:
        """Whether too much would be lost by a kill."""
        return time.monotonic() - self._checkpoint > SECONDS_BETWEEN_CHECKPOINTS

    def note_checkpoint(self) -> None:
        """A checkpoint was written just now."""
        self._checkpoint = time.monotonic()

    def overtime(self) -> bool:
        """Whether a budget in minutes is well overspent since the call began."""
        minutes = self._config.training.minutes
        return minutes is not None and time.monotonic() - self.started > OVERTIME * 60 * minutes
