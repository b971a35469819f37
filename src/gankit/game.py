"""The contract of a game: two players, what each minimises, what the generator eats.

Logits are high for real. It is said here, once: `logits_real` and `logits_fake` are the
discriminator's answers, and D(x) = sigmoid(logit) is its belief that x is real.

A game holds no optimiser, no device, no file and no loop. A family (families/) is one
subclass: it states its two networks, what the logits are in D's answers (`logits_of`), and what
each player minimises given the answers (`discriminator_objective`, `generator_objective`), if that
is more than the loss. The stabilisers of `config.stabilise` work on those, so every family has
them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
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
from gankit.objective import beliefs, build_loss, build_penalties, verdicts
from gankit.registry import Registry
from gankit.settings.config import Config
from gankit.stabilisers.order import asked_for


class Game(Part, ABC):
    """A family's two networks and what they play for.

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
        conditional: the generator is asked for a class.
        guided: it learns from labels that only some examples have (`Batch.labelled`).
        judges: D answers users too, so the artifact keeps it, averaged.
        takes_vectors: a conditional family takes a vector in place of a class.
        kinds: what its examples may be (`gankit.data.dataset.Kind`).
        losses: the names that `objective.loss` may have; empty: any.
        takes_networks: a user's own two networks can play it: its D says a logit and no more.
        default_recipe: the recipe that `configure` takes; None: the defaults of Config.
        points_recipe: the one for points; None: as for images.
        data_recipes: by a data set's name, the recipe that comes before any other.
        adversarial_share: D's term `adversarial`, as a share of the loss that the settings name.
        own_networks: what the user's own two networks are called; empty: the family's are played.
        latent_size: how many numbers G eats for a sample: the prior's, and what a family puts
            behind them; it says so when it builds G.
        generator, discriminator: the players. A runtime may wrap them; call them, nothing else.
        stabilisers: what the settings ask for, in the order in which they are called.
        progress: the share of the run that is over; the trainer sets it before each step.
        pace: what both learning rates are multiplied by.
        notices: lines for the person who watches; the session takes them away.

    Those of a `Part` too: `only_logits` is False if an objective looks at more than D's logits.
    """

    Options: ClassVar[type]
    conditional: bool = False
    guided: ClassVar[bool] = False
    judges: ClassVar[bool] = False
    takes_vectors: ClassVar[bool] = False
    kinds: ClassVar[tuple[Kind, ...]] = ("images", "points")
    losses: ClassVar[tuple[str, ...]] = ()
    takes_networks: ClassVar[bool] = True
    default_recipe: ClassVar[str | None] = None
    points_recipe: ClassVar[str | None] = None
    data_recipes: ClassVar[Mapping[str, str]] = {}
    adversarial_share: ClassVar[float] = 1.0
    own_networks: ClassVar[tuple[str, ...]] = ()

    generator: nn.Module
    discriminator: nn.Module

    def __init__(self, config: Config, task: Task) -> None:
        """Build both players. Raises ConfigError if settings and task do not fit."""
        self._check(config, task)
        self.config, self.task = config, task
        self.options: Any = config.network
        self.progress, self.pace = 0.0, 1.0
        self.notices: list[str] = []
        self.loss: Loss = build_loss(config.objective)
        self.penalties = build_penalties(config.objective)
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
        """What black and white are to the networks; None for what is taken as it is."""
        return (-1.0, 1.0) if self.task.is_images else None

    @abstractmethod
    def build_generator(self) -> nn.Module: ...

    @abstractmethod
    def build_discriminator(self) -> nn.Module: ...

    # What the players are given and what they say

    def latent(self, count: int, labels: Tensor | None, rng: np.random.Generator) -> Latent:
        """What the generator eats for `count` samples; `labels` int64 [count] if conditional."""
        noise = draw_noise(self.config.latent, count, rng)
        return Latent(noise, labels if self.conditional else None)

    def generate(self, latent: Latent) -> Tensor:
        """Samples [N, *shape] in the value range."""
        fake: Tensor = self.generator(latent.noise, latent.labels)
        return fake

    def seen(self, examples: Tensor) -> Tensor:
        """Examples as D sees them: augmented and noisy if that is asked for."""
        for stabiliser in self.stabilisers:
            examples = stabiliser.shown(examples, self.progress)
        return examples

    def answers(
        self, examples: Tensor, labels: Tensor | None, by: nn.Module | None = None
    ) -> Answer:
        """What D (or another that answers like it) says of examples."""
        answer = Answer((by or self.discriminator)(self.seen(examples), labels))
        for stabiliser in self.stabilisers:
            answer = stabiliser.answered(answer)
        return answer

    def logits_of(self, answer: Answer) -> Tensor:
        """The logits [N] within D's answer, high for real."""
        return answer.output

    def logits(self, examples: Tensor, labels: Tensor | None) -> Tensor:
        """D's logits [N] of examples."""
        return self.logits_of(self.answers(examples, labels))

    def answers_pair(
        self, batch: Batch, fake: Tensor, by: nn.Module | None = None
    ) -> tuple[Answer, Answer]:
        """What D (or another) says of real and of fake: in one pass if it treats each sample on
        its own, or if the two are to share their batch statistics."""
        asked = batch.latent.labels
        if self.coupling and not self._shares_a_batch:
            return self.answers(batch.real, batch.labels, by), self.answers(fake, asked, by)
        labels = None
        if batch.labels is not None and asked is not None:
            labels = torch.cat([batch.labels, asked])
        both = self.answers(torch.cat([batch.real, fake]), labels, by)
        return both[: len(fake)], both[len(fake) :]

    def logits_pair(self, batch: Batch, fake: Tensor) -> tuple[Tensor, Tensor]:
        """(logits_real, logits_fake)."""
        real, generated = self.answers_pair(batch, fake)
        return self.logits_of(real), self.logits_of(generated)

    # What the players minimise. An unusual family overrides these four.

    def discriminator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        """What D minimises, given its answers."""
        return self.discriminator_adversarial(self.logits_of(real), self.logits_of(fake))

    def generator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        """What G minimises, given D's answers."""
        return self.generator_adversarial(self.logits_of(real), self.logits_of(fake))

    def discriminator_adversarial(self, logits_real: Tensor, logits_fake: Tensor) -> Terms:
        """What the loss makes of D's logits, for D; and D's beliefs, to be watched."""
        watched = beliefs(logits_real, logits_fake)
        if any(s.reads_signs for s in self.stabilisers):
            watched |= verdicts(logits_real, logits_fake, relative=self.loss.relative)
        return Terms({"adversarial": self.loss.discriminator(logits_real, logits_fake)}, watched)

    def generator_adversarial(self, logits_real: Tensor, logits_fake: Tensor) -> Terms:
        """What the loss makes of D's logits, for G."""
        for stabiliser in self.stabilisers:
            logits_real, logits_fake = stabiliser.g_pairs(logits_real, logits_fake, self.progress)
        return Terms({"adversarial": self.loss.generator(logits_real, logits_fake)})

    # The same, from passes through D: what an update asks for

    def discriminator_terms(self, batch: Batch, fake: Tensor) -> Terms:
        """What D minimises; `fake` carries no gradient to G."""
        for stabiliser in self.stabilisers:
            batch, fake = stabiliser.d_batch(batch, fake)
        real, generated = self.answers_pair(batch, fake)
        return self.discriminator_objective(real, generated, batch)

    def generator_terms(self, batch: Batch, fake: Tensor) -> Terms:
        """What G minimises, given a frozen D; `fake` carries the gradient."""
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
        """What D and G minimise, from one look of D at real and fake."""
        real, generated = self.answers_pair(batch, fake)
        d_terms = self.discriminator_objective(real, generated, batch)
        return d_terms, self._stabilised(real, generated, batch, fake)

    def weight_terms(self, player: str) -> Terms:
        """What a player minimises that depends on its weights alone."""
        terms = Terms({})
        for stabiliser in self.stabilisers:
            terms = terms.with_terms(stabiliser.weight_terms(player))
        return terms

    def own_update(self) -> Callable[[Turn], Moves] | None:
        """The family's own way to take a step, in place of `objective.update`; None: it has none.
        A policy gradient is one: its fakes carry no gradient from D to G."""
        return None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The game and its stabilisers: all that meets, follows, remembers."""
        return (self, *self.stabilisers)

    def judge(self, examples: Tensor) -> Tensor:
        """What D, where it answers users, makes of examples: the chances of each class [N, K]."""
        raise NotImplementedError

    @property
    def judged_names(self) -> tuple[str, ...]:
        """What the classes of `judge` are called."""
        return self.task.class_names

    # What other rooms ask every family for, so that none of them knows one by its name

    @classmethod
    def symptoms(cls, config: Config) -> Sequence[Symptom]:
        """List what the log of a sick run of this family shows, for the doctor to look for."""
        return ()

    @property
    def codes(self) -> Sequence[Code]:
        """Those inputs of G that mean something by themselves, for `gankit sweep --code`."""
        return ()

    # What a family and its settings allow

    @cached_property
    def coupling(self) -> str | None:
        """What makes D's answer for one sample depend on the others of its batch; None: nothing."""
        kinds = {
            MinibatchDiscrimination: "minibatch discrimination",
            nn.modules.batchnorm._BatchNorm: "batch normalisation",
        }
        found = list(self.discriminator.modules())
        return next(
            (n for kind, n in kinds.items() if any(isinstance(m, kind) for m in found)), None
        )

    def why_not_trained(self) -> str | None:
        """Why a setting would change nothing here, so that a run with it is not begun; what is
        trained can be used, whatever it was told. None if each setting counts."""
        return None

    def _check(self, config: Config, task: Task) -> None:
        """Raises ConfigError if the family does not take such data, or such a loss."""
        if task.kind not in self.kinds:
            raise ConfigError(
                f"family '{config.family}' makes {' or '.join(self.kinds)}; these are "
                f"{task.kind}: train {families_that(lambda f: task.kind in f.kinds)} on them"
            )
        if task.condition and self.conditional and not self.takes_vectors:
            raise ConfigError(
                f"family '{config.family}' takes classes; this data has a vector of "
                f"{task.condition} numbers for each example: train "
                f"{families_that(lambda f: f.takes_vectors)}"
            )
        asked = task.classes >= 2 or (task.condition > 0 and not self.guided)
        if (self.conditional or self.guided) and not asked:
            raise ConfigError(
                f"family '{config.family}' needs labels of at least 2 classes, the data has "
                f"{task.classes or 'none'}: put each class in a sub-folder, or train "
                f"{families_that(lambda f: not (f.conditional or f.guided))}"
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
                f"{families_that(lambda f: f.guided)}",
                "data.labels_per_class",
            )

    @property
    def _shares_a_batch(self) -> bool:
        return any(stabiliser.shares_a_batch for stabiliser in self.stabilisers)

    def _stabilised(self, real: Answer, generated: Answer, batch: Batch, fake: Tensor) -> Terms:
        """What G minimises, with what the stabilisers make of it."""
        terms = self.generator_objective(real, generated, batch)
        for stabiliser in self.stabilisers:
            terms = stabiliser.g_terms(terms, real, generated, fake)
        return terms


FAMILIES: Registry[type[Game]] = Registry("family")
register_family = FAMILIES.register


def families_that(suit: Callable[[type[Game]], bool]) -> str:
    """Name the families that suit, for a message: `'x', 'y' or 'z'`."""
    suitable = [f"'{name}'" for name in FAMILIES.names() if suit(FAMILIES[name])]
    *others, last = suitable or ["another family"]
    return f"{', '.join(others)} or {last}" if others else last
