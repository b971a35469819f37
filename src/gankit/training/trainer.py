"""A run that is open for training: everything the loop works with, set up and let go of."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gankit.data import Dataset, load_configured
from gankit.data.batches import Feed
from gankit.doctor.while_training import Watch
from gankit.errors import DataError, GankitError, RunError, SilentError, TrainingError
from gankit.families import Task
from gankit.game_types import Batch
from gankit.owner import Owner, OwnerLostError
from gankit.pages.report import write_run_report
from gankit.run import Plan, Record, Run, checkpoints, describe
from gankit.scores.while_training import Evaluations
from gankit.settings.config import Config
from gankit.size import check_size
from gankit.storage import not_finite, read_tensors
from gankit.trained.artifact import save_artifact
from gankit.training.budget import extend_plan, plan_budget
from gankit.training.checkpoint import (
    Restored,
    capture,
    config_differences,
    find_not_finite,
    restore,
    restore_newest,
    write_checkpoint,
)
from gankit.training.display import Display
from gankit.training.optimizers import set_pace
from gankit.training.preview import Preview
from gankit.training.runtime import Runtime, check_processes, check_world, start_runtime
from gankit.training.state import PLAYERS, State, build_game, build_state, draw_batch
from gankit.training.stop_signals import StopSignals
from gankit.training.tensorboard import Tracker
from gankit.training.update import Moves, NotFiniteError, Update, choose_update

MOST_ROLLBACKS = 3
PICTURES, CHECKPOINTS = 48, 12
"""Over a run, where no other interval is set."""


@dataclass
class Session:
    """An open run. `plan` is decided before the loop begins; `state` changes with every step."""

    config: Config
    run: Run
    feed: Feed
    runtime: Runtime
    display: Display
    tracker: Tracker
    preview: Preview
    evaluations: Evaluations
    watch: Watch | None
    state: State
    update: Update
    data: Mapping[str, Any]
    started: float
    plan: Plan
    owner: Owner | None = None
    resumed: bool = False
    written: int = -1
    """The step of the newest checkpoint; -1 before the first."""
    whole: bool = True
    """Whether the state is that after a whole step: it is not while a step is under way."""
    went_back_to: int | None = None
    """Where the last way back led, until a checkpoint of a later step is written."""
    _before: tuple[dict[str, Tensor], dict[str, Any]] | None = None
    _unlogged: dict[str, Any] | None = None

    @property
    def writes(self) -> bool:
        """Only the first process touches the run directory."""
        return self.runtime.rank == 0

    @property
    def record(self) -> Record:
        """What run.json says of it."""
        return Record(self.config, self.data, self.plan)

    @property
    def sample_every(self) -> int:
        every = self.config.output.sample_every
        return math.ceil(self.plan.steps / PICTURES) if every is None else every

    @property
    def checkpoint_every(self) -> int:
        every = self.config.output.checkpoint_every
        return math.ceil(self.plan.steps / CHECKPOINTS) if every is None else every

    def take_step(self) -> Moves:
        """One move of both players, and of the averaged generator behind them.

        Raises NotFiniteError before anything that is not finite reaches a weight.
        """
        state, game = self.state, self.state.game
        game.progress = state.step / self.plan.steps
        for player in PLAYERS:
            config = getattr(self.config, f"{player}_optimizer")
            set_pace(state.optimizers[player], config, state.step, self.plan.steps, game.pace)
        if self.runtime.world > 1 and self.writes:
            self._before = capture(state, copy=True)  # another process may end within the step
        moves = self.update(state, self._draw, self.runtime)
        game.after_step(self._shared_numbers(moves) if game.reads_numbers else {})
        state.follow()
        state.step += 1
        self.whole = True
        return moves

    def _draw(self, substep: int) -> Batch:
        batch = draw_batch(self.state, self.feed, self.runtime, substep)
        self.whole = False
        return batch

    def _shared_numbers(self, moves: Moves) -> dict[str, Tensor]:
        """The step's numbers as means over all processes."""
        named = {name: value.detach() for name, value in moves.numbers().items()}
        if self.runtime.world == 1:
            return named
        values = self.runtime.mean(torch.stack([v.double() for v in named.values()]))
        return dict(zip(named, values, strict=True))

    def write_picture(self) -> None:
        """The same latents, as the averaged generator draws them now."""
        if self.writes:
            picture = self.preview.draw(self.state)
            self.run.write_picture(self.state.step, picture)
            self.tracker.picture(self.state.step, picture)

    def write_timeline(self) -> None:
        """Every picture so far as a film."""
        if self.writes:
            self.run.write_timeline()

    def write_report(self) -> None:
        """The run on one page. What hinders it is said, and ends nothing."""
        if self.writes:
            try:
                write_run_report(self.run.folder)
            except GankitError as problem:
                self.display.say(f"no report.html: {problem}")

    def write_checkpoint(self) -> None:
        """The state, and the artifact that goes with it.

        Raises NotFiniteError, and writes nothing, if a number of the state is not finite.
        """
        broken = find_not_finite(self.state)
        if self.runtime.anywhere(broken is not None):
            raise NotFiniteError(f"the state's {broken or 'copy in another process'}")
        self._write()

    def _write(self) -> None:
        if self.writes:
            fingerprint = self.data["fingerprint"]
            write_checkpoint(self.run, self.state, self.config.output.keep, fingerprint)
            self.write_artifact()
        self.written = self.state.step
        if self.went_back_to is not None and self.written > self.went_back_to:
            self.went_back_to = None

    def write_artifact(self) -> None:
        """The averaged generator, and the discriminator if it answers users."""
        with self.run.writing("the artifact"):
            save_artifact(
                self.run.artifact_path,
                self.state.game,
                {player: average.network for player, average in self.state.averages.items()},
                self.state.step,
            )

    def save_last_whole_step(self) -> None:
        """When training cannot go on: keep what was reached. No other process is asked."""
        if not self.whole and self._before is not None:
            restore(self.state, *self._before)
            self.whole = True
        reached = self.whole and self.state.step != self.written
        if self.writes and reached and find_not_finite(self.state) is None:
            with suppress(GankitError):  # what ended training is what is told
                if self._unlogged is not None:  # no checkpoint of a step without its line
                    self.run.log(self._unlogged)
                self._write()

    def check_owner(self) -> None:
        """Raises OwnerLostError if another process trains in the directory now."""
        if self.owner is not None and self.owner.lost:
            raise OwnerLostError(
                f"another process has taken '{self.run.folder}' over: this one ends, and writes "
                "nothing more"
            )

    def score_the_end(self, signals: StopSignals) -> None:
        """The last scores, waited for unless a signal says otherwise."""
        for begin in (False, True):  # the ones that still run, then those of the last step
            if begin:
                self.evaluate()
            self.evaluations.collect(wait=lambda: signals.received is None)

    def evaluate(self) -> float:
        """Score the averaged weights; the seconds for which training stood still."""
        return self.evaluations.begin(self.state) if self.writes else 0.0

    def log(self, moves: Moves, images_per_second: float) -> None:
        """One line of metrics.jsonl, on the display and for the tracker."""
        named, output = moves.numbers(), self.config.output
        values = self.runtime.mean(torch.stack([v.detach().float() for v in named.values()]))
        if not self.writes:
            return
        numbers = dict(zip(named, values.tolist(), strict=True))
        numbers |= {name: float(value) for name, value in self.state.game.numbers().items()}
        numbers |= moves.gradients
        if self.watch is not None:
            numbers |= self.watch.numbers(self.state)
        numbers["images_per_second"] = images_per_second
        for player in PLAYERS:
            numbers[f"lr_{player[0]}"] = self.state.optimizers[player].param_groups[0]["lr"]
        step, seconds = self.state.step, round(self.state.seconds, 3)
        self._unlogged = {"step": step, "seconds": seconds, **numbers}
        self.run.log(self._unlogged)
        self._unlogged = None
        self.tracker.numbers(step, numbers)
        self.display.update(step, numbers)
        for notice in self.state.game.notices:
            self.display.say(f"step {step:,}: {notice}")
        self.state.game.notices.clear()
        if self.watch is not None and step % (output.doctor * output.log_every) == 0:
            for verdict in self.watch.news(self.record, self.run):
                self.display.say(f"step {step:,}: the doctor: {verdict.brief}")

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
                f"{rollbacks - 1} ways back to a checkpoint with other draws; {kept}. Lower --lr-d "
                "and --lr-g, or hold D back with --penalty r1"
            )
        self.runtime.barrier()  # every process reads before one writes
        found = self._restore(below=self.went_back_to)
        if found.step is None:  # there is none before
            found = self._restore()
        if found.step is None:
            raise TrainingError(
                f"stopped at step {step:,}: {problem} is not finite, and no checkpoint can be read"
            )
        state.rollbacks, self.whole = rollbacks, True
        self.went_back_to, self.written = found.step, -1  # the next one remembers the way back
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
            raise RunError("the processes read different checkpoints: give the command again")
        if found.step is not None:
            self._set_aside(found)
        return found

    def _set_aside(self, found: Restored) -> None:
        for path, why in found.unreadable.items() if self.writes else ():
            self.display.say(f"skipping checkpoint {path.name}, which {why}")
            self.run.set_aside(path, self.display.say)

    def resume(self) -> None:
        """Go on from the newest checkpoint.

        Raises RunError, and changes nothing, if steps were taken and no checkpoint can be read.
        """
        run = self.run
        kept = read_artifact_step(run, self.record)
        found = self._restore()
        if found.step is None:
            self._check_nothing_lost(found, kept)
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
                "copy, or train anew in another --out"
            )
        self._set_aside(found)

    def is_ended(self) -> bool:
        """Whether a call that stood where this one stands made the last picture, film and page."""
        run, step = self.run, self.state.step
        made = (run.samples / f"{step:07d}.png", run.grid_path, run.timeline_path, run.report_path)
        ended = [event for event in run.events() if event.get("event") == "ended"]
        return all(p.is_file() for p in made) and ended[-1:] == [{"event": "ended", "step": step}]

    def note_end(self) -> None:
        """Remember that everything was made that a call makes at its end."""
        if self.writes and not self.is_ended():
            self.run.note_event("ended", self.state.step)

    def trim_log(self) -> None:
        """The log forgets what will be done again."""
        if self.writes:
            self.run.trim_log(self.state.step)


def read_data(config: Config) -> Dataset:
    """The data set of a configuration. Raises DataError where it holds too little for a batch."""
    dataset = load_configured(config.data)
    if len(dataset) < config.training.batch:
        unit = "readable images" if dataset.is_images else "points"
        raise DataError(
            f"data '{config.data.source}' holds {len(dataset)} {unit}; a batch needs "
            f"{config.training.batch}: add more, or lower --batch"
        )
    return dataset


@contextmanager
def open_session(config: Config, folder: str | Path) -> Iterator[Session]:
    """Check everything, start the runtime, begin the run or go on with it.

    What cannot work is refused first, before a process is started or a file is written.
    """
    started = time.monotonic()
    dataset, run = read_data(config), Run(Path(folder))
    record = run.record()
    if record is not None:  # looked at again by its owner; what is refused makes no file
        run.check_resumable(record, config, describe(dataset))
    check_world(config.runtime, config.training.batch)
    task = Task.of(dataset)
    check_size(config, task)
    game = build_game(config, task)
    update = choose_update(game)
    check_processes(config.runtime, game.why_one_process())
    runtime = start_runtime(config.runtime)
    writes = runtime.rank == 0
    with ExitStack() as stack:
        display = stack.enter_context(Display(quiet=not writes))
        evaluations = Evaluations(run, config.output, display.say)
        stack.enter_context(closing(evaluations))
        feed = Feed(
            dataset,
            seed=config.training.seed,
            batch=config.training.batch,
            workers=config.runtime.workers,
            labels_per_class=config.data.labels_per_class,
            rank=runtime.rank,
            world=runtime.world,
            say=display.say,
        )
        stack.enter_context(feed)
        for note in dataset.notes:
            display.say(note)
        state = build_state(config, task, runtime, dataset)
        session = Session(
            config=config,
            run=run,
            feed=feed,
            runtime=runtime,
            display=display,
            tracker=Tracker(run.folder, config.output.tensorboard and writes),
            preview=Preview(state.game, dataset),
            evaluations=evaluations,
            watch=None,
            state=state,
            update=update,
            data=describe(dataset),
            started=started,
            plan=Plan(steps=2**31, threads=torch.get_num_threads()),
        )
        session.owner, record = _take(session, stack)
        session.plan = _decide(session, record)
        session.whole = True
        if record is not None:
            session.resume()
        runtime.barrier()  # every process has read what one now writes
        if writes:
            run.begin(session.record)
            run.sweep()
            if config.output.doctor:
                session.watch = Watch(session.preview, dataset)
        session.trim_log()
        yield session
        session.tracker.close()
        runtime.close()


def _take(session: Session, stack: ExitStack) -> tuple[Owner | None, Record | None]:
    """Own the directory, in the process that writes; what it was started with, read by its owner.

    Raises RunError if another process owns it, or has begun another run since it was looked at.
    """

    def look() -> Record | None:
        record = session.run.record()
        if record is not None:
            session.run.check_resumable(record, session.config, session.data)
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


def _decide(session: Session, record: Record | None) -> Plan:
    """The plan of a new run, measured; of a begun one, as recorded or extended."""
    if record is not None:
        plan = extend_plan(record.plan, record.config, session.config)
        torch.set_num_threads(plan.threads)
        return plan

    def attempt() -> None:
        with suppress(NotFiniteError):  # the loop will meet it, and knows what to do
            session.take_step()

    spent = time.monotonic() - session.started
    return plan_budget(session.config, session.state, attempt, session.runtime, spent)
