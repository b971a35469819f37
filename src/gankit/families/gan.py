"""Generative adversarial networks: the first game (Goodfellow et al. 2014, arXiv 1406.2661)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gankit.bibliography import GOODFELLOW_2014
from gankit.errors import ConfigError
from gankit.families.dcgan import check_image_size
from gankit.game import Game, register_family
from gankit.nn.head import Head
from gankit.nn.init import init_uniform
from gankit.nn.layers import Maxout, MaxoutConv
from gankit.nn.mlp import MLPDiscriminator, MLPGenerator
from gankit.nn.shapes import Activation, Output
from gankit.recipes import RECIPES, adam, paper_sgd, toy
from gankit.settings.config import Config, DataConfig, LatentConfig, ObjectiveConfig, TrainingConfig
from gankit.settings.schema import LAYER, check_settings, setting, why_mlp_alone


@dataclass(frozen=True, kw_only=True)
class GANOptions:
    """Settings of the two networks; the defaults are the paper's MNIST perceptrons."""

    body: Literal["mlp", "conv"] = setting("mlp", "perceptrons; conv: the paper's for CIFAR-10")
    generator_hidden: tuple[int, ...] = setting(
        (1200, 1200), "units of G's hidden layers", least=1, most=LAYER
    )
    generator_activations: tuple[Activation, ...] = setting(
        ("relu",), "of G's hidden layers in turn, the last one for the rest"
    )
    discriminator_hidden: tuple[int, ...] = setting(
        (240, 240), "units of D's hidden layers", least=1, most=LAYER
    )
    activation: Literal["maxout", "leaky"] = setting("maxout", "of D's hidden layers")
    pieces: int = setting(5, "pieces of maxout", least=0, most=1000)
    dropout: tuple[float, float] = setting(
        (0.2, 0.5), "in D, on the pixels and on every other input", least=0, below=1
    )
    output: Output = setting("sigmoid", "last activation of G for images; points have no range")
    output_bias: Literal["zero", "marginals"] = setting(
        "zero", "marginals: G starts at the mean image"
    )
    init: tuple[float, float] | None = setting(
        (0.05, 0.005), "G and D start at U(-a, a); none: torch's own start", least=0, most=100
    )
    core: int = setting(
        10, "conv: side of the picture that G's transposed convolution starts from",
        least=1, most=2**12,
    )  # fmt: skip
    channels: tuple[int, ...] = setting(
        (32, 32, 192), "conv: units of D's maxout convolutions", least=1, most=LAYER
    )
    kernels: tuple[int, ...] = setting(
        (8, 8, 5), "conv: sizes of D's maxout convolutions", least=1, most=64
    )
    conv_pieces: int = setting(2, "conv: pieces of maxout in D's convolutions", least=1, most=1000)

    def __post_init__(self) -> None:
        check_settings(self, "network.")
        if not self.channels or len(self.channels) != len(self.kernels):
            raise ConfigError(
                "network.channels and network.kernels: as many of one as of the other"
            )
        if (self.activation == "maxout" or self.body == "conv") and self.pieces < 1:
            raise ConfigError(f"network.pieces of maxout must be at least 1, got {self.pieces}")
        if not self.generator_activations:
            raise ConfigError("network.generator_activations: at least one is needed")
        if self.body == "conv" and not (self.generator_hidden and self.discriminator_hidden):
            raise ConfigError(
                "the conv body has a hidden layer: network.generator_hidden and "
                "network.discriminator_hidden need at least one number each"
            )


class ConvolvingGenerator(nn.Module):
    """The CIFAR-10 generator: dense layers, then a 5x5 transposed convolution of stride 3."""

    def __init__(self, noise: int, shape: tuple[int, ...], o: GANOptions, output: Output) -> None:
        super().__init__()
        *hidden, last = o.generator_hidden
        core = (last, o.core, o.core)
        self.dense = MLPGenerator(
            noise, core, hidden, "sigmoid", activations=o.generator_activations
        )
        self.up = nn.ConvTranspose2d(last, shape[0], 5, 3)
        self.size = shape[1:]
        self.output = output

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        image: Tensor = self.up(self.dense(noise))
        image = image[:, :, : self.size[0], : self.size[1]]
        return {"sigmoid": torch.sigmoid, "tanh": torch.tanh}.get(self.output, lambda x: x)(image)


class ConvolvingDiscriminator(nn.Module):
    """The CIFAR-10 discriminator: maxout convolutions, a maxout layer, a logit."""

    def __init__(self, shape: tuple[int, ...], o: GANOptions) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, height, width = shape
        for i, (units, kernel) in enumerate(zip(o.channels, o.kernels, strict=True)):
            layers += [nn.Dropout(o.dropout[0] if i == 0 else o.dropout[1])]
            layers += [MaxoutConv(inputs, units, o.conv_pieces, kernel)]
            grow = 2 * (kernel // 2) - kernel + 1  # an even kernel makes one pixel more
            height, width = ((side + grow - 1) // 2 + 1 for side in (height, width))
            inputs = units
        size = o.discriminator_hidden[-1]
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Dropout(o.dropout[1]),
            Maxout(inputs * height * width, size, o.pieces),
            nn.Dropout(o.dropout[1]),
        )
        self.head = Head(size)

    def forward(self, examples: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.head(self.layers(examples))
        return logits


@register_family("gan")
class GAN(Game):
    """The original: two perceptrons, maxout and dropout in D (Goodfellow 2014).

    Equation 1: min_G max_D E[log D(x)] + E[log(1 - D(G(z)))]. The default loss is the
    non-saturating one of section 3 (`objective.loss = "minimax"` is equation 1 itself), and
    both players move at once from one minibatch, as in the paper's own code. Proposition 1:
    for a fixed G the best D is p_data / (p_data + p_g); theorem 1: at the optimum D is 1/2 and
    the value is -log 4 (`gankit train gan toy:gaussian1d` shows both).
    Departs from the paper: Adam and torch's own initial weights by default; the recipes
    `gan-mnist-paper`, `gan-tfd-paper`, `gan-cifar-paper` and `gan-cifar-conv-paper` restore its
    SGD, its initial weights, G's output bias (MNIST, faces) and the limit of column norms (faces).
    The authors' code halves D's loss; here it is whole. What else departs is said by each recipe.
    """

    Options = GANOptions
    replays = True
    papers = (GOODFELLOW_2014,)
    default_recipe = "gan-fast"
    points_recipe = "toy-gan"
    suits: ClassVar = {"points": "toy-gan"}
    data_recipes: ClassVar = {"toy:gaussian1d": "toy-theory"}

    @property
    def value_range(self) -> tuple[float, float] | None:
        if not self.task.is_images:
            return None
        return (-1.0, 1.0) if self.options.output == "tanh" else (0.0, 1.0)

    def build_generator(self) -> nn.Module:
        self.meets = self.options.output_bias == "marginals"
        o = self.options
        output: Output = o.output if self.task.is_images else "linear"
        network: nn.Module
        if o.body == "conv":
            check_image_size(self.config.family, self.task)
            if max(self.task.shape[1:]) > (o.core - 1) * 3 + 5:
                raise ConfigError(
                    f"network.core = {o.core} makes images of {(o.core - 1) * 3 + 5} pixels a side "
                    f"at most, got {max(self.task.shape[1:])}: raise it, or lower data.size",
                    *("network.core", "data.size"),
                )
            network = ConvolvingGenerator(self.config.latent.size, self.task.shape, o, output)
        else:
            network = MLPGenerator(
                self.config.latent.size,
                self.task.shape,
                o.generator_hidden,
                output,
                activations=o.generator_activations,
            )
        if o.init:
            init_uniform(network, o.init[0])
        return network

    def why_not_trained(self) -> str | None:
        return why_mlp_alone(self.options, "output_bias")

    def build_discriminator(self) -> nn.Module:
        o = self.options
        network: nn.Module
        if o.body == "conv":
            network = ConvolvingDiscriminator(self.task.shape, o)
        else:
            network = MLPDiscriminator(
                self.task.shape,
                o.discriminator_hidden,
                o.pieces if o.activation == "maxout" else 0,
                o.dropout,
            )
        if o.init:
            init_uniform(network, o.init[1])
        return network

    def meet(self, examples: Tensor, labels: Tensor | None) -> None:
        """Set G's last bias so that it starts at the examples' mean, if `output_bias` says so."""
        o = self.options
        if o.output_bias == "marginals" and isinstance(self.generator, MLPGenerator):
            self.generator.start_at_mean(examples, self.value_range)


@RECIPES.register("gan-fast", "perceptrons for images in 2 minutes on a CPU")
def gan_fast() -> Config:
    """Chosen by racing configurations on the embedded digits (results/README.md)."""
    optimizer = adam(2e-3, 0.0, 0.99, schedule="linear", decay_from=0.4)
    return Config(
        family="gan",
        network=GANOptions(
            generator_hidden=(512, 512),
            discriminator_hidden=(512, 512),
            activation="leaky",
            dropout=(0.0, 0.0),
            init=None,
        ),
        latent=LatentConfig(size=32),
        objective=ObjectiveConfig(
            loss="relativistic", penalty="r1+r2", penalty_weight=0.1, penalty_interval=16
        ),
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        training=TrainingConfig(minutes=2, batch=64, ema=0.998),
    )


@RECIPES.register("gan-mnist-paper", "the first GAN's MNIST networks and SGD (Goodfellow 2014)")
def gan_mnist_paper() -> Config:
    """250 epochs of the full MNIST; the rate is divided by 1.000004 at each step.

    Momentum grows from .5 to .7 over 125,000 steps, the authors' 250 epochs of 50,000 images. Their
    code halves D's loss, which for SGD is half of D's rate: `--lr-d 0.05` has it. It sets no end
    to training, and keeps 10,000 images to follow the likelihood on; here all are trained on, for
    150,000 steps. Samples are drawn from the last weights; `--ema 0.999` draws them from averages.
    """
    sgd = paper_sgd(decay_rate=1.000004)
    return Config(
        family="gan",
        data=DataConfig(source="mnist"),
        network=GANOptions(output_bias="marginals"),
        latent=LatentConfig(size=100, prior="uniform_unit"),
        generator_optimizer=sgd,
        discriminator_optimizer=sgd,
        training=TrainingConfig(steps=150_000, batch=100, ema=0.0),
    )


def _gan_paper(
    network: GANOptions,
    lr: float,
    batch: int,
    max_norm: float = 0.0,
    schedule_steps: int = 125_000,
) -> Config:
    sgd = paper_sgd(1.000004, lr, max_norm, schedule_steps)
    return replace(
        gan_mnist_paper(),
        network=network,
        latent=LatentConfig(size=100),
        generator_optimizer=sgd,
        discriminator_optimizer=sgd,
        training=TrainingConfig(steps=150_000, batch=batch, ema=0.0),
    )


@RECIPES.register("gan-tfd-paper", "its networks for 48 x 48 faces (Goodfellow 2014)")
def gan_tfd_paper() -> Config:
    """G: 8000 ReLU, 8000 sigmoid, sigmoid pixels; D: two maxout layers of 1200 x 5.

    The norms of weight columns are at most 1.9365, which the paper's code has for faces alone.
    Made for a GPU.

    Departs from the authors' code, which trains in two parts: these networks for 50 epochs, with
    biases of -2 in G's second layer and 100 weights that are not 0 into each pixel; then, for 22
    epochs, two new layers (8000 ReLU, 100 sigmoid with biases of -2) that make the noise of the G
    of the first part. Here there is one part, of 150,000 steps, biases start at 0, and every
    weight starts at U(-.05, .05). The momentum has MNIST's 125,000 steps.
    """
    network = GANOptions(
        generator_hidden=(8000, 8000),
        generator_activations=("relu", "sigmoid"),
        discriminator_hidden=(1200, 1200),
        output_bias="marginals",
    )
    config = _gan_paper(network, 0.05, 100, max_norm=1.9365)
    return replace(config, data=DataConfig(source="./faces", size=(48, 48), channels="grey"))


@RECIPES.register("gan-cifar-paper", "its perceptrons for CIFAR-10 (Goodfellow 2014)")
def gan_cifar_paper() -> Config:
    """G: 8000 ReLU, 8000 sigmoid, linear pixels; D: two maxout layers of 1600 x 5.

    Made for a GPU. The paper's code has pixels of another scale (global contrast normalisation to
    55), so its initial weights of G's last layer are ten times larger. The momentum grows over
    100,000 steps, its 250 epochs of 40,000 images.
    """
    network = GANOptions(
        generator_hidden=(8000, 8000),
        generator_activations=("relu", "sigmoid"),
        discriminator_hidden=(1600, 1600),
        output="linear",
    )
    config = _gan_paper(network, 0.025, 100, schedule_steps=100_000)
    return replace(config, data=DataConfig(source="./cifar10", size=(32, 32)))


@RECIPES.register(
    "gan-cifar-conv-paper", "its convolutional networks for CIFAR-10 (Goodfellow 2014)"
)
def gan_cifar_conv_paper() -> Config:
    """G: 8000 ReLU, sigmoid 80 x 10 x 10, one transposed convolution.

    D: three maxout convolutions and a maxout layer of 500 x 5. Made for a GPU. The momentum grows
    over 78,125 steps, its 250 epochs of 40,000 images.

    Departs from the authors' code: D's convolutions are padded by 4, 4 and 2 pixels, not by 4, 3
    and 3, and pooled over 3x3 pixels, not over 4x4, 4x4 and 2x2; G's output has one bias for each
    channel, not one for each number; pixels are in [0, 1], without contrast normalisation.
    """
    network = GANOptions(
        body="conv",
        generator_hidden=(8000, 80),
        discriminator_hidden=(500,),
        output="linear",
    )
    config = _gan_paper(network, 0.004, 128, schedule_steps=78_125)
    return replace(config, data=DataConfig(source="./cifar10", size=(32, 32)))


@RECIPES.register("toy-gan", "points in the plane; finds every mode of the ring")
def toy_gan() -> Config:
    return toy(
        "gan",
        GANOptions(
            generator_hidden=(128, 128),
            discriminator_hidden=(128, 128),
            activation="leaky",
            dropout=(0.0, 0.0),
            init=(0.3, 0.3),
        ),
    )


@RECIPES.register("toy-theory", "D against the best D, p_data / (p_data + p_g) (Goodfellow 2014)")
def toy_theory() -> Config:
    """G makes one number from one number; 3 D steps for each G step keep D near its best."""
    return Config(
        family="gan",
        data=DataConfig(source="toy:gaussian1d"),
        network=GANOptions(
            generator_hidden=(32, 32),
            discriminator_hidden=(64, 64),
            activation="leaky",
            dropout=(0.0, 0.0),
            init=None,
        ),
        latent=LatentConfig(size=1, prior="uniform"),
        objective=ObjectiveConfig(loss="non_saturating", k=3),
        generator_optimizer=adam(1e-3, schedule="linear", decay_from=0.5),
        discriminator_optimizer=adam(2e-3, schedule="linear", decay_from=0.5),
        training=TrainingConfig(steps=2500, batch=512, ema=0.0),
    )
