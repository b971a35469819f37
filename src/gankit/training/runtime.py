"""Where training computes: one process on one device, which wraps no network.

Several processes (processes.py) and a GPU (graphs.py) do some of this in another way.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gankit.game_types import Batch, Moves
from gankit.settings.config import Precision

if TYPE_CHECKING:
    from gankit.training.state import State

Passes = Callable[[Batch], Moves]
"""A function that accumulates the gradients of a player, or of both, for a batch.

It returns what they minimised, as numbers in memory of their own (`Moves.detached`).
"""


class Runtime:
    """One process on one device.

    Attributes:
        device, dtype: the device of the networks and the type of their weights.
        mixed: whether they compute in bfloat16 in the operations that allow it.
        rank, world: the number of this process and how many there are; only rank 0 writes.
        rounds_to_warm: how many steps of each kind come before a step takes its usual time.
    """

    rank = 0
    world = 1
    rounds_to_warm = 0

    def __init__(self, device: torch.device, precision: Precision = "32") -> None:
        self.device = device
        self.dtype = torch.float64 if precision == "64" else torch.float32
        self.mixed = precision == "bf16"

    def set_up(self, network: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Any]:
        """Return the network to call and the optimiser to step in place of these two."""
        return network, optimizer

    def without_sync(self, network: nn.Module) -> AbstractContextManager[Any]:
        """Return a context in which gradients of `network` are not shared: it is not trained."""
        return nullcontext()

    def passes(self, state: State, batch: Batch, **works: Passes) -> list[Callable[[], Moves]]:
        """Return a function for each of `works` that runs it on a batch.

        Call each of them once, in this order, before `passes` is called again. A runtime may replay
        what it recorded of works of the same names.
        """
        return [partial(work, batch) for work in works.values()]

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over all processes."""
        return values

    def anywhere(self, flag: bool) -> bool:
        """Return whether `flag` is set in any process."""
        return flag

    def any_of(self, *flags: bool) -> tuple[bool, ...]:
        """Return, for each of these flags, whether it is set in any process."""
        return flags

    def lost_a_process(self, error: BaseException) -> bool:
        """Return whether an error says that another process of the run is gone."""
        return False

    def from_first(self, number: float) -> float:
        """Return rank 0's `number` in every process."""
        return number

    def barrier(self) -> None:
        """Wait for every process."""

    def close(self) -> None:
        """Close the connections to the other processes, at the end of the run."""


def compute_in_bfloat16(network: nn.Module, device: torch.device) -> None:
    """Make `network` compute in bfloat16 wherever autocast allows it, and answer in float32."""
    plain = network.forward

    def forward(*arguments: Tensor | None) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            answer: Tensor = plain(*arguments)
        return answer.float()

    network.forward = forward
