"""What a training step costs, without measuring time: a race compares recipes at equal cost."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from gankit.families import FAMILIES, Game, Task
from gankit.game_types import Latent
from gankit.nn.uncompiled import shapes_alone
from gankit.settings.config import Config

OVERHEAD = 10**8
"""The multiplications and additions that take as long as a step takes whatever its size."""


def cost_of_step(config: Config, task: Task) -> float:
    """Return the cost of a training step, in units that are the same for every recipe.

    It is the number of multiplications and additions in the passes forward of one step: those of G
    and, for real examples and for fakes, those of D; and a constant for what every step takes.
    The networks are built without memory.

    Raises ConfigError if the settings make no network for such data.
    """
    with torch.random.fork_rng(devices=[]), shapes_alone(), torch.no_grad():
        game = FAMILIES[config.family](config, task)
        for network in (game.generator, game.discriminator):
            network.to("meta")
        with FlopCounterMode(display=False) as counter:
            _play(game)
    of_an_example = counter.get_total_flops() // 2
    return OVERHEAD + float(config.objective.k * config.training.batch * of_an_example)


def steps_at_equal_cost(steps: int, default: float, own: float) -> int:
    """Return how many steps of cost `own` are worth `steps` of cost `default`; at least 1."""
    return max(1, round(steps * default / own))


def _play(game: Game) -> None:
    """Pass two examples through G, and twice through D, as real ones and as fakes."""
    task, labels = game.task, None
    if game.conditional:
        labels = torch.zeros(2, task.condition) if task.condition else torch.zeros(2).long()
    game.generate(Latent(torch.zeros(2, game.latent_size), labels))
    for _ in range(2):
        game.discriminator(task.blank(2), labels)
