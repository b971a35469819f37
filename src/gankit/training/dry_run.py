"""`--dry-run`: what would run, measured as far as it can be without writing anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from gankit.data import Dataset
from gankit.data.batches import Feed
from gankit.families import Task
from gankit.settings.config import Config
from gankit.settings.schema import flatten
from gankit.size import check_size
from gankit.training.budget import given_steps
from gankit.training.optimizers import set_pace
from gankit.training.runtime import start_runtime
from gankit.training.state import PLAYERS, State, build_state, draw_batch
from gankit.training.trainer import read_data
from gankit.training.update import NotFiniteError, choose_update

SECONDS = 1.5


def rehearse(config: Config) -> str:
    """A report of the data, the networks, memory and time of a run. Takes a few steps, keeps none.

    Raises the same errors as training would before its first step.
    """
    dataset = read_data(config)
    runtime = start_runtime(config.runtime)
    task = Task.of(dataset)
    check_size(config, task)
    state = build_state(config, task, runtime, dataset)
    update = choose_update(state.game)
    training = config.training
    budget = config.data.labels_per_class
    with Feed(dataset, seed=training.seed, batch=training.batch, labels_per_class=budget) as feed:

        def step() -> None:
            for player in PLAYERS:
                set_pace(state.optimizers[player], getattr(config, f"{player}_optimizer"), 0, 1)
            with suppress(NotFiniteError):  # its time is what is wanted
                update(state, lambda substep: draw_batch(state, feed, runtime, substep), runtime)
            state.step += 1

        per_step = _seconds_per_step(step)
    sections = [_data(dataset), _networks(state), _plan(config, update.__name__, per_step, state)]
    return "\n".join([*sections, _settings(config)])


def _data(dataset: Dataset) -> str:
    shape = "x".join(map(str, dataset.shape))
    kind = "images (channels x height x width)" if dataset.is_images else "points"
    lines = [f"data: {dataset.name}", f"  {len(dataset):,} {kind} {shape}"]
    if dataset.class_names:
        names = ", ".join(dataset.class_names[:10])
        lines.append(f"  {len(dataset.class_names)} classes: {names}")
    return "\n".join(lines + [f"  {note}" for note in dataset.notes])


def _networks(state: State) -> str:
    lines = []
    for player, network in state.networks.items():
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
        p.numel() * p.element_size() for n in state.networks.values() for p in n.parameters()
    )
    # Weights, gradients, two moments, the average and a checkpoint's copy on its way to the disk.
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
