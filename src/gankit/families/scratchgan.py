"""`scratchgan`: words by a policy gradient alone, without likelihood (arXiv 1905.09922)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from gankit.advantages import discounted
from gankit.bibliography import MASSON_2019, PFAU_2016
from gankit.families.seqgan import PolicyGame, PolicyOptions, judging, text_recipe
from gankit.game import register_family
from gankit.game_types import Answer, Batch, Symptom, Terms
from gankit.nn.token_judge import TokenJudge
from gankit.nn.token_lstm import Said
from gankit.recipes import RECIPES, adam
from gankit.settings.config import Config
from gankit.settings.schema import LAYER, setting


@dataclass(frozen=True, kw_only=True)
class ScratchOptions(PolicyOptions):
    """Settings of the networks and of the policy gradient."""

    pretrain_steps: int = setting(
        0, "first steps, in which G learns by likelihood", least=0, most=10**9,
        flag="--pretrain-steps",
    )  # fmt: skip
    pretrain_d_steps: int = setting(
        0, "steps after these in which D alone learns", least=0, most=10**9
    )
    judge: int = setting(64, "units of D's LSTM", least=1, most=LAYER)
    discount: float = setting(
        0.23, "of what later tokens are paid, a token (gamma)", least=0, most=1
    )


@register_family("scratchgan")
class ScratchGAN(PolicyGame):
    """Words by a policy gradient from random weights on (de Masson d'Autume 2019).

    D judges each token, given those before it. A token is paid 2 D - 1 for itself and, by a
    discount, for each that follows, so no roll-outs are needed. Large batches, and a D that is kept
    weak (dropout, layer normalisation, L2), are to make up for what likelihood would have taught.
    Departs from the paper: rewards are relative to the other sequences' at that place and not to
    a moving average; embeddings are learned and not given; the batch is smaller.
    """

    Options = ScratchOptions
    papers = (MASSON_2019, PFAU_2016)
    default_recipe = "scratchgan-fast"
    data_recipes: ClassVar[Mapping[str, str]] = {"oracle": "scratchgan-oracle"}
    losses = ("non_saturating", "minimax")  # for which D is a probability

    @classmethod
    def symptoms(cls, config: Config) -> Sequence[Symptom]:
        weaker = {"discriminator_optimizer.lr": config.discriminator_optimizer.lr / 3}
        sure = "D is sure of every token, so all of them are paid alike and G learns nothing"
        saturated = Symptom("reward saturated", "d_fake", sure, low=0.02, changes=[weaker])
        return (saturated, *super().symptoms(config))

    def build_discriminator(self) -> nn.Module:
        o, task = self.options, self.task
        return TokenJudge(len(task.symbols), o.embedding, o.judge, o.dropout, task.end)

    def logits_of(self, answer: Answer) -> Tensor:
        return answer.output.nanmean(1)

    def discriminator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        real_logits, fake_logits = (a.output[~a.output.isnan()] for a in (real, fake))
        return self.discriminator_adversarial(real_logits, fake_logits)

    @torch.no_grad()
    def rewards(self, said: Said) -> Tensor:
        """Return what each token is paid, [N, T]: 2 D - 1 of it and, discounted, of later ones."""
        with judging(self.discriminator):
            beliefs = self.answers(said.tokens, None).output.sigmoid()
        return discounted((2 * beliefs - 1).nan_to_num(0.0), self.options.discount)


def scratch_recipe(network: ScratchOptions, source: str, **training: object) -> Config:
    """Return the settings that the recipes share; L2 holds D."""
    return replace(
        text_recipe("scratchgan", network, source, **training),
        generator_optimizer=adam(2e-3, 0.5, clip=5.0),
        discriminator_optimizer=adam(2e-3, 0.5, weight_decay=1e-6),
    )


@RECIPES.register("scratchgan-fast", "sentences by a policy gradient alone, without likelihood")
def scratchgan_fast() -> Config:
    """Small enough for a few minutes on a CPU."""
    return scratch_recipe(ScratchOptions(), "sentences", steps=1_500, batch=256, ema=0.99)


@RECIPES.register("scratchgan-oracle", "sequences of an oracle by a policy gradient alone")
def scratchgan_oracle() -> Config:
    """The experiment of `seqgan-oracle`, by a G of its size."""
    network = ScratchOptions(hidden=32, judge=32)
    return scratch_recipe(network, "oracle", steps=1_000, batch=128, ema=0.99)
