"""Conditional GAN: both players see the label (Mirza & Osindero 2014, arXiv 1411.1784)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.bibliography import MIRZA_2014
from gankit.errors import ConfigError
from gankit.families.dcgan import check_image_size, check_stages
from gankit.game import Game, register_family
from gankit.game_types import Answer, Batch, Latent, Task, Terms
from gankit.nn.conv import ConvDiscriminator, ConvGenerator
from gankit.nn.init import init_normal, init_uniform
from gankit.nn.layers import ConditionalBatchNorm2d, DrawnDropout, Maxout, OneHot, label_map
from gankit.nn.mlp import MLPDiscriminator, MLPGenerator
from gankit.nn.shapes import Output, widths_for
from gankit.recipes import RECIPES, adam, for_photographs, paper_sgd, toy
from gankit.search_space import Space, widths
from gankit.settings.config import Config, DataConfig, LatentConfig, ObjectiveConfig, TrainingConfig
from gankit.settings.schema import LAYER, check_settings, setting, why_mlp_alone


@dataclass(frozen=True, kw_only=True)
class CGANOptions:
    """Settings of the networks, which `body` and `conditioning` choose.

    - `branches` (mlp): the paper's networks: noise, image and label first pass a layer each
    - `concat`: the raw one-hot label follows the noise, and follows (mlp) or overlies (conv) the
      image
    - `embedding`: the same with a learned code of the label
    - `layers` (conv): the one-hot label joins every layer of both, as in DCGAN's code for MNIST
    - `projection`: batch normalisation by label in G (conv), projection in D (arXiv 1802.05637)
    """

    body: Literal["mlp", "conv"] = setting("mlp", "perceptrons, or convolutional networks")
    conditioning: Literal["branches", "concat", "embedding", "layers", "projection"] = setting(
        "branches", "how G and D get the label"
    )
    embedding: int = setting(32, "size of the label's learned code", least=1, most=LAYER)
    output: Literal["sigmoid", "tanh"] = setting("sigmoid", "last activation of G, for images")
    generator_hidden: tuple[int, ...] = setting(
        (1200,), "mlp: units of G's hidden layers", least=1, most=LAYER
    )
    discriminator_hidden: tuple[int, ...] = setting(
        (240,), "mlp: units of D's hidden layers", least=1, most=LAYER
    )
    generator_branches: tuple[int, int] = setting(
        (200, 1000), "mlp: units of G's branches, for the noise and the label", least=1, most=LAYER
    )
    discriminator_branches: tuple[int, int] = setting(
        (240, 50), "mlp: units of D's branches, for the image and the label", least=1, most=LAYER
    )
    pieces: tuple[int, int] = setting(
        (5, 4), "mlp: pieces of maxout in D's branches and after they join", off="(leaky) ReLU",
        least=0, most=1000,
    )  # fmt: skip
    dropout: tuple[float, float] = setting(
        (0.2, 0.5), "mlp: in D, on the pixels and on every other input", least=0, below=1
    )
    generator_dropout: float = setting(
        0.0, "mlp: of G's hidden units, as noise: it stays when sampling", least=0, below=1
    )
    generator_width: int = setting(32, "conv: channels of G before the image", least=1, most=LAYER)
    generator_units: int = setting(
        0, "conv: a hidden layer before G's core", off="none", least=0, most=LAYER
    )
    discriminator_width: int = setting(
        32, "conv: channels after D's first convolution", least=1, most=LAYER
    )
    stages: int | None = setting(
        None, "conv: halvings of the image; none: by its size", least=1, most=12
    )
    most_channels: int = setting(1024, "conv: the most channels in any layer", least=1, most=LAYER)
    kernel: int = setting(4, "conv: size of the convolutions", least=1, most=64)
    discriminator_norm: Literal["batch", "none"] = setting("none", "conv: normalisation in D")
    discriminator_units: int = setting(
        128, "conv: a hidden layer before D's logit", off="none", least=0, most=LAYER
    )
    init: float | None = setting(
        None, "conv: std of the first weights; none: torch's own start", least=0, most=100
    )
    mlp_init: tuple[float, float] | None = setting(
        None, "mlp: G and D start at U(-a, a); none: torch's own start", least=0, most=100
    )
    output_bias: Literal["zero", "marginals"] = setting(
        "zero", "mlp: marginals: G starts at the mean image"
    )
    classifier: tuple[float, float] = setting(
        (0.0, 0.0), "D also names the class (arXiv 1610.09585): weight for D and for G", off="none",
        least=0, most=10**6,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_settings(self, "network.")


class BranchedGenerator(nn.Module):
    """The paper's generator: noise and label each pass a layer before they are joined.

    Section 4.1: noise -> 200 ReLU, label -> 1000 ReLU, joined -> 1200 ReLU -> sigmoid image.
    With dropout, the noise is followed by one number from U(0, 1) for each hidden unit, which
    decides whether the unit is dropped.
    """

    def __init__(
        self,
        noise: int,
        task: Task,
        branches: tuple[int, int],
        hidden: tuple[int, ...],
        output: Output,
        dropout: float,
    ) -> None:
        super().__init__()
        shape = task.shape
        self.drawn = [noise, *([sum(branches), sum(hidden)] if dropout else [])]
        self.dropout = DrawnDropout(dropout)
        self.noise = nn.Linear(noise, branches[0])
        self.label = label_map(task.classes, task.condition, branches[1])
        self.joint = MLPGenerator(sum(branches), shape, hidden, output, dropout=dropout)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        noise, *chances = torch.split(noise, self.drawn, 1)
        joined = torch.cat([self.noise(noise), self.label(labels)], 1).relu()
        if chances:
            joined = torch.cat([self.dropout(joined, chances[0]), chances[1]], 1)
        image: Tensor = self.joint(joined)
        return image


class BranchedDiscriminator(nn.Module):
    """The paper's discriminator: example and label each pass a layer before they are joined.

    Section 4.1: image -> maxout 240x5, label -> maxout 50x5, joined -> maxout 240x4 -> logit.
    Section 4.2: word vector -> 500 ReLU, features -> 1200 ReLU, joined -> maxout 1000x3 -> logit.
    """

    def __init__(
        self,
        task: Task,
        branches: tuple[int, int],
        hidden: tuple[int, ...],
        pieces: tuple[int, int],
        dropout: tuple[float, float],
    ) -> None:
        super().__init__()
        self.pixel_dropout = nn.Dropout(dropout[0])
        self.image = _branch(int(torch.Size(task.shape).numel()), branches[0], pieces[0])
        self.label = _branch(task.classes or task.condition, branches[1], pieces[0])
        self.one_hot = OneHot(task.classes) if task.classes else nn.Identity()
        self.joint = MLPDiscriminator((sum(branches),), hidden, pieces[1], (dropout[1], dropout[1]))

    def forward(self, examples: Tensor, labels: Tensor) -> Tensor:
        flat = self.pixel_dropout(examples.flatten(1))
        label = self.label(self.one_hot(labels).to(flat.dtype))
        logits: Tensor = self.joint(torch.cat([self.image(flat), label], 1))
        return logits


def _branch(inputs: int, units: int, pieces: int) -> nn.Module:
    """Return a maxout layer, or a ReLU layer if `pieces` is 0."""
    if pieces:
        return Maxout(inputs, units, pieces)
    return nn.Sequential(nn.Linear(inputs, units), nn.ReLU())


@register_family("cgan")
class CGAN(Game):
    """Conditional: both players see the label, so a class can be asked for (Mirza 2014).

    Equation 2: min_G max_D E[log D(x|y)] + E[log(1 - D(G(z|y)))].
    Departs from the paper: Adam in place of SGD with momentum, and no dropout in G (recipe
    `cgan-mnist-paper` restores both); the paper's networks are one choice among those of
    `network.body` and `network.conditioning` (`CGANOptions`). G's layer of a label that is a
    vector has no bias (a class needs none: its code is a bias).
    """

    Options = CGANOptions
    replays = True
    papers = (MIRZA_2014,)
    default_recipe = "cgan-fast"
    earlier = (
        {
            "generator_optimizer.lr": 3e-3,
            "discriminator_optimizer.lr": 3e-3,
            "objective.penalty_weight": 0.03,
        },
    )
    points_recipe = "toy-cgan"
    kind_recipes: ClassVar = {"photographs": "cgan-photographs"}
    suits: ClassVar = {"labelled drawings": "cgan-fast", "labelled points": "toy-cgan"}
    conditional = True
    takes_vectors = True

    @property
    def value_range(self) -> tuple[float, float] | None:
        if not self.task.is_images:
            return None
        return (0.0, 1.0) if self.options.output == "sigmoid" else (-1.0, 1.0)

    @property
    def output(self) -> Output:
        """G's last activation; "linear" for points, which have no range."""
        output: Output = self.options.output if self.task.is_images else "linear"
        return output

    @classmethod
    def search_space(cls, config: Config, task: Task) -> Space:
        usual = super().search_space(config, task)
        if config.network.body != "conv":
            return usual
        return {**usual, **widths(config, "network.generator_width", "network.discriminator_width")}

    def build_generator(self) -> nn.Module:
        self.meets = self.options.output_bias == "marginals"
        o, classes, noise = self.options, self.task.classes, self.config.latent.size
        if o.body == "mlp":
            if o.conditioning == "layers":
                raise ConfigError("network.conditioning = 'layers' is the conv body's")
            if self.classifies:
                raise ConfigError("network.classifier is the conv body's: set network.body = conv")
            perceptron = self._mlp_generator(noise)
            self.latent_size = sum(perceptron.drawn)
            return self._start_mlp(perceptron, 0)
        check_image_size(self.config.family, self.task)
        if o.conditioning == "branches":
            raise ConfigError(
                "network.conditioning = 'branches' is the mlp's; conv takes the others"
            )
        stages = check_stages(o.stages, self.task)
        code, code_size = self._label_code()
        network = ConvGenerator(
            noise,
            self.task.shape,
            widths_for(o.generator_width, stages, o.most_channels)[::-1],
            o.kernel,
            partial(ConditionalBatchNorm2d, classes=classes, condition=self.task.condition)
            if o.conditioning == "projection"
            else nn.BatchNorm2d,
            self.output,
            code,
            code_size,
            units=o.generator_units,
            code_everywhere=o.conditioning == "layers",
        )
        return self._start(network)

    def why_not_trained(self) -> str | None:
        return why_mlp_alone(self.options, "generator_dropout", "output_bias")

    def build_discriminator(self) -> nn.Module:
        o = self.options
        self.only_logits = not self.classifies
        if o.body == "mlp":
            return self._start_mlp(self._mlp_discriminator(), 1)
        stages = check_stages(o.stages, self.task)
        code, code_size = self._label_code()
        network = ConvDiscriminator(
            self.task.shape,
            widths_for(o.discriminator_width, stages, o.most_channels),
            o.kernel,
            nn.BatchNorm2d if o.discriminator_norm == "batch" else None,
            o.discriminator_units,
            label_code=code,
            code_size=code_size,
            projection=self.task.classes if o.conditioning == "projection" else 0,
            projected=self.task.condition if o.conditioning == "projection" else 0,
            classifier=self.task.classes if self.classifies else 0,
            code_everywhere=o.conditioning == "layers",
        )
        return self._start(network)

    @property
    def classifies(self) -> bool:
        """Whether D has a second head that names the class.

        There is none if labels are vectors, which have no names, or if D is the user's own.
        """
        own = bool(self.own_networks)
        return any(self.options.classifier) and self.task.classes > 0 and not own

    def latent(self, count: int, labels: Tensor | None, rng: np.random.Generator) -> Latent:
        """Draw the noise z, and after it the numbers from U(0, 1) that G's dropout is decided by.

        They are "noise at intermediate layers", which the theory permits (arXiv 1406.2661, section
        5).
        """
        latent = super().latent(count, labels, rng)
        masks = self.latent_size - self.config.latent.size
        if not masks:
            return latent
        chances = torch.from_numpy(rng.random((count, masks), np.float32))
        return replace(latent, noise=torch.cat([latent.noise, chances], 1))

    def logits_of(self, answer: Answer) -> Tensor:
        return answer.output[:, 0] if self.classifies else answer.output

    def discriminator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        terms = super().discriminator_objective(real, fake, batch)
        return terms.with_terms(self._named(real, batch, self.options.classifier[0]))

    def generator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        terms = super().generator_objective(real, fake, batch)
        return terms.with_terms(self._named(fake, batch, self.options.classifier[1]))

    def _named(self, answer: Answer, batch: Batch, weight: float) -> Terms:
        """Return the weighted cross-entropy of D's second head against the class asked for."""
        if not self.classifies:
            return Terms({})
        assert batch.labels is not None
        return Terms({"class": weight * F.cross_entropy(answer.output[:, 1:], batch.labels)})

    def _mlp_generator(self, noise: int) -> BranchedGenerator | MLPGenerator:
        o, shape = self.options, self.task.shape
        if o.conditioning == "branches":
            return BranchedGenerator(
                noise,
                self.task,
                o.generator_branches,
                o.generator_hidden,
                self.output,
                o.generator_dropout,
            )
        code, code_size = self._label_code(projection_too=True)
        return MLPGenerator(
            noise,
            shape,
            o.generator_hidden,
            self.output,
            code,
            code_size,
            dropout=o.generator_dropout,
        )

    def _mlp_discriminator(self) -> nn.Module:
        o, task = self.options, self.task
        if o.conditioning == "branches":
            return BranchedDiscriminator(
                task, o.discriminator_branches, o.discriminator_hidden, o.pieces, o.dropout
            )
        code, code_size = self._label_code()
        projects = o.conditioning == "projection"
        return MLPDiscriminator(
            task.shape,
            o.discriminator_hidden,
            o.pieces[1],
            o.dropout,
            code,
            code_size,
            task.classes if projects else 0,
            task.condition if projects else 0,
        )

    def _label_code(self, projection_too: bool = False) -> tuple[nn.Module | None, int]:
        """Return the module that codes the label beside noise or image, and the code's size.

        A perceptron has no normalisation to condition, so its G takes a learned code under
        `projection` too.
        """
        o, classes, condition = self.options, self.task.classes, self.task.condition
        if o.conditioning in ("concat", "layers"):
            return (OneHot(classes), classes) if classes else (nn.Identity(), condition)
        if o.conditioning == "embedding" or projection_too:
            return label_map(classes, condition, o.embedding), o.embedding
        return None, 0

    def _start(self, network: nn.Module) -> nn.Module:
        if self.options.init:
            init_normal(network, self.options.init)
        return network

    def meet(self, examples: Tensor, labels: Tensor | None) -> None:
        joint = getattr(self.generator, "joint", self.generator)
        if self.options.output_bias == "marginals" and isinstance(joint, MLPGenerator):
            joint.start_at_mean(examples, self.value_range)

    def _start_mlp(self, network: nn.Module, player: int) -> nn.Module:
        if self.options.mlp_init:
            init_uniform(network, self.options.mlp_init[player])
        return network


@RECIPES.register("cgan-fast", "the default job: class-conditional images in 2 minutes on a CPU")
def cgan_fast() -> Config:
    """Chosen by racing configurations on digits, its rates on Fashion-MNIST (results/README.md)."""
    falling = partial(adam, beta1=0.5, beta2=0.99, schedule="linear", decay_from=0.4)
    return Config(
        family="cgan",
        network=CGANOptions(
            body="conv", conditioning="projection", output="tanh", classifier=(0.3, 0.3)
        ),
        latent=LatentConfig(size=64),
        objective=ObjectiveConfig(
            loss="relativistic", penalty="r1+r2", penalty_weight=0.0211, penalty_interval=16
        ),
        generator_optimizer=falling(9.27e-3),
        discriminator_optimizer=falling(8e-4),
        training=TrainingConfig(minutes=2, batch=32, ema=0.998),
    )


@RECIPES.register("cgan-photographs", "classes of photographs, in 10 minutes on a CPU")
def cgan_photographs() -> Config:
    """A third of the rate for digits, three times the penalty, no hidden layer in D.

    On photographs `cgan-fast` drew lattices (results/README.md).
    """
    return for_photographs(cgan_fast(), replace(cgan_fast().network, discriminator_units=0))


@RECIPES.register(
    "cdcgan-mnist-paper", "DCGAN on MNIST with the label at every layer (Radford 2015)"
)
def cdcgan_mnist_paper() -> Config:
    """G: [z, y] -> 1024 -> 128 x 7 x 7 -> 64 x 14 x 14 -> sigmoid image; D: the same backwards.

    As in the authors' code for MNIST, there is a weight decay of 2.5e-5, each player moves 39,000
    times (their 200 epochs of 50,000 images, in which the two take turns), the rate falls over the
    second half of them, and samples are drawn from the last weights.

    Departs from that code, which has no biases at all and no gains in its batch normalisation, and
    normalises each unit of G's core, not each channel. Here both players see the same minibatch in
    a step.
    """
    optimizer = adam(
        2e-4, schedule="linear", decay_from=0.5, schedule_steps=39_000, weight_decay=2.5e-5
    )
    return Config(
        family="cgan",
        data=DataConfig(source="mnist"),
        network=CGANOptions(
            body="conv",
            conditioning="layers",
            kernel=5,
            generator_width=64,
            generator_units=1024,
            discriminator_width=64,
            discriminator_norm="batch",
            discriminator_units=1024,
            init=0.02,
        ),
        latent=LatentConfig(size=100, prior="uniform"),
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        training=TrainingConfig(steps=39_000, batch=128, ema=0.0),
    )


@RECIPES.register(
    "cgan-mnist-paper", "the first conditional GAN's MNIST networks and SGD (Mirza 2014)"
)
def cgan_mnist_paper() -> Config:
    """Rate divided by 1.00004 a step down to 1e-6, momentum .5 to .7, dropout in both players.

    The paper is silent on the rest, also on the steps over which the momentum grows, which are the
    first GAN's. Initial weights and G's output bias are those of the first
    GAN, and the limit of column norms is that of its faces. G's dropout stays on when samples are
    drawn, since without it every class is one image. There is no early stopping on a validation
    likelihood.
    """
    sgd = paper_sgd(decay_rate=1.00004, max_norm=1.9365)
    return Config(
        family="cgan",
        data=DataConfig(source="mnist"),
        network=CGANOptions(
            dropout=(0.5, 0.5),
            generator_dropout=0.5,
            mlp_init=(0.05, 0.005),
            output_bias="marginals",
        ),
        latent=LatentConfig(size=100, prior="uniform01"),
        generator_optimizer=sgd,
        discriminator_optimizer=sgd,
        training=TrainingConfig(steps=150_000, batch=100, ema=0.0),
    )


@RECIPES.register("cgan-tagging-paper", "word vectors for images, from arrays (Mirza 2014)")
def cgan_tagging_paper() -> Config:
    """Section 4.2: word vectors from image features, by networks with branches.

    G: noise -> 500, features -> 2000, joined -> a word vector. D: word vector -> 500, features ->
    1200, joined -> maxout 1000 x 3. The data are the arrays `points` (word vectors) and
    `conditions` (image features) of an .npz file. G's layer of 2000 units has no bias; the paper
    does not say whether its own has.
    """
    sgd = paper_sgd(decay_rate=1.00004)
    return Config(
        family="cgan",
        data=DataConfig(source="./tags.npz"),
        network=CGANOptions(
            generator_branches=(500, 2000),
            generator_hidden=(),
            discriminator_branches=(500, 1200),
            discriminator_hidden=(1000,),
            pieces=(0, 3),
            dropout=(0.5, 0.5),
        ),
        latent=LatentConfig(size=100),
        generator_optimizer=sgd,
        discriminator_optimizer=sgd,
        training=TrainingConfig(steps=50_000, batch=100, ema=0.0),
    )


@RECIPES.register("toy-cgan", "the same with the mode as the label")
def toy_cgan() -> Config:
    return toy(
        "cgan",
        CGANOptions(
            body="mlp",
            conditioning="embedding",
            generator_hidden=(128, 128),
            discriminator_hidden=(128, 128),
            pieces=(0, 0),
            dropout=(0.0, 0.0),
        ),
    )
