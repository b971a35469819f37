"""Behaviour cloning: what an expert did, learned by regression. The baseline of imitation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from gankit.acting import Acting
from gankit.bibliography import HO_2016
from gankit.game import register_family
from gankit.game_types import Moves, Terms, Turn
from gankit.recipes import RECIPES, adam
from gankit.settings.config import Config, DataConfig, OutputConfig, TrainingConfig
from gankit.settings.schema import LAYER, check_settings, setting


@dataclass(frozen=True, kw_only=True)
class CloningOptions:
    """Settings of the policy, which is that of the other families that act."""

    hidden: tuple[int, ...] = setting((100, 100), "tanh units of the policy", least=1, most=LAYER)

    def __post_init__(self) -> None:
        check_settings(self, "network.")


class Bystander(nn.Linear):
    """A discriminator that is never asked."""

    def forward(self, input: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(input[:, 0, :1])[:, 0]


@register_family("bc", "a policy learns an expert's moves by heart: no game, the baseline")
class Cloning(Acting):
    """Behaviour cloning: the policy maximises the likelihood of the expert's moves.

    Departs from every other family: D never moves and is never asked, and no environment is needed
    until the policy is used. It is what imitation by a game is to be better than.
    """

    Options = CloningOptions
    default_recipe = "bc-fast"
    papers = (HO_2016,)

    def build_discriminator(self) -> nn.Module:
        return Bystander(1, 1)

    def own_update(self) -> Callable[[Turn], Moves]:
        return self.clone

    def clone(self, turn: Turn) -> Moves:
        """Make the expert's moves in a batch likelier."""
        moments = turn.draw(0).real[:, 0]
        seen, done = moments[:, : self.world.numbers].tensor_split([self.world.observations], 1)
        self.generator.seen.update(seen)
        said = self.generator(seen)[:, :-1]
        terms = Terms(
            {"cloning": -self.said.log_probability(said, self.scaled(done)).mean()},
            {"undecided": self.said.undecided(said.detach()).mean()},
        )
        return Moves(Terms({}), terms, {"grad_g": turn.descend("generator", terms)})


@RECIPES.register("bc-fast", "behaviour cloning, half a minute")
def bc_fast() -> Config:
    return Config(
        family="bc",
        data=DataConfig(source="expert:CartPole-v1"),
        network=CloningOptions(),
        generator_optimizer=adam(1e-3, 0.9, 0.999, schedule="linear"),
        training=TrainingConfig(steps=2000, batch=64, ema=0.0),
        output=OutputConfig(log_every=20),
    )
