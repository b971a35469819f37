"""`gumbel`: words whose choice is relaxed, so that D's gradient reaches G (arXiv 1611.04051)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gankit.bibliography import KUSNER_2016
from gankit.families.seqgan import ConvolutionOptions, TextGame, entropy, repeated, text_recipe
from gankit.game import register_family
from gankit.game_types import Moves, Terms, Turn
from gankit.nn.token_lstm import gumbel
from gankit.recipes import RECIPES
from gankit.settings.config import Config
from gankit.settings.schema import setting


@dataclass(frozen=True, kw_only=True)
class GumbelOptions(ConvolutionOptions):
    """Settings of the relaxation."""

    straight_through: bool = setting(
        True, "D sees whole symbols, and the gradient is that of the mixture"
    )
    temperature: float = setting(
        1.0, "of the mixtures at the start; the lower, the nearer to symbols", above=0, most=100
    )
    temperature_end: float = setting(
        0.5, "of the mixtures at the end of temperature_steps, reached by equal factors",
        above=0, most=100,
    )  # fmt: skip
    temperature_steps: int = setting(
        1_000, "steps of the game over which the temperature changes", least=1, most=10**9
    )


@register_family("gumbel")
class GumbelGAN(TextGame):
    """Words by the Gumbel-softmax: G learns through mixtures of symbols (Kusner 2016).

    A mixture is softmax((logits + Gumbel noise) / temperature), so its largest symbol is chosen as
    often as its chance says. Samples are chosen like those of every family of text.
    Departs from the paper: the first steps learn by likelihood; D is convolutional; by default
    D is shown the largest symbol alone (straight-through), since it tells mixtures from symbols at
    a glance; the temperature falls by equal factors from 1 to 0.5 and not from 5 to 1.
    """

    Options = GumbelOptions
    papers = (KUSNER_2016,)
    default_recipe = "gumbel-fast"
    data_recipes: ClassVar[Mapping[str, str]] = {"oracle": "gumbel-oracle"}
    ignored: ClassVar[Mapping[str, str]] = {
        **TextGame.ignored,
        "stabilise.replay": "D sees mixtures of this step alone",
    }

    def temperature(self, step: int) -> float:
        """Return the temperature of the mixtures at a step, by that step alone."""
        o = self.options
        played = step - o.pretrain_steps - o.pretrain_d_steps
        share = min(1.0, max(0, played) / o.temperature_steps)
        return float(o.temperature * (o.temperature_end / o.temperature) ** share)

    def mixtures(self, like: Tensor, step: int) -> Tensor:
        """Return as many relaxed sequences as there are in `like`, [N, T, V], with G's gradient."""
        noise = gumbel(torch.rand(*like.shape, len(self.task.symbols), device=like.device))
        noise = noise.to(self.generator.head.weight.dtype)
        hard: bool = self.options.straight_through
        return self.generator.relax(noise, self.temperature(step), hard=hard)

    def move_both(self, turn: Turn) -> Moves:
        d_terms, grad_d = self.teach(turn)
        batch = turn.draw(0)
        with turn.frozen("discriminator"):
            fake = self.mixtures(batch.real, turn.step)
            real, generated = self.answers(batch.real, None), self.answers(fake, None)
            g_terms = self.generator_objective(real, generated, batch)
            moved = g_terms.with_terms(self.weight_terms("generator")).with_terms(
                Terms({}, self.watched(fake))
            )
            grad_g = turn.descend("generator", moved)
        return Moves(d_terms, moved, {"grad_d": grad_d, "grad_g": grad_g})

    def teach(self, turn: Turn) -> tuple[Terms, float]:
        for part in range(self.config.objective.k):
            batch = turn.draw(part)
            with torch.no_grad():
                fake = self.mixtures(batch.real, turn.step)
            real, generated = self.answers(batch.real, None), self.answers(fake, None)
            terms = self.discriminator_objective(real, generated, batch)
            terms = terms.with_terms(turn.besides(batch, fake))
            gradient = turn.descend("discriminator", terms)
        return terms, gradient

    @torch.no_grad()
    def watched(self, fake: Tensor) -> dict[str, Tensor]:
        """Return what the doctor looks at, of relaxed sequences [N, T, V]."""
        tokens = fake.argmax(2)
        choice = entropy(self.generator.log_chances(tokens), self.generator.counted(tokens))
        return {"entropy": choice, "repeated": repeated(tokens)}


@RECIPES.register("gumbel-fast", "sentences by likelihood, then through relaxed choices")
def gumbel_fast() -> Config:
    """Small enough for a few minutes on a CPU."""
    return text_recipe("gumbel", GumbelOptions(), "sentences", steps=900, batch=64, ema=0.99)


@RECIPES.register("gumbel-oracle", "sequences of an oracle, through relaxed choices")
def gumbel_oracle() -> Config:
    """The experiment of `seqgan-oracle` with as many steps of each kind."""
    network = GumbelOptions(hidden=32, pretrain_steps=1_000, pretrain_d_steps=50)
    return text_recipe("gumbel", network, "oracle", steps=1_200, batch=64, ema=0.0)
