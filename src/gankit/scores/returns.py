"""What a policy earns in its environment, beside the expert, a baseline and chance."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.choose_recipe import configure
from gankit.data import Dataset, source_name
from gankit.data.expert import ExpertDataset
from gankit.errors import DataError
from gankit.metrics.intervals import interval_of_mean
from gankit.randomness import Purpose, rng
from gankit.run import Plan
from gankit.run_data import find_data, record_beside
from gankit.scores.score import Protocol, Report, Score
from gankit.settings.config import override
from gankit.trained.gan import GAN
from gankit.training.state import build_game
from gankit.training.trainer import Trainer
from gankit.version import __version__
from gankit.worlds.play import Stage
from gankit.worlds.world import World


def silent(text: str) -> None:
    """Say nothing."""


EPISODES = 50
"""The number of episodes of each policy, unless another one is asked for."""


def evaluate_returns(
    gan: GAN,
    *,
    data: Dataset | str | None = None,
    n: int | None = None,
    seed: int = 0,
    say: Callable[[str], None] = silent,
) -> Report:
    """Play episodes, and return what they earn: the environment's own rewards, undiscounted.

    Scores are means over episodes, with 95 % intervals of the mean. The floor is what the expert
    earned in the run's data.

    Args:
        gan: a run that acts.
        data: the expert's episodes; None: those that the run learned from.
        n: the episodes of each policy; None: `EPISODES`.
        seed: the seed of the first episode, as in `GAN.play`; chance and baseline have the same.
        say: is called with a line before each policy plays.

    Raises DataError if the expert's episodes cannot be read, or are of another environment.
    """
    began, count = time.monotonic(), n or EPISODES
    expert = data if isinstance(data, Dataset) else _expert(gan, data)
    if expert.world != gan.game.task.world or expert.world is None:
        raise DataError(f"data '{expert.name}' is not of the environment that the run acts in")
    world = expert.world
    floor = None
    if isinstance(expert, ExpertDataset) and expert.returns is not None:
        floor = float(expert.returns.mean())
    say("the policy's likeliest actions")
    earned = {"return": gan.play(count, seed, likeliest=True).returns}
    say("actions that the policy draws")
    earned["return_drawn"] = gan.play(count, seed).returns
    if gan.game.baseline is not None:
        say("the baseline: trained, then played")
        baseline = trained_baseline(gan, expert, gan.game.baseline)
        earned["return_baseline"] = baseline.play(count, seed, likeliest=True).returns
    say("random actions")
    earned["return_random"] = random_returns(world, count, seed)
    return Report(
        run="" if gan.path is None else gan.path.parent.resolve().name,
        family=gan.config.family,
        step=gan.step,
        protocol=Protocol(
            network=world.name,
            network_hash="",
            resize="none",
            data=source_name(expert.name),
            data_hash=expert.fingerprint,
            split="train",
            n_real=len(expert),
            n_fake=count,
            seed=seed,
            settings={"draws": 1, "baseline": gan.game.baseline or ""},
            gankit=__version__,
        ),
        scores=tuple(_score(name, returns, floor) for name, returns in earned.items()),
        seconds=round(time.monotonic() - began, 1),
    )


LABELS = {
    "return": "return",
    "return_drawn": "return, actions drawn",
    "return_baseline": "return, baseline",
    "return_random": "return, random actions",
}


def _score(name: str, returns: NDArray[np.float64], floor: float | None) -> Score:
    value = float(returns.mean())
    low, high = interval_of_mean(returns.tolist()) if returns.std() else (value, value)
    return Score(name, LABELS[name], value, "higher", (low, high), floor, "episodes")


def _expert(gan: GAN, source: str | None) -> Dataset:
    """Read the expert's episodes of a run. Raises DataError."""
    record = None if gan.path is None else record_beside(gan.path)
    return find_data(gan.config.data, gan.shape, source, gan.path or Path(), record).dataset


def trained_baseline(gan: GAN, expert: Dataset, recipe: str) -> GAN:
    """Train a recipe on the expert's episodes, with the run's seed and the policy's own layers."""
    options, seed = gan.config.network, gan.config.training.seed
    settings = {"network.hidden": options.hidden, "training.seed": seed, "runtime.device": "cpu"}
    config = override(configure(recipe=recipe), settings)
    batch = min(config.training.batch, len(expert))
    config = override(config, {"training.batch": batch})
    assert config.training.steps is not None
    with Trainer(build_game(config, expert), expert) as trainer:
        trainer.plan = Plan(config.training.steps, 1)
        for _ in range(config.training.steps):
            trainer.step()
        return GAN(trainer.game, trainer.state.step)


def random_returns(world: World, count: int, seed: int) -> NDArray[np.float64]:
    """Return what actions earn that are drawn evenly from all that there are, [count]."""
    random = rng(seed, Purpose.EVALUATION)

    def act(seen: NDArray[np.float32], moment: int) -> NDArray[np.generic]:
        if world.discrete:
            return random.integers(world.choices, size=len(seen))
        return random.uniform(world.low, world.high, (len(seen), world.moves)).astype(np.float32)

    return Stage(world).play(act, random.integers(2**32, size=count).tolist()).returns
