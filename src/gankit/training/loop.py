"""The loop: what happens in a run, in the order in which it happens."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from gankit.config import Config
from gankit.run import Run
from gankit.training.session import Session, open_session
from gankit.training.signals import StopSignals
from gankit.training.update import NotFiniteError

SECONDS_BETWEEN_CHECKPOINTS = 300.0
OVERTIME = 1.25
"""A budget in minutes is a number of steps; the clock only guards, at this many budgets."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        step, steps: where it stands, of how many.
        trained: steps taken by this call.
        seconds: spent on steps, over all resumptions.
        writes: whether this is the process that writes; the others stay silent.
        signal: what stopped it early, if a signal did.
        overtime: whether the clock stopped it early.
    """

    run: Run
    step: int
    steps: int
    trained: int
    seconds: float
    writes: bool
    signal: Signals | None = None
    overtime: bool = False

    @property
    def finished(self) -> bool:
        return self.step >= self.steps


def fit(config: Config, folder: str | Path) -> Outcome:
    """Train what `config` says into a run directory; given a begun run, go on with it.

    Args:
        config: a complete configuration (`gankit.configure` makes one).
        folder: the run directory, created where it is missing.

    Raises:
        GankitError: one of its subclasses, for everything that a user can mend.
    """
    with open_session(config, folder) as session, StopSignals() as signals:
        return play(session, signals)


def play(session: Session, signals: StopSignals) -> Outcome:
    """Play from the state's step to the plan's last one, or until told to stop."""
    state, steps, output = session.state, session.plan.steps, session.config.output
    session.display.begin(state.step, steps)
    clock, overtime, began = Clock(session), False, state.step
    written = state.step if session.resumed else -1  # the first finds a full disk before the work

    while state.step < steps:
        if due(state.step, session.sample_every):
            session.write_picture()
        if state.step != written and (
            written < 0 or due(state.step, session.checkpoint_every) or clock.checkpoint_is_old()
        ):
            session.write_checkpoint()
            written = clock.note_checkpoint()
        if state.step > began and due(state.step, output.evaluate_every):
            clock.leave_out(session.evaluate())
        session.evaluations.collect()
        overtime = clock.overtime()
        if session.runtime.anywhere(overtime or signals.received is not None):
            break
        try:
            moves = session.take_step()
        except NotFiniteError as problem:
            session.roll_back(problem)
            written = -1  # the next one remembers the way back
            continue
        clock.tick()
        if due(state.step, output.log_every) or state.step == steps:
            session.log(moves, clock.images_per_second())

    if state.step > written:
        session.write_checkpoint()
    if state.step > began:
        session.write_picture()
        session.write_timeline()
        if output.evaluate_every and state.step >= steps:
            session.evaluations.collect(wait=True)
            session.evaluate()
            session.evaluations.collect(wait=True)
        session.write_report()
    return Outcome(
        run=session.run,
        step=state.step,
        steps=steps,
        trained=state.step - began,
        seconds=state.seconds,
        writes=session.writes,
        signal=signals.received,
        overtime=overtime,
    )


def due(step: int, every: int) -> bool:
    """Whether something that happens every so many steps happens at this one; 0: never."""
    return every > 0 and step % every == 0


class Clock:
    """Times of a run: what its steps took, over all resumptions, and what is due by the clock."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._before = session.state.seconds
        self._began = self._checkpoint = self._window = time.monotonic()
        self._window_step = session.state.step

    def tick(self) -> None:
        """A step was taken."""
        self._session.state.seconds = self._before + time.monotonic() - self._began

    def leave_out(self, seconds: float) -> None:
        """Time in which no step was meant to be taken: no part of the budget, nor of the speed."""
        self._began += seconds
        self._window += seconds
        self._session.started += seconds

    def images_per_second(self) -> float:
        """Real images shown to D per second, over all processes, since this was last asked."""
        config, now, step = self._session.config, time.monotonic(), self._session.state.step
        images = (step - self._window_step) * config.training.batch * config.objective.k
        rate = images / max(now - self._window, 1e-9)
        self._window, self._window_step = now, step
        return rate

    def checkpoint_is_old(self) -> bool:
        return time.monotonic() - self._checkpoint > SECONDS_BETWEEN_CHECKPOINTS

    def note_checkpoint(self) -> int:
        """The step of the checkpoint that was just written."""
        self._checkpoint = time.monotonic()
        return self._session.state.step

    def overtime(self) -> bool:
        """Whether a budget in minutes is well overspent since this process began."""
        minutes = self._session.config.training.minutes
        elapsed = time.monotonic() - self._session.started
        return minutes is not None and elapsed > OVERTIME * 60 * minutes
