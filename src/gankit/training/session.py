"""A trainer with a run directory: owns it, begins or resumes its run, saves and rolls back."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from signal import SIGTERM
from typing import Any, Literal

from gankit.data import Dataset
from gankit.errors import GankitError, RunError, SilentError, TrainingError
from gankit.game import Game
from gankit.owner import STOP, Owner, OwnerLostError
from gankit.pictures import is_whole
from gankit.run import Briefing, Plan, Record, Run, checkpoints, describe
from gankit.storage import not_finite, read_tensors
from gankit.trained.artifact import save_artifact
from gankit.training.briefing import everything
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
"""How many pictures and checkpoints a run makes if no interval is set, and the least number of
times that the doctor looks."""

Event = Literal["on_start", "before_step", "after_step", "on_checkpoint", "on_end"]


class Session(Trainer):
    """A trainer with a run directory. Callbacks receive it as `trainer`.

    Attributes:
        run: the run directory.
        display: the display of progress.
        callbacks: the callbacks that this process calls, in order.
        data: the entry of run.json on the data.
        clock: the time that steps took, and what is due by the clock.
        resumed: whether it goes on from a checkpoint of an earlier call.
        written: the step of the newest checkpoint; -1 before the first.
        signals: the signals that ask the run to stop; None before `play`.
        incomplete: whether something at the end of the run could not be made whole, so that the
            next call makes it again.
        logs_by_time: whether the next step is logged because the last line is long ago.
        stopping: whether a callback has asked the call to end (`stop`).
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
        reasons: Sequence[str] = (),
    ) -> None:
        """Set up the trainer. Raises what `Trainer` raises.

        Args:
            start: another run's weights, to begin with.
            started: when the call began, on the monotonic clock; a budget in minutes counts from
                there. None: now.
            reasons: why it is trained like this, in lines for run.json.
        """
        super().__init__(game, dataset, runtime=runtime, init_from=start, say=display.say)
        self.run, self.display = run, display
        self.callbacks = [c for c in callbacks if self.writes or c.every_process]
        self.data: Mapping[str, Any] = describe(dataset)
        self.briefing = Briefing(tuple(everything(dataset, game)), dataset.class_counts)
        self.reasons = tuple(reasons)
        begun = time.monotonic() if started is None else started
        self.clock = Clock(self.config, self.state, begun)
        self.owner: Owner | None = None
        self.signals: StopSignals | None = None
        self.resumed, self.written = False, -1
        self.incomplete = False
        self.logs_by_time = False
        self.stopping = False
        self._went_back_to: int | None = None  # until a checkpoint of a later step is written

    @property
    def writes(self) -> bool:
        """Whether this process writes in the run directory: only the first one does."""
        return self.runtime.rank == 0

    @property
    def record(self) -> Record:
        """The content of run.json for this run."""
        game = self.game
        return Record(
            self.config,
            self.data,
            self.plan,
            networks=game.own_networks,
            init_from=self.init_from,
            pretrained=dict(game.pretrained),
            briefing=self.briefing,
            reasons=self.reasons,
        )

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
        """The number of steps between two looks of the doctor; 0 if it does not look."""
        output = self.config.output
        return min(output.doctor * output.log_every, math.ceil(self.plan.steps / LOOKS))

    @property
    def logs_now(self) -> bool:
        """Whether the step that was just taken is logged."""
        step, every = self.state.step, self.config.output.log_every
        by_step = due(step, every) or due(step, self.doctor_every) or step == self.plan.steps
        return by_step or self.logs_by_time

    def stop(self) -> None:
        """End this call of `fit` after the step in progress; the same call again goes on."""
        self.stopping = True

    def heed_request(self) -> None:
        """Take a request to stop that was left in the run directory as the signal SIGTERM."""
        if self.owner is None or not self.owner.asked or self.signals is None:
            return
        if self.signals.received is None:
            self.display.say(f"asked to stop by {self.run.folder / STOP}")
            self.signals.received = SIGTERM

    def tell(self, event: Event, *more: Any) -> None:
        """Call the hook `event` of every callback, with `more` after this trainer."""
        for callback in self.callbacks:
            getattr(callback, event)(self, *more)

    def write_checkpoint(self) -> None:
        """Write a checkpoint of the state, and the artifact that goes with it.

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
        """Write the averaged generator, and the averaged discriminator if it answers users."""
        with self.run.writing("the artifact"):
            save_artifact(
                self.run.artifact_path,
                self.game,
                {player: average.network for player, average in self.state.averages.items()},
                self.state.step,
            )

    def save_last_whole_step(self) -> None:
        """Write a checkpoint, without asking other processes, when training cannot go on."""
        reached = self.make_whole() and self.state.step != self.written
        if self.writes and reached and find_not_finite(self.state) is None:
            with suppress(GankitError):  # the error to report is the one that ended training
                self._write()

    def tell_of_failure(self) -> None:
        """Call `on_failure` of every callback, whatever else fails in one of them."""
        for callback in self.callbacks:
            with suppress(Exception):  # the error to report is the one that ended training
                callback.on_failure(self)

    def check_owner(self) -> None:
        """Raise OwnerLostError if this directory is not this process's to write into any more."""
        if self.owner is None:
            return
        if self.owner.lost:
            why = f"another process has taken '{self.run.folder}' over"
        elif self.owner.is_replaced():
            why = f"'{self.run.folder}' was moved, and another run put in its place"
        else:
            return
        raise OwnerLostError(f"{why}: this process ends, and writes nothing more")

    def roll_back(self, problem: NotFiniteError) -> None:
        """Go back to the newest checkpoint and use other draws from there, three times at most.

        If the last rollback led to that checkpoint, and no later one was reached since, go to the
        one before it: a checkpoint can be finite, and still lead to numbers that are not.

        Raises TrainingError when it gives up; the checkpoints stay as they are.
        """
        state, step = self.state, self.state.step
        rollbacks = state.rollbacks + 1
        if self.writes:
            self.run.note_event("not finite", step, what=str(problem), rollback=rollbacks)
        if rollbacks > MOST_ROLLBACKS or not checkpoints(self.run):
            self.whole = False  # the state leads to numbers that are not finite: do not save it
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
        if found.step is None:  # no checkpoint is older
            found = self._restore()
        if found.step is None:
            raise TrainingError(
                f"stopped at step {step:,}: {problem} is not finite, and no checkpoint can be read"
            )
        state.rollbacks, self.whole = rollbacks, True
        self._went_back_to, self.written = found.step, -1  # so that `rollbacks` is saved again
        self.trim_log()
        self.display.say(
            f"step {step:,}: {problem} is not finite; back to step {state.step:,} with other "
            f"draws ({rollbacks} of {MOST_ROLLBACKS})"
        )

    def _restore(self, below: int | None = None) -> Restored:
        """Restore the newest checkpoint, and set aside newer ones that cannot be read.

        Raises RunError if processes restore different checkpoints.
        """
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
        """Raise RunError if another process began with other weights.

        That can happen if the run that they are taken from is training now.
        """
        if self.init_from is not None:
            mark = float(int(self.init_from.digest[:12], 16))
            if self.runtime.anywhere(self.runtime.from_first(mark) != mark):
                raise RunError("the processes read different weights: give the command again")

    def resume(self, record: Record) -> None:
        """Go on from the newest checkpoint of a run that was begun as `record` says.

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
        """Raise RunError if anything was trained, in which case the run must not begin anew."""
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
        """Return whether an earlier call made the last picture, film and page at this step."""
        run, step = self.run, self.state.step
        pictures = (run.samples / f"{step:07d}.png", run.grid_path, run.timeline_path)
        made = not self.game.task.is_drawn or all(map(is_whole, pictures))
        ended = [e for e in run.events() if e.get("event") in ("ended", "incomplete")]
        paged = run.report_path.is_file() and run.report_path.stat().st_size > 0
        return made and paged and ended[-1:] == [{"event": "ended", "step": step}]

    def note_end(self) -> None:
        """Note in events.jsonl whether everything that a call makes at its end was made."""
        if self.writes and (self.incomplete or not self.is_ended()):
            self.run.note_event("incomplete" if self.incomplete else "ended", self.state.step)

    def trim_log(self) -> None:
        """Remove the log's lines of steps that will be taken again."""
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
    reasons: Sequence[str] = (),
) -> Iterator[Session]:
    """Take ownership of the directory, begin or resume its run, and release it at the end.

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
            reasons=reasons,
        )
        stack.enter_context(session)
        session.check_same_start()
        session.owner, record = _take(session, stack)
        session.plan = _decide(session, record)
        if record is not None:
            session.resume(record)
        runtime.barrier()  # one process writes below what every process has read by now
        if session.writes:
            run.begin(session.record)
            run.sweep()
        session.trim_log()
        yield session
        runtime.close()


def _decide(session: Session, record: Record | None) -> Plan:
    """Return the plan: measured for a new run, as recorded or extended for a begun one."""
    if record is not None:
        return extend_plan(record.plan, record.config, session.config, len(session.dataset))
    with session.display.busy("measuring the time of a step"):
        return session.measure(spent=time.monotonic() - session.clock.started)


def _take(session: Session, stack: ExitStack) -> tuple[Owner | None, Record | None]:
    """Return the directory's owner, in the process that writes, and the record of a begun run.

    The record is read after ownership is taken. Raises RunError if another process owns the
    directory, or has begun another run in it since it was first looked at.
    """

    def look() -> Record | None:
        record = session.run.record()
        if record is not None:
            asked = None if session.init_from is None else session.init_from.path
            game = session.game
            session.run.check_resumable(
                record, session.config, session.data, game.own_networks, asked, game.pretrained
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
    """Return the step of the run's artifact; None if there is none; a text if it is unusable.

    The text says why, as the end of a sentence that begins with the file's name.
    """
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
    """Return whether what happens every `every` steps happens at `step`; never if `every` is 0."""
    return every > 0 and step % every == 0
