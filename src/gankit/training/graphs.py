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
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn

from gankit.game import Game
from gankit.game_types import Batch, Moves
from gankit.settings.config import Precision
from gankit.text import reason
from gankit.training.runtime import Passes, Runtime

if TYPE_CHECKING:
    from gankit.training.state import State

Slot = tuple[dict[str, Any], str]
"""Where a module holds one of its parameters or buffers: the dictionary, and the name in it."""


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
        """Replay the passes for what the recorded batch now holds.

        Returns copies, because another graph may use the same memory. Gradients are used before
        that one is played.
        """
        for parameter, gradient in self.gradients:
            parameter.grad = gradient
        self.replay()
        for tensors, left in zip(_lists(game), self.collected, strict=True):
            tensors.extend(x.clone() for x in left)
        return self.moves.detached()


@dataclass
class Chain:
    """The recordings of passes that follow each other on one batch.

    Attributes:
        batch: what all of them read.
        recordings: of one pass after the other; a later one may read what an earlier one left.
        networks: the two players.
        slots: where these hold their parameters and buffers.
        places: where each of those lay.
    """

    batch: Batch
    recordings: list[Recording]
    networks: tuple[nn.Module, nn.Module]
    slots: list[Slot]
    places: list[object]

    def holds(self, game: Game) -> bool:
        """Return whether the networks are still the same, and where they lay."""
        return self.networks == _networks(game) and self.places == _places(self.slots)

    def play(self, game: Game, batch: Batch) -> list[Callable[[], Moves]]:
        """Return functions that replay the passes for another batch, in their order."""
        self.batch.take(batch)
        return [partial(recording.play, game) for recording in self.recordings]


@dataclass
class Chains:
    """What is recorded of a state: by kind of passes, None for a kind that has been run once.

    All chains take their memory from one `pool`.
    """

    known: dict[Hashable, Chain | None] = field(default_factory=dict)
    pool: Any = None


class GraphRuntime(Runtime):
    """One process on a CUDA device, which records the passes of a step and replays them.

    The passes of each kind are run the first time, so that every library is loaded and all memory
    has its place, and recorded the second time.
    """

    rounds_to_warm = 2

    def __init__(self, device: torch.device, precision: Precision = "32") -> None:
        super().__init__(device, precision)
        self._chains: WeakKeyDictionary[State, Chains] = WeakKeyDictionary()
        self._refused: WeakSet[State] = WeakSet()

    def recordings(self, state: State) -> int:
        """Return how many kinds of passes are replayed."""
        return sum(chain is not None for chain in self._of(state).known.values())

    def passes(self, state: State, batch: Batch, **works: Passes) -> list[Callable[[], Moves]]:
        plain, game = super().passes(state, batch, **works), state.game
        if state in self._refused or not can_be_replayed(game):
            return plain
        kind = (*works, state.step % game.config.objective.penalty_interval == 0)
        chain = self._of(state).known.get(kind)
        if chain is not None and not chain.holds(game):
            del self._chains[state]  # somebody has moved the networks
        known = self._of(state).known
        if kind not in known:
            known[kind] = None
            return plain
        chain = known[kind] = known[kind] or self._record(state, batch, works.values())
        return plain if chain is None else chain.play(game, batch)

    def _of(self, state: State) -> Chains:
        return self._chains.setdefault(state, Chains())

    def _record(self, state: State, batch: Batch, works: Iterable[Passes]) -> Chain | None:
        """Return a chain; None, and a notice to the user, if the passes admit none."""
        try:
            return self._chain(state, batch, works)
        except RuntimeError as error:
            why = reason(error)
        # Only here, where the error is forgotten, is the memory free that its frames held.
        self._of(state).known.clear()
        torch.cuda.empty_cache()
        self._refused.add(state)
        state.game.notices.append(f"steps are not replayed as CUDA graphs: {why}")
        return None

    def _chain(self, state: State, batch: Batch, works: Iterable[Passes]) -> Chain:
        game, still = state.game, batch.mapped(torch.clone)
        before = [len(tensors) for tensors in _lists(game)]
        try:
            recordings = [self._link(state, still, work) for work in works]
        finally:  # nothing has been computed yet
            for tensors, start in zip(_lists(game), before, strict=True):
                del tensors[start:]
            _forget_gradients(game)
        slots = _slots(game)
        return Chain(still, recordings, _networks(game), slots, _places(slots))

    def _link(self, state: State, batch: Batch, work: Passes) -> Recording:
        lists = _lists(state.game)
        before = [len(tensors) for tensors in lists]
        _forget_gradients(state.game)
        replay, moves = self.capture(self._of(state), partial(work, batch))
        left = [tensors[start:] for tensors, start in zip(lists, before, strict=True)]
        gradients = [(p, p.grad) for p in _parameters(state.game) if p.grad is not None]
        return Recording(replay, moves, gradients, left)

    def capture(
        self, chains: Chains, work: Callable[[], Moves]
    ) -> tuple[Callable[[], None], Moves]:
        """Record `work` without running it, in the memory of these chains.

        Returns a function that runs it, and the moves that this fills.
        """
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self.device)
        chains.pool = chains.pool or torch.cuda.graph_pool_handle()
        try:
            # Threads that read data may use the device meanwhile.
            with torch.cuda.graph(graph, chains.pool, capture_error_mode="thread_local"):
                moves = work()
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


def _slots(game: Game) -> list[Slot]:
    modules = [module for network in _networks(game) for module in network.modules()]
    held = [h for module in modules for h in (module._parameters, module._buffers)]
    return [(tensors, name) for tensors in held for name in tensors]


def _places(slots: Iterable[Slot]) -> list[object]:
    """Return where the tensors in slots lie, and which of them are trained."""
    found = (tensors.get(name) for tensors, name in slots)
    return [None if x is None else (x.data_ptr(), x.requires_grad) for x in found]


def _forget_gradients(game: Game) -> None:
    for parameter in _parameters(game):
        parameter.grad = None


def _lists(game: Game) -> list[list[Tensor]]:
    return [tensors for part in game.parts for tensors in part.collected]
