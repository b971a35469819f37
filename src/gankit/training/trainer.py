"""Play a game on a data set, step by step, without a run directory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from gankit.arguments import typed_arguments
from gankit.data import Dataset
from gankit.data.batches import Feed
from gankit.errors import ConfigError, DataError
from gankit.game import Game
from gankit.game_types import Batch, Moves, Task
from gankit.run import Plan
from gankit.settings.config import Config
from gankit.training.budget import plan_budget
from gankit.training.checkpoint import capture, restore
from gankit.training.devices import start_runtime
from gankit.training.initial import Start, start_from
from gankit.training.optimizers import check_length, set_pace
from gankit.training.runtime import Runtime
from gankit.training.state import build_state, draw_batch
from gankit.training.update import NotFiniteError, choose_update


class Trainer:
    """Plays a game on a data set. No folder is needed.

    >>> import gankit
    >>> dataset = gankit.load_dataset("toy:ring8")
    >>> config = gankit.override(gankit.configure("gan", "toy:ring8"), {"training.steps": 3})
    >>> with gankit.Trainer(gankit.build_game(config, dataset), dataset) as trainer:
    ...     for _ in range(3):
    ...         moves = trainer.step()
    >>> trainer.state.step, moves["g/adversarial"] > 0
    (3, True)

    `gankit.fit` does this with a run directory: checkpoints, pictures, a log, and rollbacks.

    Attributes:
        game: the game that is played; its networks train.
        dataset: the data that is learned.
        config: the game's configuration.
        runtime: the device and the processes that compute.
        init_from: the trained run whose weights it began with; None if it began with its own.
        state: everything that training changes: networks, optimisers, averages, `step`.
        plan: the length of the run; it is measured when it is first asked for.
        batch: this process's share of the batch that was drawn last; None before the first step.
        whole: whether the state is that after a whole step; False within a step.
    """

    @typed_arguments()
    def __init__(
        self,
        game: Game,
        dataset: Dataset,
        *,
        runtime: Runtime | None = None,
        init_from: str | Path | Start | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Build the state at step 0.

        Args:
            game: the game to play; its networks are trained in place.
            dataset: the data to learn.
            runtime: the device and processes; None: as the configuration says.
            init_from: the run directory or artifact file of a trained run, whose weights are taken
                as far as they fit (docs/init_from.md).
            say: is called with a line about data that cannot be read while training goes on.

        Raises:
            ConfigError: the update asked for would not be exact, the game is for other data, or no
                weights of `init_from` fit.
            DataError: the data holds too little for a batch.
            RunError: `init_from` is no trained run, or cannot be read.
        """
        self.game, self.dataset, self.config = game, dataset, game.config
        check_data(game, dataset)
        start = init_from
        if isinstance(start, (str, Path)):
            start = start_from(game, start)
        self.init_from = None if start is None else start.origin
        self.runtime = runtime or start_runtime(self.config.runtime)
        self._update = choose_update(game)
        training = self.config.training
        self.feed = Feed(
            dataset,
            seed=training.seed,
            batch=training.batch,
            workers=self.config.runtime.workers,
            labels_per_class=self.config.data.labels_per_class,
            rank=self.runtime.rank,
            world=self.runtime.world,
            **({} if say is None else {"say": say}),
        )
        begin = None if start is None else start.put
        self.state = build_state(game, self.runtime, dataset, begin)
        self.batch: Batch | None = None
        self.whole = True
        self._plan: Plan | None = None
        self._before: tuple[dict[str, Tensor], dict[str, Any]] | None = None

    @property
    def update_name(self) -> str:
        """The name of the update: `alternating`, `simultaneous` or `own`, the family's."""
        return "own" if self.game.own_update() else self._update.__name__

    @property
    def plan(self) -> Plan:
        if self._plan is None:
            self.plan = self.measure()
        assert self._plan is not None
        return self._plan

    @plan.setter
    def plan(self, plan: Plan) -> None:
        check_length(self.config, plan.steps)
        torch.set_num_threads(plan.threads)
        self._plan = plan

    def measure(self, spent: float = 0.0) -> Plan:
        """Return the plan for the budget, of which `spent` seconds are gone.

        Steps may be taken to measure their time; they are undone.
        """
        self._plan = Plan(steps=2**31, threads=torch.get_num_threads())  # while it is measured
        plan = plan_budget(
            self.config, self.state, self.try_step, self.runtime, spent, len(self.dataset)
        )
        self.whole = True
        return plan

    def step(self) -> Moves:
        """Take one step: both players move, and the averages follow.

        Returns:
            a mapping of the terms that each player minimised, and of other numbers to watch, from
            name to float; each is read from the device when it is asked for.

        Raises:
            NotFiniteError: a term or a gradient is not finite; no weight has been changed by it.
        """
        state, game, steps = self.state, self.game, self.plan.steps
        game.progress = state.step / steps
        for player in state.players.values():
            set_pace(player.optimizer, player.settings, state.step, steps, game.pace)
        if self.runtime.world > 1 and self.runtime.rank == 0:
            self._before = capture(state, copy=True)  # another process may fail within the step
        moves = self._update(state, self._draw, self.runtime)
        reads = any(part.reads_numbers for part in game.parts)
        numbers = self._shared_numbers(moves) if reads else {}
        for part in game.parts:
            part.after_step(numbers)
        state.follow()
        state.step += 1
        self.whole = True
        return moves

    def try_step(self) -> None:
        """Take a step to measure its time, and ignore numbers that are not finite."""
        with suppress(NotFiniteError):  # a loop will meet it again, and handles it
            self.step()

    def make_whole(self) -> bool:
        """Go back to before a step in which an error was raised, if that is possible.

        Returns whether the state is now that of a whole step.
        """
        if not self.whole and self._before is not None:
            restore(self.state, *self._before)
            self.whole = True
        return self.whole

    def _draw(self, substep: int) -> Batch:
        batch = draw_batch(self.state, self.feed, self.runtime, substep)
        self.batch, self.whole = batch, False
        return batch

    def _shared_numbers(self, moves: Moves) -> dict[str, Tensor]:
        """Return the step's numbers as means over all processes."""
        named = {name: value.detach() for name, value in moves.tensors().items()}
        if self.runtime.world == 1:
            return named
        values = self.runtime.mean(torch.stack([v.double() for v in named.values()]))
        return dict(zip(named, values, strict=True))

    def close(self) -> None:
        """End the processes that read data."""
        self.feed.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def check_data(game: Game, dataset: Dataset) -> None:
    """Raise ConfigError if a game is for other data, DataError if there is too little of it."""
    task, batch = Task.of(dataset), game.config.training.batch
    if task != game.task:
        raise ConfigError(
            f"the game is for {game.task.describe()}, the data is {task.describe()}: build the "
            "game for it (gankit.build_game)"
        )
    check_count(game.config, dataset, batch)


def check_count(config: Config, dataset: Dataset, batch: int) -> None:
    """Raise DataError if the data holds too little for a batch."""
    unit = {"images": "readable images", "tokens": "texts"}.get(dataset.kind, dataset.kind)
    holds = f"data '{config.data.source}' holds {len(dataset)} {unit}"
    if len(dataset) < 2:
        one = holds.removesuffix("s")
        raise DataError(f"{one}; training needs 2 at the very least: add more")
    if len(dataset) < batch:
        raise DataError(
            f"{holds}; a batch needs {batch}: add more, or lower training.batch",
            "training.batch",
        )
