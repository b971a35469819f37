"""A run that is open for training: everything the loop works with, set up and let go of."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gankit.artifact import save_artifact
from gankit.config import Config
from gankit.data import Dataset, load_configured
from gankit.data.batches import Feed
from gankit.errors import DataError, RunError, TrainingError
from gankit.evaluation.report import write_run_report
from gankit.families import Task
from gankit.run import Plan, Record, Run, describe
from gankit.training.budget import extend_plan, plan_budget
from gankit.training.checkpoint import restore_newest, write_checkpoint
from gankit.training.evaluating import Evaluations
from gankit.training.optimizers import set_pace
from gankit.training.preview import Preview
from gankit.training.progress import Display
from gankit.training.runtime import Runtime, check_processes, check_world, start_runtime
from gankit.training.state import PLAYERS, State, build_game, build_state, draw_batch
from gankit.training.tracking import Tracker
from gankit.training.update import Moves, NotFiniteError, Update, choose_update
from gankit.training.watch import Watch

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
    resumed: bool

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
            config = getattr(self.config, player)
            set_pace(state.optimizers[player], config, state.step, self.plan.steps, game.pace)
        moves = self.update(
            state, lambda substep: draw_batch(state, self.feed, self.runtime, substep), self.runtime
        )
        game.after_step(self._shared_numbers(moves) if game.reads_numbers else {})
        state.follow()
        state.step += 1
        return moves

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
            except RunError as problem:
                self.display.say(f"no report.html: {problem}")

    def write_checkpoint(self) -> None:
        """The state, and the artifact that goes with it."""
        if self.writes:
            write_checkpoint(self.run, self.state, self.config.output.keep)
            with self.run.writing("the artifact"):
                save_artifact(
                    self.run.artifact_path,
                    self.state.game,
                    {player: average.network for player, average in self.state.averages.items()},
                    self.state.step,
                )

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
        self.run.log({"step": step, "seconds": seconds, **numbers})
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

        Raises TrainingError when it gives up; the checkpoint stays as it is.
        """
        state, step = self.state, self.state.step
        rollbacks = state.rollbacks + 1
        if self.writes:
            self.run.note_event("not finite", step, what=str(problem), rollback=rollbacks)
        if rollbacks > MOST_ROLLBACKS:
            raise TrainingError(
                f"stopped at step {step:,}: {problem} is not finite, and was not after "
                f"{MOST_ROLLBACKS} ways back to a checkpoint with other draws; the last checkpoint "
                "is intact. Lower --lr-d and --lr-g, or hold D back with --penalty r1"
            )
        restore_newest(self.run, state, self.display.say)
        state.rollbacks = rollbacks
        self.trim_log()
        self.display.say(
            f"step {step:,}: {problem} is not finite; back to step {state.step:,} with other "
            f"draws ({rollbacks} of {MOST_ROLLBACKS})"
        )

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
    if record is not None:
        run.check_resumable(record, config, dataset)
    check_world(config.runtime, config.training.batch)
    task = Task.of(dataset)
    game = build_game(config, task)
    update = choose_update(game)
    check_processes(config.runtime, game.why_one_process())
    runtime = start_runtime(config.runtime)
    writes = runtime.rank == 0
    with (
        Display(quiet=not writes) as display,
        closing(Evaluations(run, config.output, display.say)) as evaluations,
        Feed(
            dataset,
            seed=config.training.seed,
            batch=config.training.batch,
            workers=config.runtime.workers,
            labels_per_class=config.data.labels_per_class,
            rank=runtime.rank,
            world=runtime.world,
        ) as feed,
    ):
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
            resumed=False,
        )
        session.plan = _decide(session, record)
        with run.lock() if writes else nullcontext():
            if writes:
                run.begin(session.record)
                if config.output.doctor:
                    session.watch = Watch(session.preview, dataset)
            runtime.barrier()
            session.resumed = restore_newest(run, state, display.say)
            session.trim_log()
            yield session
            session.tracker.close()
            runtime.close()


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
