"""How fast steps follow one another, and so how much time is left: for the display alone."""

from __future__ import annotations

from collections import deque

MARKS = 60
"""The number of points in time that the pace is measured from; between two lies a second, or a step
if that is longer."""
SETTLED = (10, 2.0)
"""The number of steps, or the seconds, after which the measured pace is believed."""
STANDSTILL = (10.0, 20.0)
"""A step that is longer than this, in seconds and in usual steps, did not train all that time: the
process was stopped, or the machine slept."""


class Pace:
    """The pace of the last minute of training, or of the last sixty steps if they took longer."""

    def __init__(self, step: int, seconds: float, per_step: float | None = None) -> None:
        """Begin at `step`, when the run has trained for `seconds`.

        `per_step`: the seconds that a step is thought to take, until that is measured, or None.
        """
        self.step, self._guess = step, per_step
        self._seconds, self._still = seconds, 0.0
        self._marks: deque[tuple[int, float]] = deque([(step, seconds)], MARKS)

    @property
    def per_step(self) -> float | None:
        """The seconds of a step; None while nothing is known."""
        step, seconds = self._marks[0]
        steps, spent = self.step - step, self._seconds - self._still - seconds
        if steps > 0 and (steps >= SETTLED[0] or spent >= SETTLED[1]):
            return spent / steps
        return self._guess

    def note(self, step: int, seconds: float) -> None:
        """Note that `step` was reached when the run had trained for `seconds` in all."""
        usual, spent = self.per_step, seconds - self._seconds
        steps = step - self.step
        if steps <= 0:  # the run went back to a checkpoint
            self._marks = deque([(step, seconds - self._still)], MARKS)
        elif usual is not None and spent > max(STANDSTILL[0], STANDSTILL[1] * usual * steps):
            self._still += spent - usual * steps
        self.step, self._seconds = step, seconds
        awake = seconds - self._still
        if awake - self._marks[-1][1] >= 1.0:
            self._marks.append((step, awake))

    def left(self, steps: int, waited: float = 0.0) -> float | None:
        """Return the seconds until step number `steps`, `waited` seconds after the last step.

        Whatever lasts longer than a step, such as an evaluation, does not count down. None while
        nothing is known.
        """
        per_step = self.per_step
        if per_step is None:
            return None
        return max(0.0, per_step * (steps - self.step) - min(waited, per_step))


def in_words(seconds: float) -> str:
    """Return a time as `14 s`, `2 min 5 s` or `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
