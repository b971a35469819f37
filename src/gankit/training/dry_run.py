"""`--dry-run`: report what would run, measured as far as possible without writing anything."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from torch import get_num_threads, nn

from gankit.data import load_configured
from gankit.run import Plan, Run
from gankit.settings.config import Config
from gankit.settings.schema import flatten
from gankit.training.briefing import brief, everything
from gankit.training.budget import given_steps, steps_to_warm
from gankit.training.initial import check_start, start_from
from gankit.training.state import State, build_game
from gankit.training.trainer import Trainer

SECONDS = 1.5


def rehearse(
    config: Config,
    init_from: str | Path | None = None,
    *,
    folder: Path | None = None,
    reasons: Sequence[str] = (),
    verbose: bool = False,
) -> str:
    """Report the data, the networks, memory and time of a run. Takes a few steps, keeps none.

    Args:
        config: the configuration of the run.
        folder: the run directory that it would have.
        reasons: why it would be trained like this, in lines to show.
        init_from: the run whose weights it would begin with.
        verbose: also every note of the data, every layer and every setting.

    Raises the same errors as training would before its first step.
    """
    if init_from is not None and folder is not None:
        check_start(Run(folder), init_from)
    dataset = load_configured(config.data)
    game = build_game(config, dataset)
    start = None if init_from is None else start_from(game, init_from)
    with Trainer(game, dataset, init_from=start) as trainer:
        steps = given_steps(config, len(dataset)) or 1
        trainer.plan = Plan(steps, config.runtime.threads or get_num_threads())
        per_step = _seconds_per_step(trainer)
        lines = everything(dataset, game) if verbose else brief(dataset, game)
        lines += [*reasons, *(start.lines if start else [])]
        for name, player in trainer.state.players.items():
            lines += _network(name, player.network, verbose)
        lines += _plan(config, trainer.update_name, per_step, trainer.state, len(dataset))
        return "\n".join([*lines, *(_settings(config) if verbose else [])])


def _network(player: str, network: nn.Module, verbose: bool) -> list[str]:
    count = sum(p.numel() for p in network.parameters())
    lines = [f"{player}: {count:,} parameters"]
    for name, module in network.named_modules() if verbose else ():
        own = list(module.parameters(recurse=False))
        if own:
            shapes = ", ".join(str(tuple(p.shape)) for p in own)
            size = sum(p.numel() for p in own)
            lines.append(f"  {name:<14} {type(module).__name__:<22} {size:>11,}  {shapes}")
    return lines


def _plan(config: Config, update: str, per_step: float, state: State, examples: int) -> list[str]:
    training, k = config.training, config.objective.k
    steps = given_steps(config, examples) or int(60 * (training.minutes or 0) / per_step)
    weights = sum(
        p.numel() * p.element_size()
        for player in state.players.values()
        for p in player.network.parameters()
    )
    # Weights, gradients, two moments, the average and a checkpoint's copy on its way to the disk.
    memory = 6 * weights / 1e6
    passes = steps * k * training.batch / examples
    return [
        f"plan: {update} update, about {steps:,} steps of {training.batch * k} examples, "
        f"{passes:,.1f} passes over the data",
        f"time: {steps * per_step / 60:.1f} minutes, {1e3 * per_step:.1f} ms a step, "
        f"{training.batch * k / per_step:,.0f} examples/s here",
        f"memory: about {memory:,.0f} MB for weights and optimisers, besides activations",
    ]


def _settings(config: Config) -> list[str]:
    lines = [f"  {key} = {value}" for key, value in flatten(config).items() if value is not None]
    return ["settings:", *lines]


def _seconds_per_step(trainer: Trainer) -> float:
    for _ in range(steps_to_warm(trainer.state, trainer.runtime)):
        trainer.try_step()
    started, count = time.monotonic(), 0
    while time.monotonic() - started < SECONDS:
        trainer.try_step()
        count += 1
    return (time.monotonic() - started) / count
