"""A trainer in a run directory: owned, begun or gone on with, kept, taken back."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Literal

from gankit.data import Dataset
from gankit.errors import GankitError, RunError, SilentError, TrainingError
from gankit.game import Game
from gankit.owner import Owner, OwnerLostError
from gankit.pictures import is_whole
from gankit.run import Plan, Record, Run, checkpoints, describe
from gankit.storage import not_finite, read_tensors
from gankit.trained.artifact import save_artifact
from gankit.training.budget import extend_plan
from gankit.training.callbacks import Callback
from gankit.training.checkpoint import (
    Restored,
    config_differences,
    find_not_finite,
    restore_newest,
    write_checkpoint,
)
from gankit.training.clock import Clock
from gankit.training.display import Display
from gankit.training.initial import Start
from gankit.training.runtime import Runtime
from gankit.training.stop_signals import StopSignals
from gankit.training.trainer import Trainer
from gankit.training.update import NotFiniteError

MOST_ROLLBACKS = 3
PICTURES, CHECKPOINTS, LOOKS = 48, 12, 5
"""Over a run, where no other interval is set; the doctor looks at least so many times."""

Event = Literal["on_start", "before_step", "after_step", "on_checkpoint", "on_end"]


class Session(Trainer):
    """A trainer with a run directory. Callbacks are given it.

    Attributes:
        run: the directory.
        display: what a person sees.
        callbacks: those that this process calls, in order.
        data: what run.json says of the data.
        clock: what the steps took, and what is due by time.
        resumed: whether steps of an earlier call are behind it.
        written: the step of the newest checkpoint; -1 before the first.
        signals: which signal has asked the run to stop, if any.
    """

    def __init__(
        self,
        game: Game,
        dataset: Dataset,
        run: Run,
        *,
        runtime: Runtime,
        display: Display,
        callbacks: Sequence[Callback] = (),
        start: Start | None = None,
        started: float | None = None,
    ) -> None:
        """`start`: another run's weights, to begin with. `started`: when the call began, on the
        monotonic clock: a budget in minutes counts from there. Raises what `Trainer` raises."""
        super().__init__(game, dataset, runtime=runtime, init_from=start, say=display.say)
        self.run, self.display = run, display
        self.callbacks = [c for c in callbacks if self.writes or c.every_process]
        self.data: Mapping[str, Any] = describe(dataset)
        begun = time.monotonic() if started is None else started
        self.clock = Clock(self.config, self.state, begun)
        self.owner: Owner | None = None
        self.signals: StopSignals | None = None
        self.resumed, self.written = False, -1
        self._went_back_to: int | None = None  # until a checkpoint of a later step is written

    @property
    def writes(self) -> bool:
        """Only the first process touches the run directory."""
        return self.runtime.rank == 0

    @property
    def record(self) -> Record:
        """What run.json says of it."""
        own = self.game.own_networks
        return Record(self.config, self.data, self.plan, own, self.init_from)

    @property
    def sample_every(self) -> int:
        every = self.config.output.sample_every
        return math.ceil(self.plan.steps / PICTURES) if every is None else every

    @property
    def checkpoint_every(self) -> int:
        every = self.config.output.checkpoint_every
        return math.ceil(self.plan.steps / CHECKPOINTS) if every is None else every

    @property
    def doctor_every(self) -> int:
        """Steps between two looks of the doctor; 0: none."""
        output = self.config.output
        return min(output.doctor * output.log_every, math.ceil(self.plan.steps / LOOKS))

    @property
    def logs_now(self) -> bool:
        """Whether the step that was just taken is logged."""
        step, every = self.state.step, self.config.output.log_every
        return due(step, every) or due(step, self.doctor_every) or step == self.plan.steps

    def tell(self, event: Event, *more: Any) -> None:
        """Let every callback know."""
        for callback in self.callbacks:
            getattr(callback, event)(self, *more)

    def write_checkpoint(self) -> None:
        """The state, and the artifact that goes with it.

        Raises NotFiniteError, and writes nothing, if a number of the state is not finite.
        """
        broken = find_not_finite(self.state)
        if self.runtime.anywhere(broken is not None):
            raise NotFiniteError(f"the state's {broken or 'copy in another process'}")
        self._write()

    def _write(self) -> None:
        self.tell("on_checkpoint")
        if self.writes:
            fingerprint = self.data["fingerprint"]
            write_checkpoint(self.run, self.state, self.config.output.keep, fingerprint)
            self.write_artifact()
        self.written = self.state.step
        if self._went_back_to is not None and self.written > self._went_back_to:
            self._went_back_to = None

    def write_artifact(self) -> None:
        """The averaged generator, and the discriminator if it answers users."""
        with self.run.writing("the artifact"):
            save_artifact(
                self.run.artifact_path,
                self.game,
                {player: average.network for player, average in self.state.averages.items()},
                self.state.step,
            )

    def save_last_whole_step(self) -> None:
        """When training cannot go on: keep what was reached. No other process is asked."""
        reached = self.make_whole() and self.state.step != self.written
        if self.writes and reached and find_not_finite(self.state) is None:
            with suppress(GankitError):  # what ended training is what is told
                self._write()

    def check_owner(self) -> None:
        """Raises OwnerLostError if another process trains in the directory now."""
        if self.owner is not None and self.owner.lost:
            raise OwnerLostError(
                f"another process has taken '{self.run.folder}' over: this one ends, and writes "
                "nothing more"
            )

    def roll_back(self, problem: NotFiniteError) -> None:
        """Go back to the newest checkpoint with other draws; after three times, give up.

        From where a way back has led already, and no later checkpoint was reached since, it goes
        to the one before: a checkpoint can be finite, and doomed.

        Raises TrainingError when it gives up; the checkpoint stays as it is.
        """
        state, step = self.state, self.state.step
        rollbacks = state.rollbacks + 1
        if self.writes:
            self.run.note_event("not finite", step, what=str(problem), rollback=rollbacks)
        if rollbacks > MOST_ROLLBACKS or not checkpoints(self.run):
            self.whole = False  # it is on its way to what is not finite: not worth keeping
            kept = "the last checkpoint is intact" if self.written >= 0 else "nothing is trained"
            raise TrainingError(
                f"stopped at step {step:,}: {problem} is not finite, and was not after "
                f"{rollbacks - 1} ways back to a checkpoint with other draws; {kept}. Lower "
                "discriminator_optimizer.lr and generator_optimizer.lr, or hold D back with "
                "objective.penalty r1",
                *("discriminator_optimizer.lr", "generator_optimizer.lr", "objective.penalty"),
            )
        self.runtime.barrier()  # every process reads before one writes
        found = self._restore(below=self._went_back_to)
        if found.step is None:  # there is none before
            found = self._restore()
        if found.step is None:
            raise TrainingError(
                f"stopped at step {step:,}: {problem} is not finite, and no checkpoint can be read"
            )
        state.rollbacks, self.whole = rollbacks, True
        self._went_back_to, self.written = found.step, -1  # the next one remembers the way back
        self.trim_log()
        self.display.say(
            f"step {step:,}: {problem} is not finite; back to step {state.step:,} with other "
            f"draws ({rollbacks} of {MOST_ROLLBACKS})"
        )

    def _restore(self, below: int | None = None) -> Restored:
        """Restore the newest checkpoint, the same one in every process, and keep those that
        cannot be read from being overwritten."""
        found = restore_newest(self.run, self.state, self.record, below)
        step = float(-1 if found.step is None else found.step)
        if self.runtime.anywhere(self.runtime.from_first(step) != step):
            raise RunError("the processes read different checkpoints: train again")
        if found.step is not None:
            self._set_aside(found)
        return found

    def _set_aside(self, found: Restored) -> None:
        for path, why in found.unreadable.items() if self.writes else ():
            self.display.say(f"skipping checkpoint {path.name}, which {why}")
            self.run.set_aside(path, self.display.say)

    def check_same_start(self) -> None:
        """Raises RunError if another process began with other weights: the run that they are from
        may be training."""
        if self.init_from is not None:
            mark = float(int(self.init_from.digest[:12], 16))
            if self.runtime.anywhere(self.runtime.from_first(mark) != mark):
                raise RunError("the processes read different weights: give the command again")

    def resume(self, record: Record) -> None:
        """Go on from the newest checkpoint of a run that was begun so.

        Raises RunError, and changes nothing, if steps were taken and no checkpoint can be read.
        """
        run = self.run
        weights_are_there = record.init_from in (None, self.init_from)
        self.init_from = record.init_from
        for player, average in self.state.averages.items():
            average.forgets = record.init_from is None or player not in record.init_from.whole
        kept = read_artifact_step(run, self.record)
        found = self._restore()
        if found.step is None:
            self._check_nothing_lost(found, kept)
            if not weights_are_there:
                raise RunError(
                    f"'{run.folder}' started with the weights of another run, and its first "
                    "checkpoint cannot be read: choose another folder",
                    "folder",
                )
            self._set_aside(found)
            return
        self.resumed, self.written = True, found.step
        if self.writes and (kept is None or isinstance(kept, str) or kept < found.step):
            if isinstance(kept, str):
                self.display.say(f"{run.artifact_path.name} {kept}")
                run.set_aside(run.artifact_path, self.display.say)
            self.write_artifact()

    def _check_nothing_lost(self, found: Restored, kept: int | str | None) -> None:
        """Begin anew only if nothing was trained: the first step's checkpoint alone was torn."""
        taken = self.run.steps_taken()
        if isinstance(kept, int):
            taken = max(taken, kept)
        if taken or isinstance(kept, str):
            reasons = [f"{path.name} {why}" for path, why in found.unreadable.items()]
            why = "; ".join(reasons) or "there is none in checkpoints/"
            raise RunError(
                f"'{self.run.folder}' is trained to step {taken:,} or further, and no checkpoint "
                f"of it can be read ({why}). Nothing was changed: bring checkpoints/ back from a "
                "copy, or train anew in another folder",
                "folder",
            )

    def is_ended(self) -> bool:
        """Whether a call that stood where this one stands made the last picture, film and page."""
        run, step = self.run, self.state.step
        pictures = (run.samples / f"{step:07d}.png", run.grid_path, run.timeline_path)
        made = not self.game.task.is_drawn or all(map(is_whole, pictures))
        ended = [event for event in run.events() if event.get("event") == "ended"]
        paged = run.report_path.is_file() and run.report_path.stat().st_size > 0
        return made and paged and ended[-1:] == [{"event": "ended", "step": step}]

    def note_end(self) -> None:
        """Remember that everything was made that a call makes at its end."""
        if self.writes and not self.is_ended():
            self.run.note_event("ended", self.state.step)

    def trim_log(self) -> None:
        """The log forgets what will be done again."""
        if self.writes:
            self.run.trim_log(self.state.step)


@contextmanager
def open_session(
    game: Game,
    dataset: Dataset,
    run: Run,
    *,
    runtime: Runtime,
    display: Display,
    callbacks: Sequence[Callback] = (),
    start: Start | None = None,
    started: float | None = None,
) -> Iterator[Session]:
    """Own the directory, begin the run in it or go on with it; at the end, let go of it.

    Raises RunError if another process trains in it, or it holds a run of other settings.
    """
    with ExitStack() as stack:
        for callback in callbacks:
            stack.callback(callback.close)
        session = Session(
            game,
            dataset,
            run,
            runtime=runtime,
            display=display,
            callbacks=callbacks,
            start=start,
            started=started,
        )
        stack.enter_context(session)
        session.check_same_start()
        session.owner, record = _take(session, stack)
        session.plan = _decide(session, record)
        if record is not None:
            session.resume(record)
        runtime.barrier()  # every process has read what one now writes
        if session.writes:
            run.begin(session.record)
            run.sweep()
        session.trim_log()
        yield session
        runtime.close()


def _decide(session: Session, record: Record | None) -> Plan:
    """The plan of a new run, measured; of a begun one, as recorded or extended."""
    if record is not None:
        return extend_plan(record.plan, record.config, session.config)
    return session.measure(spent=time.monotonic() - session.clock.started)


def _take(session: Session, stack: ExitStack) -> tuple[Owner | None, Record | None]:
    """Own the directory, in the process that writes; what it was started with, read by its owner.

    Raises RunError if another process owns it, or has begun another run since it was looked at.
    """

    def look() -> Record | None:
        record = session.run.record()
        if record is not None:
            asked = None if session.init_from is None else session.init_from.path
            session.run.check_resumable(
                record, session.config, session.data, session.game.own_networks, asked
            )
        return record

    owner, record, problem = None, None, None
    if session.writes:
        try:
            owner = stack.enter_context(session.run.lock(session.display.say))
            record = look()
        except GankitError as error:
            problem = error
    if session.runtime.anywhere(problem is not None):
        raise problem or SilentError()  # the first process says why
    return owner, record if session.writes else look()


def read_artifact_step(run: Run, record: Record) -> int | str | None:
    """The step of the run's artifact; None if there is none; in words, why it is not to be used."""
    if not os.path.lexists(run.artifact_path):
        return None
    try:
        tensors, header = read_tensors(run.artifact_path, "artifact")
        if name := not_finite(tensors):
            return f"has a {name} that is not finite"
        if found := config_differences(header.get("config"), record):
            return f"is of another run ({'; '.join(found)})"
    except RunError as error:
        return str(error).removeprefix(f"'{run.artifact_path}' ")
    step = header.get("step")
    return step if type(step) is int and step >= 0 else "says no step"


def due(step: int, every: int) -> bool:
    """Whether something that happens every so many steps happens at this one; 0: never."""
    return every > 0 and step % every == 0
