"""AIRL: a policy learns from an expert, and with it a reward (Fu et al. 2017, arXiv 1710.11248)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from gankit.bibliography import FU_2017, HO_2016, SCHULMAN_2015, SCHULMAN_2017
from gankit.errors import ConfigError
from gankit.families.gail import LOGISTIC, Imitation, ImitationOptions, gail_fast
from gankit.game import register_family
from gankit.game_types import Answer, Task
from gankit.nn.actor import Rewarder
from gankit.recipes import RECIPES
from gankit.settings.config import Config, StabiliserConfig, TrainingConfig


@register_family("airl", "a policy learns from an expert, and with it a reward of what is seen")
class AIRL(Imitation):
    """Adversarial inverse reinforcement learning: D holds a reward that outlives the dynamics.

    D = exp f / (exp f + pi), with f(s, s') = g(s) + gamma h(s') - h(s) and the policy's own pi. So
    D's logit is f - log pi, which is what a move is paid, log D - log(1 - D). If the policy cannot
    be told from the expert, f is the expert's advantage, and g, which sees no action, its reward.
    `discriminator.reward` of a run is g.

    Departs from the paper: PPO in place of TRPO; moves of earlier policies are shown to D only if
    `stabilise.replay` asks for it, and are judged by the policy's chances of today; a vector that
    was drawn beyond its limits is judged as what was done, at the limits; and what the class `GAIL`
    says of rewards and of the limit of moments.
    """

    Options = ImitationOptions
    default_recipe = "airl-fast"
    data_recipes: ClassVar[Mapping[str, str]] = {"expert:Pendulum-v1": "airl-pendulum"}
    losses = LOGISTIC
    papers = (FU_2017, HO_2016, SCHULMAN_2015, SCHULMAN_2017)

    def build_discriminator(self) -> nn.Module:
        return Rewarder(self.world.observations, self.options.hidden, self.options.discount)

    def answers(
        self, examples: Tensor, labels: Tensor | None, by: nn.Module | None = None
    ) -> Answer:
        answer = super().answers(examples, labels, by)
        return replace(answer, output=answer.output - self.log_chance(examples))

    @torch.no_grad()
    def log_chance(self, transitions: Tensor) -> Tensor:
        """Return log pi of what was done in transitions [N, *shape], [N]."""
        seen, done, _ = transitions[:, 0].tensor_split(
            [self.world.observations, self.world.numbers], 1
        )
        said = self.generator(seen)[:, :-1]
        return self.said.log_probability(said, self.scaled(done))

    def rewards(self, moments: Tensor) -> Tensor:
        """Return what each transition [M, *shape] is paid, f - log pi, [M]."""
        return self.logits(moments, None)

    def _check(self, config: Config, task: Task) -> None:
        super()._check(config, task)
        if task.world is not None and task.shape[1] == task.world.numbers:
            raise ConfigError(
                f"family '{config.family}' compares what was seen before and after each move, and "
                "this data has single moments: set data.transitions = true"
            )


@RECIPES.register("airl-fast", "AIRL by PPO, a few minutes on a CPU")
def airl_fast() -> Config:
    """Where episodes end by failing, a D that is sure pays so little that failing is best."""
    config = gail_fast()
    return replace(
        config,
        family="airl",
        data=replace(config.data, transitions=True),
        network=ImitationOptions(),
        objective=replace(config.objective, k=1, penalty="r1", penalty_weight=1.0),
    )


@RECIPES.register("airl-pendulum", "AIRL by PPO for the pendulum, some minutes on a CPU")
def airl_pendulum() -> Config:
    """Half of what D is shown are moves of earlier policies, so that g forgets no place."""
    config = airl_fast()
    return replace(
        config,
        data=replace(config.data, source="expert:Pendulum-v1"),
        network=ImitationOptions(epochs=5),
        objective=replace(gail_fast().objective, k=3),
        stabilise=StabiliserConfig(replay=0.5, replay_size=50_000),
        training=TrainingConfig(steps=100, batch=256, ema=0.0),
    )
