"""Deep convolutional GAN (Radford, Metz & Chintala 2015, arXiv 1511.06434)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import nn

from gankit.bibliography import RADFORD_2015
from gankit.errors import ConfigError
from gankit.game import Game, register_family
from gankit.game_types import Task
from gankit.nn.conv import ConvDiscriminator, ConvGenerator
from gankit.nn.init import init_normal
from gankit.nn.shapes import stages_for, widths_for
from gankit.recipes import RECIPES, adam, for_photographs
from gankit.search_space import Space, widths
from gankit.settings.config import Config, DataConfig, LatentConfig, TrainingConfig
from gankit.settings.schema import LAYER, check_settings, setting


@dataclass(frozen=True, kw_only=True)
class DCGANOptions:
    """Settings of the two convolutional networks; the defaults are the paper's, at width 128."""

    generator_width: int = setting(
        128, "channels before the image; doubling towards the core", least=1, most=LAYER
    )
    discriminator_width: int = setting(
        128, "channels after the first convolution", least=1, most=LAYER
    )
    stages: int | None = setting(
        None, "halvings of the image; none: until its short side is 4 to 7", least=1, most=12
    )
    most_channels: int = setting(1024, "the most channels in any layer", least=1, most=LAYER)
    generator_channels: tuple[int, ...] = setting(
        (), "channels of G from its core on, in place of its width", least=1, most=LAYER
    )
    discriminator_channels: tuple[int, ...] = setting(
        (), "channels of D from the image on, in place of its width", least=1, most=LAYER
    )
    kernel: int = setting(5, "size of the convolutions", least=1, most=64)
    discriminator_norm: Literal["batch", "none"] = setting("batch", "normalisation in D")
    first_norm: bool = setting(False, "normalise D's first convolution too; the paper does not")
    # The paper has no hidden dense layers; its code for MNIST has.
    generator_units: int = setting(
        0, "a hidden layer before G's core", off="none", least=0, most=LAYER
    )
    discriminator_units: int = setting(
        0, "a hidden layer before D's logit", off="none", least=0, most=LAYER
    )
    paired: bool = setting(False, "D has a convolution of stride 1 before each of stride 2")
    head: Literal["v1", "v2"] = setting("v1", "v1: one sigmoid; v2: a softmax over (true, fake)")
    init: float | None = setting(
        0.02, "std of the first weights; none: torch's own start", least=0, most=100
    )

    def __post_init__(self) -> None:
        check_settings(self, "network.")
        if self.first_norm and self.discriminator_norm == "none":
            raise ConfigError(
                "network.first_norm would have no effect: set network.discriminator_norm = batch",
                *("network.first_norm", "network.discriminator_norm"),
            )


def check_image_size(family: str, task: Task) -> None:
    """Raise ConfigError if the data is not images of 16 to 256 pixels a side."""
    if not task.is_images:
        raise ConfigError(
            f"the convolutions of '{family}' make images; these are {task.kind}: set "
            "network.body = mlp"
        )
    if not all(16 <= side <= 256 for side in task.shape[1:]):
        height, width = task.shape[1:]
        raise ConfigError(
            f"family '{family}' makes images of 16 to 256 pixels a side, got {height}x{width}: "
            "set data.size",
            "data.size",
        )


def check_stages(asked: int | None, task: Task) -> int:
    """Return how often the image is halved: as `asked`, or by its size if that is None.

    Raises ConfigError if nothing would be left of the image.
    """
    stages = asked or stages_for(task.shape)
    if min(task.shape[1:]) < 2**stages:
        raise ConfigError(f"network.stages = {stages} halves {task.shape[1:]} to nothing")
    return stages


@register_family("dcgan")
class DCGAN(Game):
    """Strided convolutions and batch normalisation in both players (Radford 2015).

    The game of GAN's section 3 with the architecture of this paper's section 3: no pooling,
    no hidden dense layers, batch normalisation except at G's output and D's input, ReLU in G,
    leaky ReLU 0.2 in D, tanh at the output, weights N(0, .02).
    Departs from the paper: any height and width from 16 to 256; in a step both players see the
    same minibatch (the official code alternates on different ones); no weight decay (the official
    code's 1e-5 is not in the paper: set `weight_decay` of both optimisers); G's core is normalised
    channel by channel (in the official code unit by unit); samples are drawn from averaged weights
    (in the official code from the last ones). Recipe `dcgan-fast` has a hidden dense layer in each
    player; `dcgan-photographs` has another loss, and no normalisation in D.
    """

    Options = DCGANOptions
    replays = True
    papers = (RADFORD_2015,)
    default_recipe = "dcgan-fast"
    kind_recipes: ClassVar = {"photographs": "dcgan-photographs"}
    suits: ClassVar = {"drawings": "dcgan-fast"}
    earlier = ({"generator_optimizer.lr": 2e-3},)
    kinds = ("images",)

    @classmethod
    def search_space(cls, config: Config, task: Task) -> Space:
        space = super().search_space(config, task)
        if config.network.generator_channels or config.network.discriminator_channels:
            return space
        return {**space, **widths(config, "network.generator_width", "network.discriminator_width")}

    def build_generator(self) -> nn.Module:
        check_image_size(self.config.family, self.task)
        o = self.options
        widths = self._widths(o.generator_channels[::-1], o.generator_width)[::-1]
        network = ConvGenerator(
            self.config.latent.size,
            self.task.shape,
            widths,
            o.kernel,
            nn.BatchNorm2d,
            units=o.generator_units,
        )
        if o.init:
            init_normal(network, o.init)
        return network

    def build_discriminator(self) -> nn.Module:
        o = self.options
        network = ConvDiscriminator(
            self.task.shape,
            self._widths(o.discriminator_channels, o.discriminator_width),
            o.kernel,
            nn.BatchNorm2d if o.discriminator_norm == "batch" else None,
            o.discriminator_units,
            o.head,
            paired=o.paired,
            first_norm=o.first_norm,
        )
        if o.init:
            init_normal(network, o.init)
        return network

    def _widths(self, channels: tuple[int, ...], base: int) -> list[int]:
        """Return the channels from the image on: `channels` if given, else doubling from `base`."""
        stages = check_stages(len(channels) or self.options.stages, self.task)
        return list(channels) or widths_for(base, stages, self.options.most_channels)


@RECIPES.register("dcgan-fast", "the same, narrow, with hidden layers, in 2 minutes on a CPU")
def dcgan_fast() -> Config:
    """Chosen by racing configurations on the embedded digits (results/README.md).

    The paper has no hidden dense layers, but its code for MNIST has one in each player; they help
    most. With twice this rate of G, one seed of three collapsed.
    """
    return replace(
        dcgan_paper(),
        network=DCGANOptions(
            generator_width=32, discriminator_width=32, generator_units=256, discriminator_units=256
        ),
        generator_optimizer=adam(1e-3, schedule="linear", decay_from=0.4),
        discriminator_optimizer=adam(5e-4, schedule="linear", decay_from=0.4),
        training=TrainingConfig(minutes=2, batch=32, ema=0.998),
    )


@RECIPES.register("dcgan-photographs", "narrow, for photographs, in 10 minutes on a CPU")
def dcgan_photographs() -> Config:
    """Relativistic pairs, R1 and R2, no normalisation in D, no hidden layers (results/README.md).

    On photographs `dcgan-fast` drew one grey picture from its first steps on. This recipe left that
    within 160 steps at 32 x 32, and at 64 x 64 between 120 and 1,015.
    """
    return for_photographs(
        dcgan_paper(),
        DCGANOptions(generator_width=32, discriminator_width=32, discriminator_norm="none"),
    )


@RECIPES.register("dcgan-paper", "DCGAN as its paper has it, at width 128 (Radford 2015)")
def dcgan_paper() -> Config:
    """The paper's settings for any images, with a budget for a first look.

    The paper trains on too many data sets to name one here.
    """
    return Config(
        family="dcgan",
        network=DCGANOptions(),
        latent=LatentConfig(size=100, prior="uniform"),
        generator_optimizer=adam(2e-4),
        discriminator_optimizer=adam(2e-4),
        training=TrainingConfig(steps=20_000, batch=128, ema=0.999),
    )


@RECIPES.register("dcgan-features-paper", "its network for features, 32 x 32 (Radford 2015)")
def dcgan_features_paper() -> Config:
    """Six 3x3 convolutions of 128, 128, 256, 256, 512, 512 channels, strides 1 and 2 in turn.

    Their maps, pooled to 4x4, are 28,672 features; z has 256 numbers. Made for a GPU and for
    ImageNet at 32 x 32.
    """
    return replace(
        dcgan_paper(),
        data=DataConfig(source="./imagenet", size=(32, 32)),
        network=DCGANOptions(stages=3, kernel=3, paired=True),
        latent=LatentConfig(size=256, prior="uniform"),
    )


@RECIPES.register("dcgan-svhn-paper", "its network for street numbers, 32 x 32 (Radford 2015)")
def dcgan_svhn_paper() -> Config:
    """Three 5x5 convolutions of stride 2 with 64, 128, 256 channels. Made for a GPU."""
    return replace(
        dcgan_paper(),
        data=DataConfig(source="./svhn", size=(32, 32)),
        network=DCGANOptions(stages=3, generator_width=64, discriminator_width=64),
    )
