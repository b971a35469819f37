"""The loop: what happens in a run, in the order in which it happens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from signal import Signals

from gankit.errors import SilentError, TrainingError
from gankit.owner import OwnerLostError
from gankit.run import Run
from gankit.training.stop_signals import StopSignals
from gankit.training.trainer import Session
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


def play(session: Session, signals: StopSignals) -> Outcome:
    """Play from the state's step to the plan's last one, or until told to stop."""
    state, steps, output = session.state, session.plan.steps, session.config.output
    session.display.begin(state.step, steps)
    clock, overtime, began = Clock(session), False, state.step
    signals.wait_for_a_step()

    while True:
        ended = state.step >= steps
        if due(state.step, session.sample_every) and not ended:
            session.write_picture()
        overtime = clock.overtime()
        stop, old = session.runtime.any_of(
            overtime or signals.received is not None, clock.checkpoint_is_old()
        )
        session.check_owner()
        try:
            # The first one finds a full disk before the work, and gives a way back its aim.
            asked = session.written < 0 or due(state.step, session.checkpoint_every) or old
            if state.step != session.written and (asked or ended or stop):
                session.write_checkpoint()
                clock.note_checkpoint()
            if state.step > began and due(state.step, output.evaluate_every) and not ended:
                clock.leave_out(session.evaluate())
            session.evaluations.collect()
            if ended or stop:
                break
            moves = session.take_step()
        except NotFiniteError as problem:
            session.roll_back(problem)
            continue
        clock.tick()
        if due(state.step, output.log_every) or state.step == steps:
            session.log(moves, clock.images_per_second())

    if state.step > began or not session.is_ended():
        session.write_picture()
        session.write_timeline()
        if output.evaluate_every and state.step >= steps:
            session.score_the_end(signals)
        session.write_report()
        session.note_end()
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


@contextmanager
def keeping_what_was_reached(session: Session) -> Iterator[None]:
    """Whatever ends training early, keep the last whole step first.

    Raises what ended it; TrainingError if that was the end of another process of the run.
    """
    try:
        yield
    except OwnerLostError:
        raise
    except Exception as error:
        session.save_last_whole_step()
        if not session.runtime.lost_a_process(error):
            raise
        if not session.writes:
            raise SilentError from None
        raise TrainingError(
            f"another process of this run ended at step {session.state.step:,}: the same command "
            f"goes on from step {max(session.written, 0):,}"
        ) from None


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

    def note_checkpoint(self) -> None:
        """A checkpoint was written just now."""
        self._checkpoint = time.monotonic()

    def overtime(self) -> bool:
        """Whether a budget in minutes is well overspent since this process began."""
        minutes = self._session.config.training.minutes
        elapsed = time.monotonic() - self._session.started
        return minutes is not None and elapsed > OVERTIME * 60 * minutes
