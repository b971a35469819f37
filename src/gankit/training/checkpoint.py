"""A run's state as plain tensors: captured, restored, kept in files, found again.

A checkpoint holds both players, both optimisers' moments, the averaged generator and the
game's own state. It holds no random state: every draw is a function of (seed, step).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gankit.errors import RunError
from gankit.run import Run, checkpoints
from gankit.storage import read_tensors, write_tensors
from gankit.training.state import PLAYERS, State


def capture(state: State, copy: bool = False) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors by name, numbers). With `copy` they stay as they are while training goes on."""
    tensors = {f"game/{k}": v for k, v in state.game.state().items()}
    for player, average in state.averages.items():
        tensors |= {f"average/{player}/{k}": v for k, v in average.network.state_dict().items()}
    for player in PLAYERS:
        tensors |= {f"{player}/{k}": v for k, v in state.networks[player].state_dict().items()}
        for index, moments in state.optimizers[player].state_dict()["state"].items():
            for name, value in moments.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer/{player}/{index}/{name}"] = value
    if copy:
        tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    numbers = {"step": state.step, "seconds": state.seconds, "rollbacks": state.rollbacks}
    return tensors, numbers


def restore(state: State, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    """Put a captured state back. Raises KeyError or RuntimeError where it does not fit."""
    for player, average in state.averages.items():
        average.network.load_state_dict(_below(tensors, f"average/{player}/"))
    state.game.load_state(_below(tensors, "game/"))
    for player in PLAYERS:
        state.networks[player].load_state_dict(_below(tensors, f"{player}/"))
        _restore_optimizer(state, player, _below(tensors, f"optimizer/{player}/"))
    state.step, state.seconds = numbers["step"], numbers["seconds"]
    state.rollbacks = numbers["rollbacks"]


def write_checkpoint(run: Run, state: State, keep: int) -> Path:
    """Write the state, then drop all but the newest `keep`. Raises RunError; older ones survive."""
    path = run.checkpoints / f"step-{state.step:08d}.safetensors"
    tensors, numbers = capture(state)
    with run.writing("the checkpoint"):
        write_tensors(path, "checkpoint", tensors, numbers)
        newer = [p for p in checkpoints(run) if p > path]  # torn: a valid one was resumed
        older = [p for p in checkpoints(run) if p <= path][:-keep]
        for dropped in (*newer, *older):
            dropped.unlink(missing_ok=True)
        for torn in run.checkpoints.glob(".*.part"):  # of a killed process
            torn.unlink(missing_ok=True)
    return path


def restore_newest(run: Run, state: State, say: Callable[[str], None]) -> bool:
    """Restore the newest valid checkpoint; a torn or damaged one is skipped with a line.

    Returns False where there is none: the state is then as it was.
    """
    for path in reversed(checkpoints(run)):
        try:
            tensors, numbers = read_tensors(path, "checkpoint")
            restore(state, tensors, numbers)
        except (RunError, KeyError, RuntimeError) as error:
            say(f"skipping checkpoint {path.name}: {error}")
            continue
        return True
    return False


def _restore_optimizer(state: State, player: str, tensors: dict[str, Tensor]) -> None:
    optimizer = state.optimizers[player]
    parameters = list(state.networks[player].parameters())
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split("/")
        parameter = parameters[int(index)]
        if value.shape == parameter.shape and value.dim():
            # Fused optimisers walk memory, so a moment lies as its parameter does.
            value = torch.empty_like(parameter).copy_(value)
        moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
