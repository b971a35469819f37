"""`--dry-run`: report what would run, measured as far as possible without writing anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from torch import get_num_threads

from gankit.data import Dataset, load_configured, tell_classes
from gankit.run import Plan
from gankit.settings.config import Config
from gankit.settings.schema import flatten
from gankit.training.budget import given_steps
from gankit.training.initial import start_from
from gankit.training.state import State, build_game
from gankit.training.trainer import Trainer

SECONDS = 1.5


def rehearse(config: Config, init_from: str | Path | None = None) -> str:
    """Report the data, networks, memory and time of a run; takes a few steps and keeps none.

    `init_from`: the trained run whose weights it would begin with. Raises the same errors as
    training would before its first step.
    """
    dataset = load_configured(config.data)
    game = build_game(config, dataset)
    start = None if init_from is None else start_from(game, init_from)
    with Trainer(game, dataset, init_from=start) as trainer:
        trainer.plan = Plan(given_steps(config) or 1, config.runtime.threads or get_num_threads())
        per_step = _seconds_per_step(trainer.try_step)
        plan = _plan(config, trainer.update_name, per_step, trainer.state)
        begun = start.lines if start else []
        networks = _networks(trainer.state)
        return "\n".join([_data(dataset), networks, *begun, plan, _settings(config)])


def _data(dataset: Dataset) -> str:
    shape = "x".join(map(str, dataset.shape))
    kind = "images (channels x height x width)" if dataset.is_images else dataset.kind
    lines = [f"data: {dataset.name}", f"  {len(dataset):,} {kind} {shape}"]
    if (classes := tell_classes(dataset)) is not None:
        lines.append(f"  {classes}")
    return "\n".join(lines + [f"  {note}" for note in dataset.notes])


def _networks(state: State) -> str:
    lines = []
    for player in state.players:
        network = state.players[player].network
        count = sum(p.numel() for p in network.parameters())
        lines.append(f"{player}: {count:,} parameters")
        for name, module in network.named_modules():
            own = sum(p.numel() for p in module.parameters(recurse=False))
            if own:
                shapes = ", ".join(str(tuple(p.shape)) for p in module.parameters(recurse=False))
                lines.append(f"  {name:<14} {type(module).__name__:<22} {own:>11,}  {shapes}")
    return "\n".join(lines)


def _plan(config: Config, update: str, per_step: float, state: State) -> str:
    training, k = config.training, config.objective.k
    steps = given_steps(config) or int(60 * (training.minutes or 0) / per_step)
    weights = sum(
        p.numel() * p.element_size()
        for player in state.players.values()
        for p in player.network.parameters()
    )
    # Weights, gradients, two moments, the average, and a checkpoint's copy while it is written.
    memory = 6 * weights / 1e6
    return "\n".join(
        [
            f"plan: {update} update, about {steps:,} steps, {steps * per_step / 60:.1f} minutes",
            f"  {1e3 * per_step:.1f} ms a step, {training.batch * k / per_step:,.0f} images/s here",
            f"  about {memory:,.0f} MB for weights and optimisers, besides activations",
        ]
    )


def _settings(config: Config) -> str:
    lines = [f"  {key} = {value}" for key, value in flatten(config).items() if value is not None]
    return "\n".join(["settings:", *lines])


def _seconds_per_step(step: Callable[[], None]) -> float:
    step()
    started, count = time.monotonic(), 0
    while time.monotonic() - started < SECONDS:
        step()
        count += 1
    return (time.monotonic() - started) / count
