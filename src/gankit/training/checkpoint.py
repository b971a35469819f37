"""Capture a run's state as plain tensors, keep it in checkpoint files and restore it.

A checkpoint holds both players, both optimisers' moments, the averaged generator and the
game's own state. It holds no random state: every draw is a function of (seed, step). Its header
holds the configuration and the data's fingerprint, which say what run it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gankit.errors import GankitError, RunError
from gankit.families import FAMILIES
from gankit.run import Record, Run, checkpoints
from gankit.settings.config import differences, from_dict, to_dict
from gankit.storage import flush, not_finite, read_tensors, write_tensors
from gankit.text import reason
from gankit.training.state import PLAYERS, State


def capture(state: State, copy: bool = False) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return (tensors by name, numbers); with `copy`, later training does not change them."""
    tensors = {f"game/{k}": v for part in state.game.parts for k, v in part.state().items()}
    for player, average in state.averages.items():
        tensors |= {f"average/{player}/{k}": v for k, v in average.network.state_dict().items()}
    for player, playing in state.players.items():
        tensors |= {f"{player}/{k}": v for k, v in playing.network.state_dict().items()}
        for index, moments in playing.optimizer.state_dict()["state"].items():
            for name, value in moments.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer/{player}/{index}/{name}"] = value
    if copy:
        tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    numbers = {"step": state.step, "seconds": state.seconds, "rollbacks": state.rollbacks}
    return tensors, numbers


def restore(state: State, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    """Put a captured state back, all of it or nothing.

    Raises RunError if it does not fit; `state` is then left as it was.
    """
    _check_numbers(numbers)
    _check_tensors(state, tensors)
    before = capture(state, copy=True)
    try:
        _put(state, tensors, numbers)
    except (KeyError, IndexError, ValueError, TypeError, RuntimeError) as error:
        _put(state, *before)
        raise RunError(f"does not fit this run: {reason(error)}") from None


def _put(state: State, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    for player, average in state.averages.items():
        average.network.load_state_dict(below(tensors, f"average/{player}/"))
    for part in state.game.parts:
        part.load_state(below(tensors, "game/"))
    for player in PLAYERS:
        state.players[player].network.load_state_dict(below(tensors, f"{player}/"))
        _restore_optimizer(state, player, below(tensors, f"optimizer/{player}/"))
    state.step, state.seconds = numbers["step"], numbers["seconds"]
    state.rollbacks = numbers["rollbacks"]


def _check_numbers(numbers: dict[str, Any]) -> None:
    for name in ("step", "rollbacks"):
        value = numbers.get(name)
        if type(value) is not int or not 0 <= value < 2**62:
            raise RunError(f"says that its {name} is {str(value)[:40]}")
    seconds = numbers.get("seconds")
    if type(seconds) not in (int, float) or not 0 <= seconds < 1e12:  # type: ignore[operator]
        raise RunError(f"says that its seconds are {str(seconds)[:40]}")


def _check_tensors(state: State, tensors: dict[str, Tensor]) -> None:
    """Raise RunError if names, shapes or types of weights and averages are not this state's."""
    networks = {player: state.players[player].network for player in PLAYERS}
    networks |= {f"average/{player}": a.network for player, a in state.averages.items()}
    for prefix, network in networks.items():
        wanted, found = network.state_dict(), below(tensors, f"{prefix}/")
        if prefix in PLAYERS and wanted.keys() != found.keys():
            raise RunError(f"holds other weights of the {prefix} than this run's")
        for name, value in found.items():
            mine = wanted.get(name)
            if mine is None or (mine.shape, mine.dtype) != (value.shape, value.dtype):
                raise RunError(f"has {prefix}/{name} of {_kind(value)}, this run of {_kind(mine)}")


def _kind(tensor: Tensor | None) -> str:
    if tensor is None:
        return "nothing"
    return f"{'x'.join(map(str, tensor.shape)) or 'a number'} of {str(tensor.dtype)[6:]}"


def find_not_finite(state: State) -> str | None:
    """Return the checkpoint name of a tensor of `state` that is not finite; None if all are."""
    return _broken(capture(state)[0])


def _broken(tensors: dict[str, Tensor]) -> str | None:
    """Return the name of a tensor that must not be kept; None if there is none.

    A game's own state may be infinite, but not NaN: BEGAN's best measure starts at infinity.
    """
    played = {k: v for k, v in tensors.items() if not k.startswith("game/")}
    own = (k for k, v in tensors.items() if k.startswith("game/") and v.isnan().any())
    return not_finite(played) or next(own, None)


def write_checkpoint(run: Run, state: State, keep: int, fingerprint: str = "") -> Path:
    """Write the state, then delete all checkpoints but the newest `keep`.

    Checkpoints of later steps are deleted too: the run was rolled back from there. Raises RunError
    if it cannot be written; older checkpoints then survive.
    """
    path = run.checkpoints / f"step-{state.step:08d}.safetensors"
    tensors, numbers = capture(state)
    whose = {"config": to_dict(state.game.config), "data": fingerprint}
    with run.writing("the checkpoint"):
        flush(run.metrics_path)  # a power cut must not lose lines of steps that are kept
        write_tensors(path, "checkpoint", tensors, {**numbers, **whose})
        newer = [p for p in checkpoints(run) if p > path]
        older = [p for p in checkpoints(run) if p <= path][:-keep]
        for dropped in (*newer, *older):
            dropped.unlink(missing_ok=True)
    return path


@dataclass(frozen=True)
class Restored:
    """The result of looking for a checkpoint to restore.

    Attributes:
        step: of the checkpoint that was restored; None if none was.
        unreadable: newer checkpoints that could not be restored, each with the reason, such as
            `is damaged`.
    """

    step: int | None
    unreadable: dict[Path, str]


def restore_newest(
    run: Run, state: State, record: Record | None = None, below: int | None = None
) -> Restored:
    """Restore the newest checkpoint that is whole, finite and this run's.

    Args:
        record: the content of run.json; a checkpoint of other settings or data is not this run's.
        below: consider only checkpoints of steps before this one.
    """
    unreadable = {}
    for path in reversed(checkpoints(run)):
        if below is not None and int(path.stem[5:]) >= below:
            continue
        try:
            restore(state, *read_checkpoint(path, record))
        except RunError as error:
            unreadable[path] = str(error).removeprefix(f"'{path}' ")
            continue
        return Restored(state.step, unreadable)
    return Restored(None, unreadable)


def read_checkpoint(
    path: Path, record: Record | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the numbers of a checkpoint.

    Raises RunError if it is not whole, not finite, or of other settings or data than `record` says.
    """
    tensors, header = read_tensors(path, "checkpoint")
    _check_owner(header, record)
    if name := _broken(tensors):
        raise RunError(f"has a {name} that is not finite")
    _check_numbers(header)
    return tensors, header


def _check_owner(header: dict[str, Any], record: Record | None) -> None:
    """Raise RunError if a checkpoint's header says that it belongs to another run.

    Checkpoints of gankit 0.1 do not say what run they belong to, and pass.
    """
    if record is None or "config" not in header:
        return
    found = config_differences(header["config"], record)
    if header.get("data") not in ("", record.data["fingerprint"]):
        found.append("other data")
    if found:
        raise RunError(f"is of another run ({'; '.join(found)})")


def config_differences(stored: Any, record: Record) -> list[str]:
    """Return how a configuration in a file's header differs from the run's, one line each.

    Raises RunError if `stored` cannot be read as a configuration.
    """
    try:
        config = from_dict(stored, FAMILIES[stored["family"]].Options)
    except (GankitError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"has a configuration that cannot be read: {reason(error)}") from None
    return differences(config, record.config, but=("data.source",))


def _restore_optimizer(state: State, player: str, tensors: dict[str, Tensor]) -> None:
    optimizer = state.players[player].optimizer
    parameters = list(state.players[player].network.parameters())
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split("/")
        parameter = parameters[int(index)]
        if value.dim() and value.shape != parameter.shape:
            raise RuntimeError(f"optimizer/{player}/{key} is {_kind(value)}")
        if value.dim():
            # Fused optimisers walk memory, so a moment needs its parameter's memory layout.
            value = torch.empty_like(parameter).copy_(value)
        moments.setdefault(int(index), {})[name] = value
    if len({frozenset(names) for names in moments.values()}) > 1:
        raise RuntimeError(f"the moments of the {player} are incomplete")
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})


def below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
