"""CUDA graphs: the passes of a step, recorded once and from then on launched as one.

A step of small networks is thousands of short operations, and a GPU waits for the processor to ask
for each of them. A graph asks for all at once. It repeats the same operations on the same memory,
so steps are recorded only if nothing else changes from one to the next: every part of the game says
so (`Part.replays`). The batch is copied to where the recorded one lies, and random numbers go on as
without a graph. The checks of a step, the optimisers and the averages stay outside.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn

from gankit.game import Game
from gankit.game_types import Batch, Moves
from gankit.settings.config import Precision
from gankit.text import reason
from gankit.training.runtime import Passes, Runtime

Place = tuple[int, bool]


@dataclass
class Recording:
    """A recorded graph and the memory that it reads and writes.

    Attributes:
        replay: launches the graph.
        batch: what it reads.
        moves: what the players minimised in it.
        gradients: those of all parameters of both players; None for one that has none.
        collected: what it left in each of the game's lists (`Part.collected`).
        places: where the networks and the gradients lay.
    """

    replay: Callable[[], None]
    batch: Batch
    moves: Moves
    gradients: list[Tensor | None]
    collected: list[list[Tensor]]
    places: list[Place]

    def holds(self, game: Game) -> bool:
        """Return whether the networks and the gradients are still where they lay."""
        return self.places == _places(game, self.gradients)

    def play(self, game: Game, batch: Batch) -> Moves:
        """Replay the passes for another batch."""
        self.batch.take(batch)
        for parameter, gradient in zip(_parameters(game), self.gradients, strict=True):
            parameter.grad = gradient
        self.replay()
        for tensors, left in zip(_lists(game), self.collected, strict=True):
            tensors.extend(left)
        return self.moves


class GraphRuntime(Runtime):
    """One process on a CUDA device, which records the passes of a step and replays them.

    The passes of each kind of step are run the first time, so that every library is loaded and all
    memory has its place, and recorded the second time.
    """

    rounds_to_warm = 2

    def __init__(self, device: torch.device, precision: Precision = "32") -> None:
        super().__init__(device, precision)
        self._recorded: WeakKeyDictionary[Game, dict[Hashable, Recording | None]]
        self._recorded = WeakKeyDictionary()
        self._refused: WeakSet[Game] = WeakSet()

    def recordings(self, game: Game) -> int:
        """Return how many kinds of steps of this game are replayed."""
        return sum(found is not None for found in self._recorded.get(game, {}).values())

    def passes(self, game: Game, step: int, batch: Batch, work: Passes) -> Moves:
        kind = None if game in self._refused else kind_of_step(game, step)
        if kind is None:
            return work(batch)
        recorded = self._recorded.setdefault(game, {})
        recording = recorded.get(kind)
        if recording is not None and not recording.holds(game):
            recorded.clear()  # somebody has moved the networks
        if kind not in recorded:
            recorded[kind] = None
            return work(batch)
        if recording is None:
            recording = recorded[kind] = self._record(game, batch, work)
        if recording is None:
            recorded.clear()
            return work(batch)
        return recording.play(game, batch)

    def _record(self, game: Game, batch: Batch, work: Passes) -> Recording | None:
        """Return a recording; None, and a notice to the user, if the passes admit none."""
        try:
            return self._recording(game, batch, work)
        except RuntimeError as error:
            why = reason(error)
        # Only here, where the error is forgotten, is the memory free that its frames held.
        torch.cuda.empty_cache()
        self._refused.add(game)
        game.notices.append(f"steps are not replayed as CUDA graphs: {why}")
        return None

    def _recording(self, game: Game, batch: Batch, work: Passes) -> Recording:
        still, lists = batch.mapped(torch.clone), _lists(game)
        before = [len(tensors) for tensors in lists]
        try:
            replay, moves = self.capture(lambda: work(still))
            gradients = [p.grad for p in _parameters(game)]
            left = [tensors[start:] for tensors, start in zip(lists, before, strict=True)]
            return Recording(replay, still, moves, gradients, left, _places(game, gradients))
        finally:  # nothing has been computed yet
            for tensors, start in zip(lists, before, strict=True):
                del tensors[start:]
            for parameter in _parameters(game):
                parameter.grad = None

    def capture(self, work: Callable[[], Moves]) -> tuple[Callable[[], None], Moves]:
        """Record `work` without running it.

        Returns a function that runs it, and the moves that this fills.
        """
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self.device)
        try:
            # Threads that read data may use the device meanwhile.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                moves = work().detached()
        finally:
            torch.cuda.set_stream(stream)  # a recording that fails leaves its own
        return graph.replay, moves


def kind_of_step(game: Game, step: int) -> Hashable | None:
    """Return a key that interchangeable steps share; None if no step can stand for another."""
    if game.config.training.accumulate > 1 or not all(part.replays for part in game.parts):
        return None
    return step % game.config.objective.penalty_interval == 0


def _parameters(game: Game) -> list[nn.Parameter]:
    return [p for network in (game.generator, game.discriminator) for p in network.parameters()]


def _lists(game: Game) -> list[list[Tensor]]:
    return [tensors for part in game.parts for tensors in part.collected]


def _places(game: Game, gradients: list[Tensor | None]) -> list[Place]:
    """Return where the networks' tensors and the gradients lie, and which of them are trained."""
    networks = (game.generator, game.discriminator)
    tensors = [x for network in networks for x in (*network.parameters(), *network.buffers())]
    tensors += [gradient for gradient in gradients if gradient is not None]
    return [(x.data_ptr(), x.requires_grad) for x in tensors]
