"""The contract of a game: two players, what each minimises, what the generator eats.

Logits are high for real. It is said here, once: `logits_real` and `logits_fake` are the
discriminator's answers, and D(x) = sigmoid(logit) is its belief that x is real.

A game holds no optimiser, no device, no file and no loop. A family (families/) is one
subclass: it states its two networks, what the logits are in D's answers (`logits_of`), and what
the players minimise given the answers (`terms_of`), where that is more than the loss. The
stabilisers of `config.stabilise` work on those, so every family has them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from gankit.errors import ConfigError
from gankit.game_types import Answer, Batch, Latent, Task, Terms, draw_noise
from gankit.losses import LOSSES, Loss
from gankit.nn.head import Head, add_minibatch_discrimination
from gankit.nn.minibatch_discrimination import MinibatchDiscrimination
from gankit.penalties import PENALTIES, Penalty
from gankit.randomness import Purpose, rng
from gankit.registry import Registry
from gankit.settings.config import Config, ObjectiveConfig
from gankit.stabilisers.augment import Augment
from gankit.stabilisers.batch import WithReference, normalise_virtually
from gankit.stabilisers.feature_matching import Tap, feature_distance
from gankit.stabilisers.freezing import Freezing
from gankit.stabilisers.generator_terms import entropy, most_real
from gankit.stabilisers.past import HistoricalAverage, LaggedDiscriminator, Replay


class Game(ABC):
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
        conditional: whether the generator is asked for a class.
        guided: whether it learns from labels that only some examples have (`Batch.labelled`).
        judges: whether D answers users too, so that the artifact keeps it, averaged.
        takes_vectors: whether a conditional one takes a vector in place of a class.
        images_only: whether points are refused.
        losses: the names that `objective.loss` may have; empty: any.
        default_recipe: the recipe that `configure` takes; None: the defaults of Config.
        points_recipe: the one for points; None: as for images.
        own_networks: what the user's own two networks are called; empty: the family's are played.
        latent_size: how many numbers G eats for a sample: the prior's, and what a family puts
            behind them; it says so when it builds G.
        generator, discriminator: the players. A runtime may wrap them; call them, nothing else.
        progress: the share of the run that is over; the session sets it before each step.
        pace: what both learning rates are multiplied by.
        notices: lines for the person who watches; the session takes them away.
    """

    Options: ClassVar[type]
    conditional: bool = False
    guided: ClassVar[bool] = False
    judges: ClassVar[bool] = False
    takes_vectors: ClassVar[bool] = False
    images_only: ClassVar[bool] = False
    losses: ClassVar[tuple[str, ...]] = ()
    default_recipe: ClassVar[str | None] = None
    points_recipe: ClassVar[str | None] = None
    own_networks: ClassVar[tuple[str, ...]] = ()

    generator: nn.Module
    discriminator: nn.Module
    lagged: LaggedDiscriminator | None
    historical: HistoricalAverage | None

    def __init__(self, config: Config, task: Task) -> None:
        """Build both players. Raises ConfigError where settings and task do not fit."""
        if self.images_only and not task.is_images:
            raise ConfigError(
                f"family '{config.family}' makes images; these are points: train 'gan' on them"
            )
        if task.condition and self.conditional and not self.takes_vectors:
            raise ConfigError(
                f"family '{config.family}' takes classes; this data has a vector of "
                f"{task.condition} numbers for each example: train 'cgan'"
            )
        asked = task.classes >= 2 or (task.condition > 0 and not self.guided)
        if (self.conditional or self.guided) and not asked:
            raise ConfigError(
                f"family '{config.family}' needs labels of at least 2 classes, the data has "
                f"{task.classes or 'none'}: put each class in a sub-folder, or train 'dcgan'"
            )
        if self.losses and config.objective.loss not in self.losses:
            raise ConfigError(
                f"family '{config.family}' is not defined with loss '{config.objective.loss}': "
                f"it plays {' or '.join(self.losses)}"
            )
        if config.data.labels_per_class is not None and not self.guided:
            raise ConfigError(
                f"family '{config.family}' does not learn from few labels: leave "
                "--labels-per-class out, or train 'ssgan'"
            )
        self.config = config
        self.task = task
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
        self._prepare_stabilisers()

    @property
    def value_range(self) -> tuple[float, float] | None:
        """What black and white are to the networks; None for points, taken as they are."""
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
        """Examples as D sees them: augmented and noisy where that is asked for."""
        if self.augment is not None:
            examples = self.augment(examples)
        std = self.config.stabilise.noise * (1 - self.progress)
        return examples + std * torch.randn_like(examples) if std > 0 else examples

    def answers(
        self, examples: Tensor, labels: Tensor | None, by: nn.Module | None = None
    ) -> Answer:
        """What D (or another that answers like it) says of examples."""
        output: Tensor = (by or self.discriminator)(self.seen(examples), labels)
        if self.tap is None or self.tap.seen is None:
            return Answer(output)
        return Answer(output, self.tap.seen[-len(output) :])  # behind a reference batch

    def logits_of(self, answer: Answer) -> Tensor:
        """The logits [N] within D's answer, high for real."""
        return answer.output

    def logits(self, examples: Tensor, labels: Tensor | None) -> Tensor:
        """D's logits [N] of examples."""
        return self.logits_of(self.answers(examples, labels))

    def answers_pair(
        self, batch: Batch, fake: Tensor, by: nn.Module | None = None
    ) -> tuple[Answer, Answer]:
        """What D (or another) says of real and of fake: in one pass where it treats each sample on
        its own, or where the two are to share their batch statistics."""
        asked = batch.latent.labels
        if self.couples_samples and not self.config.stabilise.joint_batch:
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

    # What the players minimise

    def terms_of(self, real: Answer, fake: Answer, batch: Batch) -> tuple[Terms, Terms]:
        """What D and G minimise, given D's answers. The one method of an unusual family."""
        return self.adversarial_terms(self.logits_of(real), self.logits_of(fake))

    def adversarial_terms(self, logits_real: Tensor, logits_fake: Tensor) -> tuple[Terms, Terms]:
        """What the loss makes of D's logits: D's terms, G's terms."""
        d_terms = {"adversarial": self.loss.discriminator(logits_real, logits_fake)}
        watched = beliefs(logits_real, logits_fake)
        if self.freezing is not None or self.adapts:
            watched |= verdicts(logits_real, logits_fake, relative=self.loss.relative)
        share = 1 - (1 - self.config.stabilise.top_k) * self.progress
        if share < 1:
            logits_real, logits_fake = most_real(logits_real, logits_fake, share)
        g_terms = {"adversarial": self.loss.generator(logits_real, logits_fake)}
        return Terms(d_terms, watched), Terms(g_terms)

    def shared_terms(self, batch: Batch, fake: Tensor) -> tuple[Terms, Terms]:
        """What D and G minimise, from one look of D at real and fake."""
        real, generated = self.answers_pair(batch, fake)
        d_terms, g_terms = self.terms_of(real, generated, batch)
        return d_terms, self._stabilised(g_terms, real, generated, fake)

    def discriminator_terms(self, batch: Batch, fake: Tensor) -> Terms:
        """What D minimises; `fake` carries no gradient to G."""
        if self.replay is not None:
            batch, fake = self._replayed(self.replay, batch, fake)
        real, generated = self.answers_pair(batch, fake)
        return self.terms_of(real, generated, batch)[0]

    def generator_terms(self, batch: Batch, fake: Tensor) -> Terms:
        """What G minimises, given a frozen D; `fake` carries the gradient."""
        opponent = None if self.lagged is None else self.lagged.network
        if self.config.stabilise.joint_batch:
            real, generated = self.answers_pair(batch, fake, opponent)
        else:
            generated = self.answers(fake, batch.labels, opponent)
            looks_at_real = self.loss.paired or self.tap is not None
            real = self.answers(batch.real, batch.labels, opponent) if looks_at_real else generated
        return self._stabilised(self.terms_of(real, generated, batch)[1], real, generated, fake)

    def weight_terms(self, player: str) -> Terms:
        """What a player minimises that depends on its weights alone."""
        if self.historical is None:
            return Terms({})
        weight = self.config.stabilise.historical
        return Terms({"historical": weight * self.historical.distance(player)})

    def _replayed(self, replay: Replay, batch: Batch, fake: Tensor) -> tuple[Batch, Tensor]:
        """Fakes with past ones among them, and the batch with the latents that those came from."""
        latent = batch.latent
        rows = {"fake": fake, "noise": latent.noise}
        if latent.labels is not None:
            rows["labels"] = latent.labels
        shown = replay.mixed(rows)
        past = Latent(shown["noise"], shown.get("labels"))
        return replace(batch, latent=past), shown["fake"]

    def _stabilised(self, terms: Terms, real: Answer, generated: Answer, fake: Tensor) -> Terms:
        """G's terms with feature matching in place of the adversarial one, and with entropy."""
        stabilise, minimised = self.config.stabilise, dict(terms.minimised)
        if self.tap is not None:
            assert real.features is not None
            assert generated.features is not None
            del minimised["adversarial"]
            minimised["matching"] = feature_distance(
                real.features, generated.features, stabilise.matching
            )
        if stabilise.entropy:
            minimised["entropy"] = -stabilise.entropy * entropy(fake)
        return Terms(minimised, terms.watched)

    # What happens around a step

    @property
    def meets(self) -> bool:
        """Whether it wants to `meet` the data before the first step."""
        return self.config.stabilise.virtual_batch > 0

    def meet(self, examples: Tensor, labels: Tensor | None) -> None:
        """See real examples in the value range before the first step, on the CPU."""
        if isinstance(self.discriminator, WithReference):
            reference = self.discriminator.get_buffer("inputs")
            if len(examples) < len(reference):
                raise ConfigError(
                    f"stabilise.virtual_batch = {len(reference)} is more than the "
                    f"{len(examples):,} examples that there are, or that it may look at"
                )
            reference.copy_(examples[: len(reference)])
            if self.conditional and labels is not None:
                self.discriminator.get_buffer("labels").copy_(labels[: len(reference)])

    def begin(self) -> None:
        """The networks lie where they will be trained: what follows them may be made."""
        if self.config.stabilise.lagged:
            self.lagged = LaggedDiscriminator(self.discriminator, self.config.stabilise.lagged)
        if self.config.stabilise.historical:
            players = {"generator": self.generator, "discriminator": self.discriminator}
            self.historical = HistoricalAverage(players)

    def stands_still(self, player: str) -> bool:
        """Whether `player` does not move in this step (freezing)."""
        return self.freezing is not None and self.freezing.still(player)

    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        """Update state that no gradient learns, given the step's terms and watched numbers, means
        over all processes. Overrides call this one too."""
        if self.lagged is not None:
            self.lagged.follow()
        if self.historical is not None:
            self.historical.follow()
        if self.freezing is not None:
            self.freezing.note(float(numbers["judged"]))
        if self.augment is not None and self.adapts:
            self.augment.adapt(float(numbers["overfitting"]), self.config.training.batch)

    def judge(self, examples: Tensor) -> Tensor:
        """What D, where it answers users, makes of examples: the chances of each class [N, K]."""
        raise NotImplementedError

    @property
    def judged_names(self) -> tuple[str, ...]:
        """What the classes of `judge` are called."""
        return self.task.class_names

    @property
    def adapts(self) -> bool:
        """Whether the probability of augmentation follows D."""
        return self.augment is not None and self.augment.adaptive

    @property
    def reads_numbers(self) -> bool:
        """Whether `after_step` looks at its numbers, so that processes must share them."""
        return (
            self.freezing is not None or self.adapts or type(self).after_step is not Game.after_step
        )

    def numbers(self) -> dict[str, Tensor]:
        """The game's own state, for the log."""
        shown = {} if self.freezing is None else self.freezing.rates()
        if self.augment is not None and self.adapts:
            shown["augment_probability"] = self.augment.probability
        return shown

    def state(self) -> dict[str, Tensor]:
        """State besides the networks, for the checkpoint. Overrides add to this one's."""
        return {k: v for part in self._remembering() for k, v in part.state().items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        for part in self._remembering():
            part.load_state(state)

    # What a family and its settings allow

    @property
    def minimises_more(self) -> bool:
        """Whether this family's players minimise more than functions of D's logits."""
        methods = ("terms_of", "discriminator_terms", "generator_terms", "shared_terms")
        return any(getattr(type(self), name) is not getattr(Game, name) for name in methods)

    @property
    def only_adversarial(self) -> bool:
        """Whether both players minimise functions of D's logits, and nothing more."""
        return not (self.minimises_more or self.tap or self.config.stabilise.entropy)

    @cached_property
    def couples_samples(self) -> bool:
        """Whether D's answer for one sample depends on the others of its batch."""
        kinds = (nn.modules.batchnorm._BatchNorm, MinibatchDiscrimination)
        return any(isinstance(m, kinds) for m in self.discriminator.modules())

    def why_not_trained(self) -> str | None:
        """Why a setting would change nothing here, so that a run with it is not begun; what is
        trained can be used, whatever it was told. None where each counts."""
        return None

    def why_not_simultaneous(self) -> str | None:
        """Why one pass through D cannot serve both players; None where it can."""
        k, stabilise, own = self.config.objective.k, self.config.stabilise, type(self)
        if k > 1:
            return f"k = {k} discriminator steps come before each generator step"
        separate = (
            own.discriminator_terms is not Game.discriminator_terms
            or own.generator_terms is not Game.generator_terms
        )
        if separate and own.shared_terms is Game.shared_terms:
            return f"the players of '{self.config.family}' do not share a pass through D"
        if self.couples_samples:
            how = (
                "minibatch discrimination" if stabilise.minibatch_kernels else "batch normalisation"
            )
            return f"{how} couples the samples in the discriminator"
        if stabilise.lagged:
            return "G plays against a lagged D"
        if stabilise.replay:
            return "D is shown past fakes, G's are new"
        return None

    def why_one_process(self) -> str | None:
        """Why several processes would not play the game of one; None where they do."""
        if self.config.stabilise.replay:
            return "stabilise.replay keeps past fakes in one process"
        if self.config.stabilise.entropy or self.config.stabilise.matching != "none":
            return "stabilise.entropy and stabilise.matching look at the whole batch"
        if self.config.stabilise.minibatch_kernels:
            return "minibatch discrimination looks at the whole batch"
        return None

    def _prepare_stabilisers(self) -> None:
        """Build what `config.stabilise` asks for. Raises ConfigError where it does not fit."""
        s, family = self.config.stabilise, self.config.family
        self.lagged = self.historical = None  # made in `begin`
        self.replay = Replay(s.replay_size, s.replay) if s.replay else None
        freezes = s.freeze_d < 1 or s.freeze_g > 0
        self.freezing = Freezing(s.freeze_d, s.freeze_g) if freezes else None
        self.augment: Augment | None = None
        if s.augment != "none":
            if self.value_range is None:
                raise ConfigError("stabilise.augment changes images; these are points")
            low, high = self.value_range
            self.augment = Augment(
                s.augment, s.augment_probability, s.augment_target, s.augment_images, high - low
            )
        if s.virtual_batch:
            self._normalise_virtually(s.virtual_batch)
        heads = [m for m in self.discriminator.modules() if isinstance(m, Head)]
        if (s.minibatch_kernels or s.matching != "none") and not heads:
            raise ConfigError(
                f"the discriminator of '{family}' has no last hidden layer: leave "
                "stabilise.minibatch_kernels and stabilise.matching out"
            )
        if s.minibatch_kernels and s.virtual_batch:
            raise ConfigError(
                "stabilise.minibatch_kernels would look at the reference batch of "
                "stabilise.virtual_batch too: leave one of the two out"
            )
        if s.minibatch_kernels:
            add_minibatch_discrimination(heads[0], s.minibatch_kernels, s.minibatch_size)
        if s.matching != "none" and s.lagged:
            raise ConfigError("stabilise.matching looks at the playing D: leave lagged out")
        self.tap = Tap(heads[0]) if s.matching != "none" else None

    def _normalise_virtually(self, rows: int) -> None:
        """Give both players reference batches; D's becomes real when the game meets the data."""
        task, seed = self.task, self.config.training.seed
        labels = None
        if self.conditional:
            if not task.classes:
                raise ConfigError("stabilise.virtual_batch takes classes, not vectors")
            labels = torch.arange(rows) % task.classes
        latent = self.latent(rows, labels, rng(seed, Purpose.REFERENCE))
        generated = normalise_virtually(self.generator, latent.noise, latent.labels)
        judged = normalise_virtually(self.discriminator, torch.zeros(rows, *task.shape), labels)
        if generated is None and judged is None:
            raise ConfigError(
                f"'{self.config.family}' has no plain batch normalisation here: leave "
                "stabilise.virtual_batch out"
            )
        self.generator, self.discriminator = (
            generated or self.generator,
            judged or self.discriminator,
        )

    def _remembering(self) -> list[Any]:
        parts = (self.replay, self.freezing, self.augment, self.lagged, self.historical)
        return [part for part in parts if part is not None]


def beliefs(logits_real: Tensor, logits_fake: Tensor) -> dict[str, Tensor]:
    """Mean D(real) and D(fake), for the log."""
    return {
        "d_real": logits_real.detach().sigmoid().mean(),
        "d_fake": logits_fake.detach().sigmoid().mean(),
    }


def verdicts(logits_real: Tensor, logits_fake: Tensor, *, relative: bool) -> dict[str, Tensor]:
    """By the signs of logits: `judged`, the share of real and fake that D takes for what they are,
    and `overfitting`, the mean sign of real ones (ADA, arXiv 2006.06676, equation 1).

    Where a loss looks at differences alone (`relative`) a logit's sign means nothing: the sign of
    each pair's difference stands for it.
    """
    real, fake = logits_real.detach(), logits_fake.detach()
    if relative:
        real, fake = real - fake, fake - real
    right = ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
    return {"judged": right, "overfitting": real.sign().mean()}


FAMILIES: Registry[type[Game]] = Registry("family")
register_family = FAMILIES.register


def build_loss(config: ObjectiveConfig) -> Loss:
    """The loss that `config` names. Raises ConfigError for smoothing where there is no target."""
    loss = LOSSES[config.loss]
    if config.real_target < 1 and not loss.smoothable:
        smoothable = ", ".join(n for n in LOSSES.names() if LOSSES[n].smoothable)
        raise ConfigError(
            f"loss '{config.loss}' has no target to smooth: objective.real_target works with "
            f"{smoothable}"
        )
    return loss.smoothed(config.real_target)


def build_penalties(config: ObjectiveConfig) -> tuple[Penalty, ...]:
    """The penalties that `config.penalty` names, such as 'none', 'r1' or 'r1+r2'."""
    if config.penalty == "none":
        return ()
    names = [name.strip() for name in config.penalty.split("+")]
    if len(set(names)) < len(names):
        raise ConfigError(f"penalty '{config.penalty}' names one twice")
    return tuple(PENALTIES[name] for name in names)
