"""The loop: what happens in a run, in the order in which it happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from signal import Signals

from gankit.errors import SilentError, TrainingError
from gankit.owner import OwnerLostError
from gankit.run import Run
from gankit.training.session import Session, due
from gankit.training.stop_signals import StopSignals
from gankit.training.update import NotFiniteError


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        step, steps: the step that it reached, and how many it has in all.
        trained: the steps taken by this call.
        seconds: the seconds spent on steps, over all resumptions.
        writes: whether this is the process that writes; the others stay silent.
        signal: the signal that stopped it early, if one did; SIGTERM if a file `.stop` in the run
            directory asked for that (`gankit watch`).
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
    """Take steps from the state's one to the plan's last, or until told to stop."""
    state, clock, steps, began = (
        session.state,
        session.clock,
        session.plan.steps,
        session.state.step,
    )
    session.signals = signals
    session.tell("on_start")
    clock.begin()
    signals.wait_for_a_step()

    while True:
        session.heed_request()
        ended, overtime = state.step >= steps, clock.overtime()
        stop, old, session.logs_by_time = session.runtime.any_of(
            overtime or session.stopping or signals.received is not None,
            clock.checkpoint_is_old(),
            session.writes and clock.line_is_old(),
        )
        session.check_owner()
        try:
            # A first checkpoint finds a full disk before the work, and is there to roll back to.
            asked = session.written < 0 or due(state.step, session.checkpoint_every) or old
            if state.step != session.written and (asked or ended or stop):
                session.write_checkpoint()
                clock.note_checkpoint()
            if ended or stop:
                break
            session.tell("before_step")
            moves = session.step()
        except NotFiniteError as problem:
            session.roll_back(problem)
            continue
        clock.tick()
        session.check_owner()  # the step may have taken long
        session.tell("after_step", moves)

    if state.step > began or not session.is_ended():
        with session.display.busy("pictures, scores and page"):
            session.tell("on_end")
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
    """Keep the last whole step, whatever error or Ctrl-C ends training early.

    Raises that error again; TrainingError if the cause is that another process of the run ended.
    """
    try:
        yield
    except OwnerLostError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        session.save_last_whole_step()
        session.tell_of_failure()
        if not session.runtime.lost_a_process(error):
            raise
        if not session.writes:
            raise SilentError from None
        raise TrainingError(
            f"another process of this run ended at step {session.state.step:,}: training again "
            f"goes on from step {max(session.written, 0):,}"
        ) from None
