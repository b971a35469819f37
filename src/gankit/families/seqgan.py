"""`seqgan`: words by a policy gradient, after likelihood (Yu et al. 2016, arXiv 1609.05473)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from gankit.bibliography import PFAU_2016, YU_2016
from gankit.errors import ConfigError
from gankit.families import Game
from gankit.game import register_family
from gankit.game_types import Latent, Moves, Symptom, Task, Terms, Turn
from gankit.nn.text_cnn import TextCNN
from gankit.nn.token_lstm import Said, TokenLSTM
from gankit.recipes import RECIPES, adam
from gankit.settings.config import (
    Config,
    DataConfig,
    LatentConfig,
    ObjectiveConfig,
    OptimizerConfig,
    StabiliserConfig,
    TrainingConfig,
)
from gankit.settings.schema import LAYER, check_settings, setting

AT_A_TIME = 4096
"""How many sequences D judges at a time."""


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """Settings of the networks of text, and of what comes before the game."""

    embedding: int = setting(32, "numbers in which G and D hold a token", least=1, most=LAYER)
    hidden: int = setting(64, "units of G's LSTM", least=1, most=LAYER, flag="--hidden")
    init: float | None = setting(
        None, "std of G's first weights; unless given, torch's own", above=0, most=100
    )
    dropout: float = setting(0.25, "share of D's features left out", least=0, below=1)
    pretrain_steps: int = setting(
        600, "first steps, in which G learns by likelihood", least=0, most=10**9,
        flag="--pretrain-steps",
    )  # fmt: skip
    pretrain_d_steps: int = setting(
        50, "steps after these in which D alone learns", least=0, most=10**9
    )

    def __post_init__(self) -> None:
        check_settings(self, "network.")


@dataclass(frozen=True, kw_only=True)
class ConvolutionOptions(TextOptions):
    """Settings of a D that looks at a sequence through windows."""

    windows: tuple[int, ...] = setting(
        (1, 2, 3, 4), "how many tokens each of D's convolutions sees", least=1, most=LAYER
    )
    filters: int = setting(32, "channels of each of D's convolutions", least=1, most=LAYER)


@dataclass(frozen=True, kw_only=True)
class PolicyOptions(TextOptions):
    """Settings of a policy gradient."""

    d_epochs: int = setting(1, "times that D sees each batch of a round", least=1, most=1000)
    baseline: bool = setting(True, "rewards are taken relative to the others' at that place")
    entropy: float = setting(
        0.0, "weight of the bonus on the entropy of each choice", least=0, most=10**6
    )


@dataclass(frozen=True, kw_only=True)
class SeqGANOptions(PolicyOptions, ConvolutionOptions):
    """Settings of algorithm 1; its d, rounds of D in a step, are `objective.k`, its g, steps of G,
    `objective.g_steps`."""

    learn_from: Literal["reward", "constant", "likelihood"] = setting(
        "reward", "what moves G after the first steps; the other two are controls",
        flag="--learn-from",
    )  # fmt: skip
    rollouts: int = setting(
        8, "ways to go on from each place, over which a reward is a mean", least=1, most=1024,
        flag="--rollouts",
    )  # fmt: skip
    former = (("network.g_steps", "objective.g_steps"),)  # where runs of earlier versions have it


class TextGame(Game):
    """What families of text share: the networks, their latents, and learning by likelihood.

    A sample's latent is one number in [0, 1) for each token, by which that token is chosen. So
    `latent.size` and `latent.prior` are not read.
    """

    Options = TextOptions
    kinds = ("tokens",)
    takes_networks = False
    alternating_only = "tokens carry no gradient"
    one_process = "sequences are said outside the networks' own passes"
    ignored: ClassVar[Mapping[str, str]] = {
        "stabilise.top_k": "G learns from all of its sequences",
        "stabilise.matching": "G is paid by what D says",
        "stabilise.lagged": "G is paid by D itself",
        "stabilise.freeze_d": "the first steps have no D to watch",
        "stabilise.freeze_g": "the first steps have no D to watch",
        "stabilise.minibatch_kernels": "D judges roll-outs one by one",
    }

    generator: TokenLSTM

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        if any(penalty.value is not None for penalty in self.penalties):
            raise ConfigError(
                f"family '{config.family}' takes no penalty on slopes, which tokens do not have: "
                "leave objective.penalty out, or set it to spectral_norm",
                "objective.penalty",
            )

    def why_not_trained(self) -> str | None:
        if self.config.latent != LatentConfig():
            return (
                f"family '{self.config.family}' draws one number for each token: leave latent.size "
                "and latent.prior out"
            )
        default = StabiliserConfig()
        for key, why in self.ignored.items():
            name = key.removeprefix("stabilise.")
            if getattr(self.config.stabilise, name) != getattr(default, name):
                return f"{key} has no effect in family '{self.config.family}': {why}"
        return None

    def build_generator(self) -> nn.Module:
        o, task = self.options, self.task
        self.latent_size = task.shape[0]
        network = TokenLSTM(
            len(task.symbols), task.shape[0], o.embedding, o.hidden, end=self.task.end
        )
        for weight in network.parameters() if o.init else ():
            nn.init.normal_(weight, 0.0, o.init)
        return network

    def build_discriminator(self) -> nn.Module:
        o, task = self.options, self.task
        return TextCNN(
            len(task.symbols), task.shape[0], o.embedding, o.windows, o.filters, o.dropout
        )

    def latent(self, count: int, labels: Tensor | None, rng: np.random.Generator) -> Latent:
        return Latent(torch.from_numpy(rng.random((count, self.task.shape[0]), np.float32)))

    def log_likelihood(self, examples: Tensor) -> Tensor:
        said: Tensor = self.generator.log_likelihood(examples).sum(1)
        return said

    @classmethod
    def symptoms(cls, config: Config) -> Sequence[Symptom]:
        rate = config.generator_optimizer.lr
        slower = {"generator_optimizer.lr": rate / 3} if rate else {}
        longer = {"network.pretrain_steps": 2 * config.network.pretrain_steps + 500}
        one = "G hardly chooses any more: each word follows surely from those before it"
        again = "most sentences of a batch are there twice: G says the few that fool D"
        return (
            Symptom("entropy of the policy gone", "entropy", one, low=0.05, changes=[slower]),
            Symptom("repeated sentences", "repeated", again, high=0.5, changes=[slower, longer]),
        )

    def own_update(self) -> Callable[[Turn], Moves]:
        return self.take_step

    def take_step(self, turn: Turn) -> Moves:
        """Take a step of what comes before the game, or of the game."""
        before = self.options.pretrain_steps
        if turn.step < before:
            return self.learn_by_likelihood(turn)
        if turn.step < before + self.options.pretrain_d_steps:
            d_terms, grad_d = self.teach(turn)
            return Moves(d_terms, Terms({}), {"grad_d": grad_d})
        return self.move_both(turn)

    @abstractmethod
    def move_both(self, turn: Turn) -> Moves:
        """Take a step of the game."""

    def learn_by_likelihood(self, turn: Turn) -> Moves:
        """Move G to make a batch of real sequences likelier, in nats per token."""
        batch = turn.draw(0)
        log_chances = self.generator.log_chances(batch.real)
        counted = self.generator.counted(batch.real)
        said = log_chances.gather(2, batch.real[..., None])[..., 0]
        terms = Terms(
            {"likelihood": -(said * counted).sum() / counted.sum()},
            {"entropy": entropy(log_chances, counted).detach()},
        )
        grad_g = turn.descend("generator", terms.with_terms(self.weight_terms("generator")))
        return Moves(Terms({}), terms, {"grad_g": grad_g})

    @abstractmethod
    def teach(self, turn: Turn) -> tuple[Terms, float]:
        """Move D on `objective.k` batches of real sequences and as many new ones of G."""


class PolicyGame(TextGame):
    """What families share whose G is paid for its tokens; a family says what for (`rewards`)."""

    own_g_steps = True

    @abstractmethod
    def rewards(self, said: Said) -> Tensor:
        """Return what each token is paid, [N, T]; no gradient is collected."""

    @property
    def relative(self) -> bool:
        """Whether rewards are taken relative to those of the other sequences."""
        return bool(self.options.baseline)

    def move_both(self, turn: Turn) -> Moves:
        d_terms, grad_d = self.teach(turn)
        g_terms, grad_g = self.improve(turn)
        return Moves(d_terms, g_terms, {"grad_d": grad_d, "grad_g": grad_g})

    def improve(self, turn: Turn) -> tuple[Terms, float]:
        """Move G by `objective.g_steps` batches of new sequences and what these are paid."""
        for part in range(self.config.objective.g_steps):
            batch = turn.draw(part)
            with torch.no_grad():
                said = self.generator.say(batch.latent.noise)
            terms = self.policy_terms(said.tokens, self.rewards(said), relative=self.relative)
            terms = terms.with_terms(self.weight_terms("generator"))
            gradient = turn.descend("generator", terms)
        return terms, gradient

    def teach(self, turn: Turn) -> tuple[Terms, float]:
        for part in range(self.config.objective.k):
            batch = turn.draw(part)
            with torch.no_grad():
                fake = self.generate(batch.latent)
            for _ in range(self.options.d_epochs):
                terms = self.discriminator_terms(batch, fake)
                terms = terms.with_terms(turn.besides(batch, fake))
                gradient = turn.descend("discriminator", terms)
        return terms, gradient

    def policy_terms(self, tokens: Tensor, rewards: Tensor, *, relative: bool) -> Terms:
        """Return G's loss, whose gradient is that of minus the expected reward, per token.

        Args:
            tokens: int64 [N, T], which G has said.
            rewards: [N, T], what each token is paid.
            relative: whether to take rewards relative to those of the other sequences at that
                place. That changes no expected gradient.
        """
        log_chances = self.generator.log_chances(tokens)
        counted = self.generator.counted(tokens)
        said = log_chances.gather(2, tokens[..., None])[..., 0]
        above = rewards
        if relative:
            above = rewards - mean_of_others(rewards, counted)
        choice = entropy(log_chances, counted)
        minimised = {"policy": -(above * said * counted).sum() / counted.sum()}
        if self.options.entropy:
            minimised["entropy"] = -self.options.entropy * choice
        watched = {
            "reward": (rewards * counted).sum() / counted.sum(),
            "entropy": choice.detach(),
            "repeated": repeated(tokens),
        }
        return Terms(minimised, watched)


@register_family("seqgan")
class SeqGAN(PolicyGame):
    """Words by a policy gradient: G is paid what D believes of its sentences (Yu et al. 2016).

    The first steps of a run raise the likelihood of real sequences, the next ones move D alone,
    and then G is paid for each token what D says, on average, of sentences that go on from there.
    Departs from the paper: G's turn is on sequences that D has just seen, as in the textbook's
    update; roll-outs are G's own and not those of a copy that lags; rewards are
    relative to those of the other sequences at that place (`network.baseline`); D's L2 is the
    optimiser's, on all weights.
    """

    Options = SeqGANOptions
    papers = (YU_2016, PFAU_2016)
    default_recipe = "seqgan-fast"
    data_recipes: ClassVar[Mapping[str, str]] = {"oracle": "seqgan-oracle"}
    suits: ClassVar[Mapping[str, str]] = {"tokens": "seqgan-fast"}

    @classmethod
    def symptoms(cls, config: Config) -> Sequence[Symptom]:
        weaker = {"discriminator_optimizer.lr": config.discriminator_optimizer.lr / 3}
        longer = {"network.pretrain_steps": 2 * config.network.pretrain_steps + 500}
        spread = {"network.entropy": max(0.02, 3 * config.network.entropy)}
        sure = "D is sure of every sentence, so all of them are paid alike and G learns nothing"
        fooled = "D believes every sentence, so all of them are paid alike and G learns nothing"
        shared = super().symptoms(config)
        of_rewards = (
            Symptom("reward saturated", "reward", sure, low=0.02, changes=[weaker, longer]),
            Symptom("reward saturated", "reward", fooled, high=0.98, changes=[longer]),
        )
        return (
            *(of_rewards if config.network.learn_from == "reward" else ()),  # the others have no D
            *(replace(symptom, changes=[spread, *symptom.changes]) for symptom in shared),
        )

    def take_step(self, turn: Turn) -> Moves:
        if self.options.learn_from == "likelihood":
            return self.learn_by_likelihood(turn)
        if self.options.learn_from == "constant" and turn.step >= self.options.pretrain_steps:
            terms, gradient = self.improve(turn)  # which has no use for D
            return Moves(Terms({}), terms, {"grad_g": gradient})
        return super().take_step(turn)

    @property
    def relative(self) -> bool:
        return super().relative and self.options.learn_from == "reward"

    @torch.no_grad()
    def rewards(self, said: Said) -> Tensor:
        """Return what each token is paid, [N, T], in [0, 1].

        That is D's mean belief in sequences that go on after it as G would, and at the last place
        in the sequence itself.
        """
        tokens = said.tokens
        if self.options.learn_from == "constant":
            return torch.ones_like(tokens, dtype=said.memories[0].hidden.dtype)
        count, length = tokens.shape
        ways = self.options.rollouts
        # A function of seed and step: a step begins by seeding torch's own generator.
        chances = torch.rand(
            ways, length - 1, count, length, device=tokens.device, dtype=said.memories[0][0].dtype
        )
        whole = self.generator.go_on(said, chances)
        paid = self.beliefs(whole.view(-1, length)).view(ways, length - 1, count).mean(0)
        return torch.cat([paid, self.beliefs(tokens)[None]]).T

    def beliefs(self, tokens: Tensor) -> Tensor:
        """Return D's beliefs, [N], that sequences are real; no dropout acts."""
        with judging(self.discriminator):
            parts = [self.logits(part, None) for part in torch.split(tokens, AT_A_TIME)]
        return torch.cat(parts).sigmoid()


@contextmanager
def judging(network: nn.Module) -> Iterator[None]:
    """Put a network into eval mode inside the block."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def entropy(log_chances: Tensor, counted: Tensor) -> Tensor:
    """Return the mean entropy of a choice, in nats, over the places that count.

    `log_chances` is [N, T, V], `counted` [N, T] of 0 and 1.
    """
    each = -(log_chances.exp() * log_chances).sum(2)
    return (each * counted).sum() / counted.sum()


def repeated(tokens: Tensor) -> Tensor:
    """Return the share of sequences, int64 [N, T], that are copies of others of them, a scalar."""
    different = torch.unique(tokens, dim=0).shape[0]
    return torch.tensor(1 - different / tokens.shape[0], device=tokens.device)


def mean_of_others(rewards: Tensor, counted: Tensor) -> Tensor:
    """Return, for each token, the mean reward of the other sequences at its place, [N, T].

    It does not depend on the sequence itself, so a gradient with it keeps its expectation. It is 0
    where there are no others.
    """
    paid = rewards * counted
    others = counted.sum(0) - counted
    return (paid.sum(0) - paid) / others.clamp_min(1)


def text_recipe(family: str, network: TextOptions, source: str, **training: object) -> Config:
    """Return the settings that the recipes of text share.

    `training` are those of TrainingConfig.
    """
    return Config(
        family=family,
        data=DataConfig(source=source),
        network=network,
        generator_optimizer=adam(5e-3, 0.9, clip=5.0),
        discriminator_optimizer=adam(1e-3, 0.9),
        training=TrainingConfig(**training),  # type: ignore[arg-type]
    )


@RECIPES.register("seqgan-fast", "sentences by likelihood, then by a policy gradient")
def seqgan_fast() -> Config:
    """Small enough for a few minutes on a CPU."""
    return text_recipe("seqgan", SeqGANOptions(), "sentences", steps=900, batch=64, ema=0.99)


@RECIPES.register("likelihood", "the same G by likelihood alone: what a GAN of text has to beat")
def likelihood() -> Config:
    """As many steps of the same batches, and no discriminator."""
    return replace(seqgan_fast(), network=SeqGANOptions(learn_from="likelihood"))


@RECIPES.register("seqgan-oracle", "sequences of an oracle, at a size for a laptop")
def seqgan_oracle() -> Config:
    """The paper's experiment with 200 symbols in place of 5,000 and 4 roll-outs in place of 16."""
    network = SeqGANOptions(hidden=32, pretrain_steps=1_000, pretrain_d_steps=50, rollouts=4)
    return text_recipe("seqgan", network, "oracle", steps=1_200, batch=64, ema=0.0)


@RECIPES.register("seqgan-oracle-paper", "the same at its paper's size (Yu 2016, section 5)")
def seqgan_oracle_paper() -> Config:
    """120 epochs of likelihood, 50 rounds of D of three epochs each, then g = 1, d = 5, k = 3.

    A round of D is 157 batches of new sequences, an epoch over 10,000. Made for a GPU.
    """
    network = SeqGANOptions(
        hidden=32,
        init=0.1,
        windows=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20),
        filters=120,
        pretrain_steps=120 * 157,
        pretrain_d_steps=10,
        rollouts=16,
        d_epochs=3,
        baseline=False,
    )
    return replace(
        text_recipe("seqgan", network, "oracle", steps=120 * 157 + 10 + 200, batch=64, ema=0.0),
        data=DataConfig(source="oracle", vocabulary=5_000, sequences=10_000),
        objective=ObjectiveConfig(k=5 * 157),
        generator_optimizer=OptimizerConfig(lr=0.01, beta1=0.9, clip=5.0),
        discriminator_optimizer=OptimizerConfig(lr=1e-4, beta1=0.9),
    )
