"""CUDA graphs: the passes of a step, recorded once and from then on launched as one.

A step of small networks is thousands of short operations, and a GPU waits for the processor to ask
for each of them. A graph asks for all at once. It repeats the same operations on the same memory,
so steps are recorded only if nothing else changes from one to the next: every part of the game says
so (`Part.replays`). The batch is copied to where the recorded one lies, and random numbers go on as
without a graph. The checks of a step, the optimisers and the averages stay outside; if the players
take turns, each turn is a graph of its own, and one player moves between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
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
    """A recorded graph and the memory that it writes.

    Attributes:
        replay: launches the graph.
        moves: what the players minimised in it.
        gradients: the parameters that have one, and where it is left.
        collected: what it left in each of the game's lists (`Part.collected`).
    """

    replay: Callable[[], None]
    moves: Moves
    gradients: list[tuple[nn.Parameter, Tensor]]
    collected: list[list[Tensor]]

    def play(self, game: Game) -> Moves:
        """Replay the passes for what the recorded batch now holds."""
        for parameter, gradient in self.gradients:
            parameter.grad = gradient
        self.replay()
        for tensors, left in zip(_lists(game), self.collected, strict=True):
            tensors.extend(left)
        return self.moves


@dataclass
class Chain:
    """The recordings of passes that follow each other on one batch.

    Attributes:
        batch: what the first one reads, and those after it.
        recordings: of one pass after the other; a later one may read what an earlier one left.
        tensors: all of the networks.
        places: where these lay.
    """

    batch: Batch
    recordings: list[Recording]
    tensors: list[Tensor]
    places: list[Place]

    def holds(self) -> bool:
        """Return whether the networks are still where they lay."""
        return self.places == _places(self.tensors)

    def play(self, game: Game, batch: Batch) -> list[Callable[[], Moves]]:
        """Return functions that replay the passes for another batch, in their order."""
        self.batch.take(batch)
        return [partial(recording.play, game) for recording in self.recordings]


@dataclass
class Recordings:
    """The chains of a game, by the kind of passes; None for a kind that has been run once.

    All of them take their memory from one `pool`, because one is over before another begins.
    """

    chains: dict[Hashable, Chain | None] = field(default_factory=dict)
    pool: Any = None


class GraphRuntime(Runtime):
    """One process on a CUDA device, which records the passes of a step and replays them.

    The passes of each kind of step are run the first time, so that every library is loaded and all
    memory has its place, and recorded the second time.
    """

    rounds_to_warm = 2

    def __init__(self, device: torch.device, precision: Precision = "32") -> None:
        super().__init__(device, precision)
        self._recorded: WeakKeyDictionary[Game, Recordings] = WeakKeyDictionary()
        self._refused: WeakSet[Game] = WeakSet()

    def recordings(self, game: Game) -> int:
        """Return how many kinds of steps of this game are replayed."""
        recorded = self._recorded.get(game, Recordings())
        return sum(found is not None for found in recorded.chains.values())

    def passes(
        self, game: Game, step: int, batch: Batch, **works: Passes
    ) -> list[Callable[[], Moves]]:
        plain = super().passes(game, step, batch, **works)
        if game in self._refused or not can_be_replayed(game):
            return plain
        kind = (*works, step % game.config.objective.penalty_interval == 0)
        recorded = self._recorded.setdefault(game, Recordings())
        chain = recorded.chains.get(kind)
        if chain is not None and not chain.holds():
            recorded = self._recorded[game] = Recordings()  # somebody has moved the networks
        if kind not in recorded.chains:
            recorded.chains[kind] = None
            return plain
        if chain is None:
            chain = recorded.chains[kind] = self._record(game, batch, works.values())
        return plain if chain is None else chain.play(game, batch)

    def _record(self, game: Game, batch: Batch, works: Iterable[Passes]) -> Chain | None:
        """Return recordings; None, and a notice to the user, if the passes admit none."""
        try:
            return self._recordings(game, batch, works)
        except RuntimeError as error:
            why = reason(error)
        # Only here, where the error is forgotten, is the memory free that its frames held.
        del self._recorded[game]
        torch.cuda.empty_cache()
        self._refused.add(game)
        game.notices.append(f"steps are not replayed as CUDA graphs: {why}")
        return None

    def _recordings(self, game: Game, batch: Batch, works: Iterable[Passes]) -> Chain:
        still, lists = batch.mapped(torch.clone), _lists(game)
        before, recordings = [len(tensors) for tensors in lists], []
        try:
            for work in works:
                recordings.append(self._recording(game, still, work))
            tensors = [x for network in _networks(game) for x in _tensors(network)]
            return Chain(still, recordings, tensors, _places(tensors))
        finally:  # nothing has been computed yet
            for tensors, start in zip(lists, before, strict=True):
                del tensors[start:]
            _forget_gradients(game)

    def _recording(self, game: Game, batch: Batch, work: Passes) -> Recording:
        lists = _lists(game)
        before = [len(tensors) for tensors in lists]
        _forget_gradients(game)
        replay, moves = self.capture(game, lambda: work(batch))
        left = [tensors[start:] for tensors, start in zip(lists, before, strict=True)]
        gradients = [(p, p.grad) for p in _parameters(game) if p.grad is not None]
        return Recording(replay, moves, gradients, left)

    def capture(self, game: Game, work: Callable[[], Moves]) -> tuple[Callable[[], None], Moves]:
        """Record `work` without running it.

        Returns a function that runs it, and the moves that this fills.
        """
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self.device)
        recorded = self._recorded[game]
        recorded.pool = recorded.pool or torch.cuda.graph_pool_handle()
        try:
            # Threads that read data may use the device meanwhile.
            with torch.cuda.graph(graph, recorded.pool, capture_error_mode="thread_local"):
                moves = work().detached()
        finally:
            torch.cuda.set_stream(stream)  # a recording that fails leaves its own
        return graph.replay, moves


def can_be_replayed(game: Game) -> bool:
    """Return whether passes of one step can stand for those of others."""
    return game.config.training.accumulate == 1 and all(part.replays for part in game.parts)


def _networks(game: Game) -> tuple[nn.Module, nn.Module]:
    return game.generator, game.discriminator


def _parameters(game: Game) -> list[nn.Parameter]:
    return [p for network in _networks(game) for p in network.parameters()]


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def _places(tensors: Iterable[Tensor]) -> list[Place]:
    """Return where tensors lie, and which of them are trained."""
    return [(x.data_ptr(), x.requires_grad) for x in tensors]


def _forget_gradients(game: Game) -> None:
    for parameter in _parameters(game):
        parameter.grad = None


def _lists(game: Game) -> list[list[Tensor]]:
    return [tensors for part in game.parts for tensors in part.collected]
