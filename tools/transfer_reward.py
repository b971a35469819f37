"""Does a reward that was learned from an expert teach a new policy where the dynamics are others?

    gankit reproduce airl-pendulum --runs runs
    gankit reproduce airl-pendulum --set stabilise.replay=0 --runs forgetful
    gankit reproduce gail-pendulum --runs runs
    python tools/transfer_reward.py runs/*-0 forgetful/*-0 --own --out results/airl-transfer.csv

The pendulum's motor is wired the other way round: what pushed to the left pushes to the right, so
a policy from the first world does the wrong thing. Fresh policies are trained by PPO there: by what
the discriminator of a run says, which stands still, and by the environment's own reward. Every
policy plays 50 episodes, its likeliest actions, from the same seeds; returns are the environment's.
All fresh policies have the settings of the first run. One thread.

Before that, a reward of what is seen alone (`discriminator.reward`) is compared with the
environment's own, -(angle^2 + speed^2 / 10), which leaves out what the torque costs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

import gankit
from gankit.data.expert import ExpertDataset
from gankit.families.gail import Imitation
from gankit.game_types import Task, Terms, Turn
from gankit.metrics.intervals import interval_of_mean
from gankit.nn.actor import Rewarder
from gankit.run import Plan
from gankit.scores.returns import random_returns
from gankit.settings.config import Config
from gankit.trained.gan import GAN
from gankit.worlds.play import Act, Stage, world_of
from table_lines import read_lines, write_lines

WORLD, TURNED = "Pendulum-v1", "TurnedPendulum-v1"
EPISODES = 50
Pay = Callable[[Tensor], Tensor]
"""What transitions [M, 1, O + moves + O + 1] are paid, [M]."""


class Turned(gymnasium.ActionWrapper[Any, Any, Any]):
    """An environment whose motor is wired the other way round."""

    def action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        return -action


def turned(**options: Any) -> gymnasium.Env[Any, Any]:
    return Turned(gymnasium.make(WORLD, **options))


class Paid(Imitation):
    """A policy that is paid by a function of what it does, which never changes."""

    pay: Pay

    def build_discriminator(self) -> nn.Module:
        return nn.Linear(1, 1)  # never asked

    def rewards(self, moments: Tensor) -> Tensor:
        return self.pay(moments)

    def _judge(self, turn: Turn, moments: Tensor) -> tuple[Terms, float]:
        return Terms({}), 0.0


def state_reward(seen: Tensor) -> Tensor:
    """Return what the environment pays for observations [M, 3], but for the torque, [M]."""
    angle = torch.atan2(seen[:, 1], seen[:, 0])
    return -(angle.square() + seen[:, 2].square() / 10)


def environments_own(transitions: Tensor) -> Tensor:
    seen, torque = transitions[:, 0, :3], transitions[:, 0, 3]
    return state_reward(seen) - 0.001 * torque.square()


def pay_of(run: GAN) -> tuple[str, Pay]:
    """Return what a run's discriminator pays: its reward of what is seen, or the game's own."""
    judge = run.discriminator
    if isinstance(judge, Rewarder):
        return "g(s) of the first world", lambda moments: judge.reward(moments[:, 0, :3])
    return "-log(1 - D(s, a)) of the first world", lambda moments: softplus(judge(moments))


def fresh(config: Config, data: ExpertDataset, pay: Pay, seed: int, say: str) -> GAN:
    """Train a policy from the beginning in the world of `data`, by what `pay` says."""
    config = gankit.override(config, {"training.seed": seed})
    torch.manual_seed(seed)
    game = Paid(config, Task.of(data))
    game.pay = torch.no_grad()(pay)
    steps = config.training.steps
    assert steps is not None
    with gankit.Trainer(game, data) as trainer:
        trainer.plan = Plan(steps, 1)
        for step in range(steps):
            moves = trainer.step()
            if step % 20 == 19:
                print(f"  {say}: step {step + 1}, return {moves['return']:.0f}", flush=True)
    return GAN(game, steps)


def agreement(run: GAN) -> dict[str, float]:
    """Return the correlation of g with what the environment pays for what is seen.

    `everywhere`: over 10,000 angles and speeds drawn evenly. `expert`: over what an expert sees in
    four episodes that the run was not shown.
    """
    judge = run.discriminator
    assert isinstance(judge, Rewarder)
    random = np.random.default_rng(0)
    angle, speed = random.uniform(-np.pi, np.pi, 10_000), random.uniform(-8, 8, 10_000)
    places = {
        "everywhere": np.stack([np.cos(angle), np.sin(angle), speed], 1).astype(np.float32),
        "expert": gankit.make_expert(WORLD, 4, seed=4).observations,
    }
    with torch.no_grad():
        pairs = {
            name: (judge.reward(torch.from_numpy(seen)), state_reward(torch.from_numpy(seen)))
            for name, seen in places.items()
        }
    return {name: float(np.corrcoef(*pair)[0, 1]) for name, pair in pairs.items()}


def earned(stage: Stage, act: Act) -> NDArray[np.float64]:
    return stage.play(act, range(EPISODES)).returns


def likeliest(policy: GAN) -> Act:
    return lambda seen, _: policy.act(seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, help="runs of airl or gail on Pendulum-v1")
    parser.add_argument("--seed", type=int, default=0, help="of the fresh policies")
    parser.add_argument("--own", action="store_true", help="and by the environment's own reward")
    parser.add_argument("--out", type=Path, default=None, help="a table to add lines to")
    given = parser.parse_args()
    torch.set_num_threads(1)
    gymnasium.register(TURNED, turned, max_episode_steps=200)
    world = world_of(TURNED)
    stage = Stage(world)
    data = gankit.load_dataset("expert:" + WORLD, transitions=True)
    assert isinstance(data, ExpertDataset)
    data.world = world  # nothing is learned from its moves here: only the batches' size is used

    def tell(run: GAN | None, name: str, what: str, returns: NDArray[np.float64]) -> None:
        low, high = interval_of_mean(returns.tolist())
        numbers = (float(returns.mean()), low, high)
        line = {
            "run": name,
            "replay": "" if run is None else run.config.stabilise.replay,
            "what": what,
            "seed": given.seed,
            **{k: round(v, 1) for k, v in zip(("returns", "low", "high"), numbers, strict=True)},
        }
        print(*(f"{k}={v}" for k, v in line.items()), sep="  ", flush=True)
        if given.out is not None:
            write_lines(given.out, [*read_lines(given.out), line])

    runs = [gankit.load(path) for path in given.runs]
    config = runs[0].config
    for path, run in zip(given.runs, runs, strict=True):
        name = path.name
        tell(run, name, "its policy, unchanged", earned(stage, likeliest(run)))
        if isinstance(run.discriminator, Rewarder):
            print(name, "g and the environment's own reward:", agreement(run), flush=True)
        what, pay = pay_of(run)
        policy = fresh(config, data, pay, given.seed, name)
        tell(run, name, what, earned(stage, likeliest(policy)))
    if given.own:
        policy = fresh(config, data, environments_own, given.seed, "own reward")
        tell(None, "", "the environment's own reward", earned(stage, likeliest(policy)))
        tell(None, "", "random actions", random_returns(world, EPISODES, 0))


if __name__ == "__main__":
    main()
