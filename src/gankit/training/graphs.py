"""CUDA graphs: the passes of a step, recorded once and from then on launched as one.

A step of small networks is thousands of short operations, and a GPU waits for the processor to ask
for each of them. A graph asks for all at once. It repeats the same operations on the same memory,
so only those steps are recorded in which nothing else changes: every part of the game says so
(`Part.replays`), the batch is put where the recorded one was, and random numbers go on as without a
graph. What checks the step, the optimisers and the averages are not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from gankit.game import Game
from gankit.game_types import Batch, Moves
from gankit.text import reason
from gankit.training.runtime import Passes, Runtime


@dataclass
class Recording:
    """A recorded graph and the memory that it reads and writes.

    Attributes:
        replay: launches the graph.
        batch: what it reads.
        moves: what the players minimised in it.
        gradients: those of all parameters of both players; None for one that has none.
        notes: what it left in each of the game's lists (`Part.notes`).
    """

    replay: Callable[[], None]
    batch: Batch
    moves: Moves
    gradients: list[Tensor | None]
    notes: list[list[Tensor]]


class GraphRuntime(Runtime):
    """One process on a CUDA device, which records the passes of a step and replays them.

    Passes of each kind are run as they are the first time, so that every library is loaded and all
    memory has its place, and recorded the second time.
    """

    rounds_to_warm = 2

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self._recorded: WeakKeyDictionary[Game, dict[Hashable, Recording | None]]
        self._recorded = WeakKeyDictionary()

    def recordings(self, game: Game) -> int:
        """Return how many kinds of steps of this game are replayed."""
        return sum(found is not None for found in self._recorded.get(game, {}).values())

    def passes(self, game: Game, step: int, batch: Batch, work: Passes) -> Moves:
        kind = kind_of_step(game, step)
        if kind is None:
            return work(batch)
        recorded = self._recorded.setdefault(game, {})
        if kind not in recorded:
            recorded[kind] = None
            return work(batch)
        recording = recorded[kind]
        if recording is None:
            try:
                recording = recorded[kind] = self._record(game, batch, work)
            except RuntimeError as error:
                game.notices.append(f"steps are not replayed as CUDA graphs: {reason(error)}")
                self._recorded[game] = {}
                game.replays = False
                return work(batch)
        return _replayed(recording, game, batch)

    def _record(self, game: Game, batch: Batch, work: Passes) -> Recording:
        still = batch.mapped(torch.clone)
        lists = [notes for part in game.parts for notes in part.notes]
        before = [len(notes) for notes in lists]
        try:
            replay, moves = self.capture(lambda: work(still))
            gradients = [p.grad for p in _parameters(game)]
            left = [notes[start:] for notes, start in zip(lists, before, strict=True)]
            return Recording(replay, still, moves, gradients, left)
        finally:  # nothing has been computed yet
            for notes, start in zip(lists, before, strict=True):
                del notes[start:]
            for parameter in _parameters(game):
                parameter.grad = None

    def capture(self, work: Callable[[], Moves]) -> tuple[Callable[[], None], Moves]:
        """Record `work`, which is not done yet; return what does it, and its moves."""
        graph = torch.cuda.CUDAGraph()
        # Threads that read data may use the device meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            moves = work().detached()
        return graph.replay, moves


def kind_of_step(game: Game, step: int) -> Hashable | None:
    """Return what tells this step from those that do other work; None: it may differ from all."""
    if game.config.training.accumulate > 1 or not all(part.replays for part in game.parts):
        return None
    return step % game.config.objective.penalty_interval == 0


def _replayed(recording: Recording, game: Game, batch: Batch) -> Moves:
    recording.batch.take(batch)
    for parameter, gradient in zip(_parameters(game), recording.gradients, strict=True):
        parameter.grad = gradient
    recording.replay()
    lists = (notes for part in game.parts for notes in part.notes)
    for notes, left in zip(lists, recording.notes, strict=True):
        notes.extend(left)
    return recording.moves


def _parameters(game: Game) -> list[nn.Parameter]:
    return [p for network in (game.generator, game.discriminator) for p in network.parameters()]
