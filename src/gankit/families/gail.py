"""GAIL: a policy learns from what an expert did (Ho & Ermon 2016, arXiv 1606.03476)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from gankit.acting import Acting, Played
from gankit.advantages import advantages, clipped_surrogate
from gankit.bibliography import HO_2016, SCHULMAN_2015, SCHULMAN_2017
from gankit.errors import ConfigError
from gankit.game import register_family
from gankit.game_types import Moves, Symptom, Task, Terms, Turn
from gankit.nn.actor import Judge, Rewarder
from gankit.recipes import RECIPES, adam
from gankit.settings.config import (
    Config,
    DataConfig,
    ObjectiveConfig,
    OutputConfig,
    TrainingConfig,
)
from gankit.settings.schema import LAYER, SettingError, check_settings, setting

Reward = Literal["positive", "negative", "logit", "random"]
REWARDS: dict[Reward, Callable[[Tensor], Tensor]] = {
    "positive": softplus,
    "negative": logsigmoid,
    "logit": lambda logits: logits,
    "random": torch.rand_like,
}
"""What a move is paid, given D's logits, which are high for the expert's moves.

With D = sigmoid(logit), the probability that the expert made the move, these are -log(1 - D), which
is never below 0; log D, never above 0; their sum, of either sign; and a number in (0, 1) that says
nothing, as a control.
"""
LOGISTIC = ("non_saturating", "minimax")
"""The losses for which D is a probability."""


@dataclass(frozen=True, kw_only=True)
class ImitationOptions:
    """Settings of the networks and of PPO; the defaults are the paper's where it states them."""

    hidden: tuple[int, ...] = setting(
        (100, 100), "tanh units of policy, value function and D", least=1, most=LAYER
    )
    episodes: int = setting(
        8, "whole episodes a step, each from its start", least=1, most=10**4, flag="--episodes"
    )
    discount: float = setting(0.995, "of rewards, a moment (gamma)", least=0, most=1)
    decay: float = setting(0.97, "of surprises in advantages, a moment (lambda)", least=0, most=1)
    clip: float = setting(0.2, "PPO: how far an action's odds may move", above=0, below=1)
    epochs: int = setting(10, "PPO: passes over the moments of a step", least=1, most=1000)
    part: int = setting(256, "PPO: moments a gradient", least=2, most=10**6)
    entropy: float = setting(0.0, "weight of the bonus on the policy's entropy", least=0, most=100)

    def __post_init__(self) -> None:
        check_settings(self, "network.")


@dataclass(frozen=True, kw_only=True)
class GAILOptions(ImitationOptions):
    """The same, and what a move is paid."""

    reward: Reward = setting(
        "positive",
        "of a move: -log(1 - D), log D, their sum; random: a control",
        flag="--reward",
    )


class Imitation(Acting):
    """A policy that D's answers to its moves teach, by PPO; a family adds D and the rewards.

    Each step plays whole episodes; D takes k steps on as many of their moments as of the expert's;
    then PPO improves the policy by D's rewards. The environment's own reward is only logged.
    """

    baseline = "bc-fast"
    judged_from = 20  # a step plays thousands of moves
    meets = True
    known = 0
    discriminator: Judge | Rewarder

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        episodes, batch = self.options.episodes, config.training.batch
        if episodes > batch:
            raise SettingError(
                "network.episodes", f"is {episodes}, more than training.batch = {batch}: lower it"
            )

    @abstractmethod
    def rewards(self, moments: Tensor) -> Tensor:
        """Return what each moment [M, *shape] is paid, [M]."""

    def meet(self, examples: Tensor, labels: Tensor | None) -> None:
        """Count the expert's moments, up to as many as a game is shown."""
        self.known = len(examples)

    def own_update(self) -> Callable[[Turn], Moves]:
        return self.imitate

    def imitate(self, turn: Turn) -> Moves:
        """Play, let D learn from what was done, then the policy from what D says of it."""
        played = self.play_out(turn.draw(0).latent[: self.options.episodes])
        moments = self.as_data(played.episodes)
        d_terms, grad_d = self._judge(turn, moments)
        with torch.no_grad():
            rewards = self.rewards(moments)
        g_terms, grad_g = self._improve(turn, played, rewards)
        g_terms = g_terms.with_terms(Terms({}, self._watched(played, rewards)))
        return Moves(d_terms, g_terms, {"grad_d": grad_d, "grad_g": grad_g})

    def _judge(self, turn: Turn, moments: Tensor) -> tuple[Terms, float]:
        """Take D's steps; return the terms and the gradient's norm of the last one."""
        seen = self.discriminator.seen
        for substep in range(self.config.objective.k):
            batch = turn.draw(substep)
            fake = moments[torch.randint(len(moments), (len(batch.real),))]
            for examples in (batch.real, fake):
                seen.update(examples[:, 0, : self.world.observations])
            terms = self.discriminator_terms(batch, fake)
            terms = terms.with_terms(turn.besides(batch, fake))
            grad = turn.descend("discriminator", terms)
        return terms, grad

    def _improve(self, turn: Turn, played: Played, rewards: Tensor) -> tuple[Terms, float]:
        """Take PPO's steps; return the terms and the gradient's norm of the last one."""
        observations = torch.from_numpy(played.episodes.observations).to(self.weight)
        with torch.no_grad():
            before = self.generator(observations)
            then = self.said.log_probability(before[:, :-1], played.chosen)
        better = self._advantages(played, rewards, before[:, -1])
        targets = before[:, -1] + better
        better = (better - better.mean()) / (better.std() + 1e-8)
        for rows in self._parts_of(len(observations)):
            said = self.generator(observations[rows])
            now = self.said.log_probability(said[:, :-1], played.chosen[rows])
            terms = {
                "policy": clipped_surrogate(now - then[rows], better[rows], self.options.clip),
                "value": (said[:, -1] - targets[rows]).square().mean() / 2,
            }
            entropy = self.said.entropy(said[:, :-1]).mean()
            if self.options.entropy:
                terms["entropy"] = -self.options.entropy * entropy
            undecided = self.said.undecided(said[:, :-1].detach()).mean()
            watched = {"entropy": entropy.detach(), "undecided": undecided}
            grad = turn.descend("generator", Terms(terms, watched))
        self.generator.seen.update(observations)  # here, so that it is one policy within a step
        return Terms(terms, watched), grad

    def _advantages(self, played: Played, rewards: Tensor, values: Tensor) -> Tensor:
        """Return how much better than expected each action turned out, [M]."""
        episodes, discount = played.episodes, self.options.discount
        with torch.no_grad():
            last = torch.from_numpy(episodes.last).to(self.weight)
            ahead = self.generator(last)[:, -1].cpu().numpy()
        found = advantages(
            (1 - discount) * rewards.double().cpu().numpy(),
            values.double().cpu().numpy(),
            episodes.lengths,
            np.where(episodes.ended, 0.0, ahead),
            discount,
            self.options.decay,
        )
        return torch.from_numpy(found).to(values)

    def _parts_of(self, count: int) -> Iterator[Tensor]:
        """Yield the rows of each of PPO's gradients: each moment once an epoch, in random order."""
        pieces = max(1, round(count / self.options.part))
        for _ in range(self.options.epochs):
            yield from torch.randperm(count).chunk(pieces)

    def _watched(self, played: Played, rewards: Tensor) -> dict[str, Tensor]:
        """Return what is logged of a step besides the terms."""
        episodes = played.episodes
        numbers = {
            "return": float(episodes.returns.mean()),  # the environment's own, which nobody learns
            "length": float(episodes.lengths.mean()),
            "outnumbered": len(rewards) / max(1, self.known),
        }
        told = {name: rewards.new_tensor(number) for name, number in numbers.items()}
        return {**told, "reward": rewards.mean(), "reward_spread": rewards.std()}

    @classmethod
    def symptoms(cls, config: Config) -> Sequence[Symptom]:
        return [
            Symptom(
                "reward saturated",
                "d_fake",
                "D is sure of every move of the policy, so its rewards hardly tell them apart",
                low=0.01,
                changes=[
                    {"discriminator_optimizer.lr": config.discriminator_optimizer.lr / 10},
                    {"objective.penalty": "r1", "objective.penalty_weight": 0.1},
                ],
            ),
            Symptom(
                "entropy gone",
                "undecided",
                "the policy tries nothing new any more, whatever it is paid",
                low=0.1,
                changes=[{"network.entropy": 0.01}, {"network.clip": config.network.clip / 2}],
            ),
            Symptom(
                "expert outnumbered",
                "outnumbered",
                "a step has so many more moves of the policy than the expert ever made that D can "
                "know the expert's by heart",
                high=500.0,
                changes=[{"network.episodes": max(1, config.network.episodes // 4)}],
            ),
        ]


@register_family("gail", "a policy learns to act as an expert did, paid by the discriminator")
class GAIL(Imitation):
    """Generative adversarial imitation learning: D tells an expert's moves from the policy's.

    Departs from the paper: PPO in place of TRPO; rewards are scaled by 1 - gamma, so that values
    are of the size of rewards; an episode that meets the limit of moments is worth, at its end,
    what the value function says.
    """

    Options = GAILOptions
    default_recipe = "gail-fast"
    suits: ClassVar[Mapping[str, str]] = {"moves": "gail-fast"}
    data_recipes: ClassVar[Mapping[str, str]] = {"expert:Pendulum-v1": "gail-pendulum"}
    papers = (HO_2016, SCHULMAN_2015, SCHULMAN_2017)

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        reward = self.options.reward
        if reward in ("positive", "negative") and config.objective.loss not in LOGISTIC:
            raise ConfigError(
                f"network.reward = {reward} reads D as a probability, which loss "
                f"'{config.objective.loss}' does not make it: choose network.reward = logit"
            )

    def build_discriminator(self) -> nn.Module:
        world = self.world
        low, high = world.low, world.high
        if world.discrete:  # a choice is seen as -1 and 1
            low, high = (0.0,) * world.choices, (1.0,) * world.choices
        return Judge(world.observations, low, high, self.options.hidden)

    def rewards(self, moments: Tensor) -> Tensor:
        """Return what each moment [M, *shape] is paid, [M]."""
        return REWARDS[self.options.reward](self.logits(moments, None))


@RECIPES.register("gail-fast", "GAIL by PPO, a few minutes on a CPU")
def gail_fast() -> Config:
    return Config(
        family="gail",
        data=DataConfig(source="expert:CartPole-v1"),
        network=GAILOptions(),
        objective=ObjectiveConfig(k=5),
        generator_optimizer=adam(1e-3, 0.9, 0.999, schedule="linear", clip=0.5),
        discriminator_optimizer=adam(1e-3, 0.5, 0.999),
        training=TrainingConfig(steps=50, batch=24, ema=0.0),
        output=OutputConfig(log_every=1),
    )


@RECIPES.register("gail-pendulum", "GAIL by PPO for the pendulum, some minutes on a CPU")
def gail_pendulum() -> Config:
    config = gail_fast()
    return replace(
        config,
        data=DataConfig(source="expert:Pendulum-v1"),
        network=GAILOptions(epochs=5),
        objective=replace(config.objective, k=3),
        training=TrainingConfig(steps=150, batch=256, ema=0.0),
    )
