"""Turn a budget into a number of steps, and choose the number of CPU threads, once at the start.

The steps that are timed are real ones, taken on the run's own state and then undone, so the
measurement leaves no trace in the result. The decision is written into the run, so that schedules
and resumption are exact, and `--steps` repeats the run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import torch

from gankit.run import Plan
from gankit.settings.config import Config
from gankit.training.checkpoint import capture, restore
from gankit.training.runtime import Runtime
from gankit.training.state import State

SHARE = 0.03
"""The largest share of the budget's time that is spent on measuring, about one part in thirty."""
LEAST_SECONDS, MOST_SECONDS = 0.3, 6.0
RESERVE = 0.05
"""The share of a time budget that is kept for pictures, checkpoints and timing noise."""


def plan_budget(
    config: Config,
    state: State,
    take_step: Callable[[], None],
    runtime: Runtime,
    spent: float,
    examples: int,
) -> Plan:
    """Decide how many steps the run takes and how many CPU threads it uses.

    Args:
        take_step: takes one training step on `state`; whatever it does is undone.
        spent: seconds of a budget in minutes that are gone already.
        examples: how many there are to train on.
    """
    training = config.training
    steps = given_steps(config, examples)
    if steps is None:
        seconds = 60 * (training.minutes or 0)
    else:
        seconds = _rough_seconds(state, take_step, runtime, steps)
    allowance = min(max(SHARE * seconds, LEAST_SECONDS), MOST_SECONDS)
    candidates = _thread_candidates(config, runtime)
    if steps is not None and (len(candidates) == 1 or seconds < 20):
        return Plan(steps, _use_threads(candidates[-1]))

    started = time.monotonic()
    measured = {}
    for threads in candidates:
        _use_threads(threads)
        measured[threads] = _seconds_per_step(
            state, take_step, runtime, allowance / len(candidates)
        )
    threads = int(runtime.from_first(min(measured, key=lambda t: measured[t])))
    per_step = measured[threads]
    if steps is None:
        left = seconds * (1 - RESERVE) - spent - (time.monotonic() - started)
        steps = max(1, int(runtime.from_first(left / per_step)))
    return Plan(steps, _use_threads(threads), per_step)


def extend_plan(plan: Plan, old: Config, new: Config, examples: int) -> Plan:
    """Return the plan of a resumed run, whose budget may have grown.

    The steps of a budget in minutes grow in proportion to its minutes. There are this many
    `examples` to train on.
    """
    steps = given_steps(new, examples)
    if steps is None:
        assert new.training.minutes is not None
        grown = new.training.minutes / (old.training.minutes or new.training.minutes)
        steps = round(plan.steps * grown)
    return Plan(steps, new.runtime.threads or plan.threads, plan.seconds_per_step)


def given_steps(config: Config, examples: int) -> int | None:
    """Return the number of steps of a budget, None for one in minutes.

    An epoch is as many real images shown as there are `examples` to train on.
    """
    training = config.training
    if training.steps is not None or training.minutes is not None:
        return training.steps
    images = training.images
    if images is None:
        assert training.epochs is not None
        images = round(training.epochs * examples)
    return max(1, images // (training.batch * config.objective.k))


def _thread_candidates(config: Config, runtime: Runtime) -> list[int]:
    """Return the thread counts worth trying: one, all, and the powers of two between.

    There is only one candidate if the setting or the environment gives it, on another device than
    the CPU, and if several processes share the CPU.
    """
    if config.runtime.threads:
        return [config.runtime.threads]
    if runtime.device.type != "cpu" or runtime.world > 1 or "OMP_NUM_THREADS" in os.environ:
        return [torch.get_num_threads()]
    most = torch.get_num_threads()
    return sorted({1, most, *(2**i for i in range(1, 6) if 2**i < most)})


def _use_threads(threads: int) -> int:
    torch.set_num_threads(threads)
    return threads


def steps_to_warm(state: State, runtime: Runtime) -> int:
    """Return how many steps to take before any is timed."""
    return 1 + runtime.rounds_to_warm * state.game.config.objective.penalty_interval


def _rough_seconds(
    state: State, take_step: Callable[[], None], runtime: Runtime, steps: int
) -> float:
    """Estimate the seconds of `steps` steps from two: enough to choose how carefully to measure."""
    return steps * _seconds_per_step(state, take_step, runtime, 0.0)


def _seconds_per_step(
    state: State, take_step: Callable[[], None], runtime: Runtime, seconds: float
) -> float:
    """Return the mean seconds of a step, over about `seconds`, after a step or more to warm up.

    The mean is over whole lazy intervals, so that the costly steps with penalties count for their
    share. All of these steps are undone.
    """
    before = capture(state, copy=True)
    try:
        interval = state.game.config.objective.penalty_interval
        for _ in range(steps_to_warm(state, runtime) if seconds else 1):
            take_step()
        count, round_of = 0, interval if seconds else 1
        started = time.monotonic()
        while True:
            for _ in range(round_of):
                take_step()
            if runtime.device.type == "cuda":
                torch.cuda.synchronize(runtime.device)
            count += round_of
            elapsed = time.monotonic() - started
            # The steps are collective, so every process must stop after the same round.
            if runtime.from_first(float(elapsed >= seconds)):
                return elapsed / count
    finally:
        restore(state, *before)
