"""The contract of a game: its two players, what each of them minimises, and G's input.

Logits are high for real: `logits_real` and `logits_fake` are the discriminator's answers, and
D(x) = sigmoid(logit) is its belief that x is real.

A game holds no optimiser, no device, no file and no loop. A family (families/) is one
subclass: it states its two networks, which part of D's answers the logits are (`logits_of`), and
what each player minimises given the answers (`discriminator_objective`, `generator_objective`), if
that is more than the loss. The stabilisers of `config.stabilise` act on those methods, so every
family has them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gankit.data.dataset import Kind
from gankit.errors import ConfigError
from gankit.game_types import (
    Answer,
    Batch,
    Code,
    Latent,
    Moves,
    Part,
    Symptom,
    Task,
    Terms,
    Turn,
    draw_noise,
)
from gankit.losses import Loss
from gankit.nn.minibatch_discrimination import MinibatchDiscrimination
from gankit.objective import beliefs, build_loss, build_penalties, is_own, verdicts
from gankit.penalties import Discriminate
from gankit.registry import Registry
from gankit.search_space import Space, usual_space
from gankit.settings.config import Config
from gankit.stabilisers.order import asked_for
from gankit.worlds.episodes import Episodes


class Game(Part, ABC):
    """A family's two networks, and what each of them minimises.

    >>> import gankit
    >>> config = gankit.configure("gan", "toy:ring8")
    >>> game = gankit.build_game(config, gankit.load_dataset("toy:ring8"))
    >>> isinstance(game, gankit.Game)
    True
    >>> game.generator(torch.zeros(5, game.latent_size)).shape
    torch.Size([5, 2])

    Attributes:
        Options: the family's dataclass of options.
        options: the family's own settings, `config.network`.
        conditional: whether G is asked for a class.
        guided: whether the family learns from labels that only some examples have
            (`Batch.labelled`).
        acts: whether G is a policy, which chooses actions in an environment (`gankit.acting`).
        judges: whether D answers users too; the artifact then keeps it, averaged.
        reconstructs: whether D answers an example with a picture of it, which users may see.
        takes_vectors: whether labels may be vectors in place of classes, if it is conditional.
        kinds: what the examples may be (`gankit.data.dataset.Kind`).
        any_channels: whether images may have other channels than grey or colour.
        losses: the names that `objective.loss` may have; empty: any.
        at_once: whether both players move at once, unless the settings say otherwise, even if D's
            layers couple the samples of a batch.
        own_g_steps: whether the family's own update takes `objective.g_steps` generator steps.
        takes_networks: whether a user's own two networks can play: D then answers with a logit
            and nothing else.
        baseline: the recipe of what its samples are to be better than, for `evaluate`; None: none.
        default_recipe: the recipe that `configure` takes; None: the defaults of Config.
        points_recipe: the recipe for points; None: the one for images.
        kind_recipes: recipes for kinds of data (`gankit.choose_recipe.KINDS`) that the default one
            does not suit.
        data_recipes: recipes for single data sets, by name, which come before any other.
        earlier: what its recipes had in earlier versions, as changes of what they have now.
            A run that began with one of these goes on with it.
        suits: the recipe for each kind of data (`gankit.choose_recipe.KINDS`) for which this family
            is chosen if a user names none.
        judged_from: the least step from which the doctor judges a run; 500 at most.
        adversarial_share: the share of the configured loss that D's term `adversarial` is.
        own_networks: the names of the user's own two networks; empty: the family's own play.
        pretrained: the digests, by name, of networks from elsewhere that the game uses and that no
            file of a run holds.
        latent_size: how many numbers G is given for a sample: those of the prior, and those that
            the family appends; the family sets it when it builds G.
        generator, discriminator: the players. A runtime may wrap them, so only call them.
        stabilisers: those that the settings ask for, in the order in which they are called.
        progress: the share of the run that is over; the trainer sets it before each step.
        pace: the factor on both learning rates.
        notices: lines for the user to see; the session shows and removes them.

    The attributes of a `Part` too: `only_logits` is False if an objective looks at more than D's
    logits.
    """

    Options: ClassVar[type]
    conditional: bool = False
    guided: ClassVar[bool] = False
    acts: ClassVar[bool] = False
    judges: ClassVar[bool] = False
    reconstructs: ClassVar[bool] = False
    takes_vectors: ClassVar[bool] = False
    kinds: ClassVar[tuple[Kind, ...]] = ("images", "points")
    any_channels: ClassVar[bool] = True
    losses: ClassVar[tuple[str, ...]] = ()
    at_once: ClassVar[bool] = False
    own_g_steps: ClassVar[bool] = False
    takes_networks: ClassVar[bool] = True
    baseline: ClassVar[str | None] = None
    default_recipe: ClassVar[str | None] = None
    points_recipe: ClassVar[str | None] = None
    kind_recipes: ClassVar[Mapping[str, str]] = {}
    data_recipes: ClassVar[Mapping[str, str]] = {}
    earlier: ClassVar[Sequence[Mapping[str, Any]]] = ()
    suits: ClassVar[Mapping[str, str]] = {}
    judged_from: ClassVar[int] = 500
    adversarial_share: ClassVar[float] = 1.0
    own_networks: ClassVar[tuple[str, ...]] = ()
    pretrained: Mapping[str, str] = {}

    generator: nn.Module
    discriminator: nn.Module

    def __init__(self, config: Config, task: Task) -> None:
        """Build both players. Raises ConfigError if the settings do not fit the task."""
        self._check(config, task)
        self.config, self.task = config, task
        self.options: Any = config.network
        self.progress, self.pace = 0.0, 1.0
        self.notices: list[str] = []
        self.loss: Loss = build_loss(config.objective)
        self.penalties = build_penalties(config.objective)
        self.replays = type(self).replays and is_own(config.objective)
        self.latent_size = config.latent.size
        self.generator = self.build_generator()
        self.discriminator = self.build_discriminator()
        for penalty in self.penalties:
            penalty.prepare(self.discriminator)
        self.stabilisers = asked_for(config)
        for stabiliser in self.stabilisers:
            stabiliser.build(self)

    @property
    def value_range(self) -> tuple[float, float] | None:
        """The values of black and white in the networks; None for data that is taken as it is."""
        return (-1.0, 1.0) if self.task.is_images else None

    @abstractmethod
    def build_generator(self) -> nn.Module: ...

    @abstractmethod
    def build_discriminator(self) -> nn.Module: ...

    # What the players are given, and what they answer

    def latent(self, count: int, labels: Tensor | None, rng: np.random.Generator) -> Latent:
        """Draw G's input for `count` samples.

        Args:
            count: number of samples.
            labels: int64 [count], or vectors, float [count, C]; used only by conditional families.
            rng: the source of randomness.
        """
        noise = draw_noise(self.config.latent, count, rng)
        return Latent(noise, labels if self.conditional else None)

    def generate(self, latent: Latent) -> Tensor:
        """Return G's samples [N, *shape] in the value range."""
        fake: Tensor = self.generator(latent.noise, latent.labels)
        return fake

    def seen(self, examples: Tensor) -> Tensor:
        """Return examples as D sees them: augmented and noisy if that is asked for."""
        for stabiliser in self.stabilisers:
            examples = stabiliser.shown(examples, self.progress)
        return examples

    def answers(
        self, examples: Tensor, labels: Tensor | None, by: nn.Module | None = None
    ) -> Answer:
        """Return D's answer to examples; `by` is a network that answers in its place."""
        answer = Answer((by or self.discriminator)(self.seen(examples), labels), labels=labels)
        for stabiliser in self.stabilisers:
            answer = stabiliser.answered(answer)
        return answer

    def logits_of(self, answer: Answer) -> Tensor:
        """Return the logits [N] in D's answer, high for real."""
        return answer.output

    def logits(self, examples: Tensor, labels: Tensor | None) -> Tensor:
        """Return D's logits [N] of examples [N, *shape]."""
        return self.logits_of(self.answers(examples, labels))

    def answers_pair(
        self, batch: Batch, fake: Tensor, by: nn.Module | None = None
    ) -> tuple[Answer, Answer]:
        """Return D's answers to real and to fake; `by` is a network that answers in its place.

        They come from one pass if D treats each sample on its own, or if real and fake are to
        share their batch statistics; otherwise from two.
        """
        asked = batch.latent.labels
        if self.coupling and not self._shares_a_batch:
            return self.answers(batch.real, batch.labels, by), self.answers(fake, asked, by)
        labels = None
        if batch.labels is not None and asked is not None:
            labels = torch.cat([batch.labels, asked])
        both = self.answers(torch.cat([batch.real, fake]), labels, by)
        return both[: len(fake)], both[len(fake) :]

    def logits_pair(self, batch: Batch, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return (logits_real, logits_fake), each [N]."""
        real, generated = self.answers_pair(batch, fake)
        return self.logits_of(real), self.logits_of(generated)

    # What the players minimise. An unusual family overrides these four.

    def discriminator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        """Return what D minimises, given its answers."""
        return self.discriminator_adversarial(self.logits_of(real), self.logits_of(fake))

    def generator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        """Return what G minimises, given D's answers."""
        return self.generator_adversarial(self.logits_of(real), self.logits_of(fake))

    def discriminator_adversarial(self, logits_real: Tensor, logits_fake: Tensor) -> Terms:
        """Return D's loss of its logits, with D's beliefs as watched numbers."""
        watched = beliefs(logits_real, logits_fake)
        if any(s.reads_signs for s in self.stabilisers):
            watched |= verdicts(logits_real, logits_fake, relative=self.loss.relative)
        terms = Terms({"adversarial": self.loss.discriminator(logits_real, logits_fake)}, watched)
        for stabiliser in self.stabilisers:
            terms = terms.with_terms(stabiliser.d_terms(logits_real, logits_fake))
        return terms

    def generator_adversarial(self, logits_real: Tensor, logits_fake: Tensor) -> Terms:
        """Return G's loss of D's logits."""
        for stabiliser in self.stabilisers:
            logits_real, logits_fake = stabiliser.g_pairs(logits_real, logits_fake, self.progress)
        return Terms({"adversarial": self.loss.generator(logits_real, logits_fake)})

    # The same, including the passes through D: an update calls these

    def discriminator_terms(self, batch: Batch, fake: Tensor) -> Terms:
        """Return what D minimises; `fake` carries no gradient to G."""
        for stabiliser in self.stabilisers:
            batch, fake = stabiliser.d_batch(batch, fake)
        real, generated = self.answers_pair(batch, fake)
        return self.discriminator_objective(real, generated, batch)

    def generator_terms(self, batch: Batch, fake: Tensor) -> Terms:
        """Return what G minimises while D is frozen; `fake` carries the gradient to G."""
        opponent = self.discriminator
        for stabiliser in self.stabilisers:
            opponent = stabiliser.opponent(opponent)
        if self._shares_a_batch:
            real, generated = self.answers_pair(batch, fake, opponent)
        else:
            generated = self.answers(fake, batch.labels, opponent)
            looks = self.loss.paired or any(s.looks_at_real for s in self.stabilisers)
            real = self.answers(batch.real, batch.labels, opponent) if looks else generated
        return self._stabilised(real, generated, batch, fake)

    def shared_terms(self, batch: Batch, fake: Tensor) -> tuple[Terms, Terms]:
        """Return what D and G minimise, both from the same answers of D to real and fake."""
        real, generated = self.answers_pair(batch, fake)
        d_terms = self.discriminator_objective(real, generated, batch)
        return d_terms, self._stabilised(real, generated, batch, fake)

    def penalised(self, batch: Batch, fake: Tensor) -> tuple[Discriminate, Tensor, Tensor]:
        """Return D as penalties see it, and what it is given for real and for fake, [N, ...].

        `fake` carries no gradient to G. A family whose D begins with what never changes may name
        the inputs of what does.
        """
        return lambda examples: self.logits(examples, batch.labels), batch.real, fake

    def weight_terms(self, player: str) -> Terms:
        """Return those terms of a player that depend on its weights alone."""
        terms = Terms({})
        for stabiliser in self.stabilisers:
            terms = terms.with_terms(stabiliser.weight_terms(player))
        return terms

    def own_update(self) -> Callable[[Turn], Moves] | None:
        """Return the family's own way to take a step, which replaces `objective.update`.

        None if it has none. A policy gradient needs one: its fakes carry no gradient from D to G.
        """
        return None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The game and its stabilisers: everything that has the hooks of a `Part`."""
        return (self, *self.stabilisers)

    def judge(self, examples: Tensor) -> Tensor:
        """Return the chances of each class [N, K] for examples, if the family `judges`."""
        raise NotImplementedError

    @property
    def judged_names(self) -> tuple[str, ...]:
        """The names of the classes of `judge`."""
        return self.task.class_names

    def reconstruct(self, examples: Tensor, by: nn.Module | None = None) -> Tensor:
        """Return D's pictures of examples [N, *shape], in the same shape, if it `reconstructs`.

        `by` is a network that answers in D's place.
        """
        raise NotImplementedError

    def log_likelihood(self, examples: Tensor) -> Tensor | None:
        """Return log P of each example [N, *shape] under G, [N]; None if G states no such thing."""
        return None

    def play(self, latent: Latent, likeliest: bool = False) -> Episodes:
        """Play an episode for each latent, if the family `acts`."""
        raise NotImplementedError

    def act(
        self, observations: Tensor, rng: np.random.Generator | None = None
    ) -> NDArray[np.generic]:
        """Return the action for each of some observations [N, O], if the family `acts`."""
        raise NotImplementedError

    # What other packages ask of every family, so that they need to know none by its name

    @classmethod
    def why_not_installed(cls, config: Config) -> str | None:
        """Say what the family needs that is not installed, and how to install it; None: nothing."""
        return None

    @classmethod
    def symptoms(cls, config: Config) -> Sequence[Symptom]:
        """List what the log of a sick run of this family shows, for the doctor to look for."""
        return ()

    @classmethod
    def search_space(cls, config: Config, task: Task) -> Space:
        """Return what a race may try in place of settings of `config` (`gankit race`)."""
        return usual_space(config, images=task.is_images, any_loss=not cls.losses)

    @property
    def codes(self) -> Sequence[Code]:
        """The inputs of G that mean something by themselves, for `gankit sweep --code`."""
        return ()

    # What a family and its settings allow

    @cached_property
    def coupling(self) -> str | None:
        """The layer that makes D's answer to a sample depend on the others of its batch, in words.

        None if D has no such layer.
        """
        kinds = {
            MinibatchDiscrimination: "minibatch discrimination",
            nn.modules.batchnorm._BatchNorm: "batch normalisation",
        }
        found = list(self.discriminator.modules())
        return next(
            (n for kind, n in kinds.items() if any(isinstance(m, kind) for m in found)), None
        )

    def why_not_trained(self) -> str | None:
        """Return why some setting would have no effect, or None if every setting has one.

        A run with such a setting is not started. A run that was trained with one can still be used.
        """
        return None

    def _check(self, config: Config, task: Task) -> None:
        """Raise ConfigError if the family does not take such data, or such a loss."""
        if task.kind not in self.kinds:
            raise ConfigError(
                f"family '{config.family}' makes {' or '.join(self.kinds)}; these are "
                f"{task.kind}: train {families_that(lambda f: task.kind in f.kinds, task)} on them"
            )
        if task.is_images and task.shape[0] not in (1, 3) and not self.any_channels:
            raise ConfigError(
                f"family '{config.family}' sees grey or colour images, these have {task.shape[0]} "
                f"channels: train {families_that(lambda f: f.any_channels, task)}"
            )
        if task.condition and self.conditional and not self.takes_vectors:
            raise ConfigError(
                f"family '{config.family}' takes classes; this data has a vector of "
                f"{task.condition} numbers for each example: train "
                f"{families_that(lambda f: f.takes_vectors, task)}"
            )
        if (self.conditional or self.guided) and not _has_labels_for(type(self), task):
            raise ConfigError(
                f"family '{config.family}' needs labels of at least 2 classes, the data has "
                f"{task.classes or 'none'}: put each class in a sub-folder, or train "
                f"{families_that(lambda f: not (f.conditional or f.guided), task)}"
            )
        if self.losses and config.objective.loss not in self.losses:
            raise ConfigError(
                f"family '{config.family}' is not defined with loss '{config.objective.loss}': "
                f"it plays {' or '.join(self.losses)}"
            )
        if config.data.labels_per_class is not None and not self.guided:
            raise ConfigError(
                f"family '{config.family}' does not learn from few labels: leave "
                "data.labels_per_class out, or train "
                f"{families_that(lambda f: f.guided, task)}",
                "data.labels_per_class",
            )

    @property
    def _shares_a_batch(self) -> bool:
        return any(stabiliser.shares_a_batch for stabiliser in self.stabilisers)

    def _stabilised(self, real: Answer, generated: Answer, batch: Batch, fake: Tensor) -> Terms:
        """Return what G minimises, after the stabilisers have changed it."""
        terms = self.generator_objective(real, generated, batch)
        for stabiliser in self.stabilisers:
            terms = stabiliser.g_terms(terms, real, generated, fake)
        return terms


FAMILIES: Registry[type[Game]] = Registry("family")
register_family = FAMILIES.register


def families_that(suit: Callable[[type[Game]], bool], task: Task | None = None) -> str:
    """Return the names of the families that `suit`, for a message: `'x', 'y' or 'z'`.

    With a task they are those that can train on its data; if there are none, those that make
    samples of its kind; and all that suit if there are none of these either.
    """
    suitable = [name for name in FAMILIES.names() if suit(FAMILIES[name])]
    if task is not None:
        of_kind = [name for name in suitable if task.kind in FAMILIES[name].kinds]
        able = [name for name in of_kind if _trains_on(FAMILIES[name], task)]
        suitable = able or of_kind or suitable
    *others, last = [f"'{name}'" for name in suitable] or ["another family"]
    return f"{', '.join(others)} or {last}" if others else last


def _trains_on(family: type[Game], task: Task) -> bool:
    """Return whether a family takes data of this kind, these channels and these labels."""
    if task.kind not in family.kinds:
        return False
    if task.is_images and task.shape[0] not in (1, 3) and not family.any_channels:
        return False
    if task.condition and family.conditional and not family.takes_vectors:
        return False
    return _has_labels_for(family, task) or not (family.conditional or family.guided)


def _has_labels_for(family: type[Game], task: Task) -> bool:
    """Return whether data has such labels as a family of labels needs."""
    return task.classes >= 2 or (task.condition > 0 and not family.guided)
