"""Does a reward that was learned from an expert teach a new policy where the dynamics are others?

    gankit reproduce airl-pendulum --runs runs
    gankit reproduce gail-pendulum --runs runs
    python benchmarks/transfer.py runs/airl-pendulum-0 runs/gail-pendulum-0 --out transfer.csv

The pendulum's motor is wired the other way round: what pushed to the left pushes to the right. A
policy from the first world is at a loss there. Fresh policies are trained by PPO, with nothing but
what each run's discriminator says, which no longer moves, and by the environment's own reward.
First, the reward of a run that holds one (`airl`) is compared with the environment's, which is known:
-(angle^2 + speed^2 / 10), without what the torque costs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import gankit
from gankit.families.gail import Imitation
from gankit.game_types import Terms, Turn
from gankit.nn.actor import Rewarder
from gankit.run import Plan
from gankit.scores.returns import random_returns
from gankit.settings.config import override
from gankit.trained.gan import GAN
from gankit.training.trainer import Trainer
from gankit.worlds.play import Stage, world_of

WORLD, TURNED = "Pendulum-v1", "TurnedPendulum-v1"
EPISODES = 50


class Turned(gymnasium.ActionWrapper):  # type: ignore[type-arg]
    """An environment whose motor is wired the other way round."""

    def action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        return -action


gymnasium.register(
    TURNED, lambda **options: Turned(gymnasium.make(WORLD, **options)), max_episode_steps=200
)


def own_reward(seen: Tensor) -> Tensor:
    """What the environment pays for observations [N, 3], but for the torque, [N]."""
    angle = torch.atan2(seen[:, 1], seen[:, 0])
    return -(angle.square() + seen[:, 2].square() / 10)
