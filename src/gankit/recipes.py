"""Recipes: one function per default job or published result, each returning a complete Config.

`configure(family, source)` picks the one that fits what the user named; flags change it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gankit.config import (
    Config,
    DataConfig,
    LatentConfig,
    ObjectiveConfig,
    OptimizerConfig,
    StabiliserConfig,
    TrainingConfig,
)
from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.families.began import BEGANOptions
from gankit.families.cgan import CGANOptions
from gankit.families.dcgan import DCGANOptions
from gankit.families.gan import GANOptions
from gankit.families.infogan import InfoGANOptions
from gankit.families.modern import ModernOptions
from gankit.families.ssgan import SSGANOptions
from gankit.registry import Registry

RECIPES: Registry[Callable[[], Config]] = Registry("recipe")

DEFAULTS = {
    "cgan": "cgan-fast",
    "gan": "gan-fast",
    "dcgan": "dcgan-fast",
    "infogan": "infogan-fast",
    "began": "began-fast",
    "ssgan": "ssgan-fast",
    "modern": "modern-fast",
}
"""The recipe for images, by family."""


def configure(
    family: str | None = None, source: str | None = None, recipe: str | None = None
) -> Config:
    """A complete configuration: the named recipe, else the one for this family and data.

    Args:
        family: a name in `gankit list`; None: the default job's, `cgan`.
        source: a data set or folder; None: the recipe's own.
        recipe: a name in `gankit list`.

    Raises ConfigError for an unknown name, or a family that is not the recipe's.
    """
    if recipe is None:
        recipe = _recipe_for(family or "cgan", source or "digits")
    elif family not in (None, RECIPES[recipe]().family):
        raise ConfigError(
            f"recipe '{recipe}' is of family '{RECIPES[recipe]().family}', not '{family}': "
            "leave one of the two out"
        )
    config = RECIPES[recipe]()
    if family is not None and family != config.family:
        config = replace(config, family=family, network=FAMILIES[family].options())
    if source is not None:
        config = replace(config, data=replace(config.data, source=source))
    if config.data.is_arrays:  # which are taken as they are
        config = replace(config, data=replace(config.data, size=None, channels="auto"))
    return config


def _recipe_for(family: str, source: str) -> str:
    FAMILIES[family]  # an unknown family is said here, with a suggestion
    if source == "toy:gaussian1d" and family == "gan":
        return "toy-theory"
    if source.startswith("toy:"):
        return "toy-cgan" if family == "cgan" else "toy-gan"
    return DEFAULTS.get(family, "gan-fast")


def _adam(lr: float, beta1: float = 0.5, beta2: float = 0.999, **more: object) -> OptimizerConfig:
    return OptimizerConfig(lr=lr, beta1=beta1, beta2=beta2, **more)  # type: ignore[arg-type]


def _paper_sgd(decay_rate: float, lr: float = 0.1, max_norm: float = 0.0) -> OptimizerConfig:
    """The first GANs' optimiser: a rate divided by `decay_rate` a step, momentum .5 to .7.

    The same for both players, as algorithm 1 has it. Their code halves D's loss, which for SGD is
    half the rate (`--lr-d 0.05`).
    """
    return OptimizerConfig(
        name="sgd",
        lr=lr,
        max_norm=max_norm,
        momentum=0.5,
        momentum_end=0.7,
        schedule="exponential",
        decay_rate=decay_rate,
        lr_floor=1e-6,
    )


@RECIPES.register("cgan-fast", "the default job: class-conditional images in 2 minutes on a CPU")
def cgan_fast() -> Config:
    """Chosen by racing configurations on the embedded digits (results/README.md)."""
    optimizer = _adam(3e-3, 0.5, 0.99, schedule="linear", decay_from=0.4)
    return Config(
        family="cgan",
        network=CGANOptions(
            body="conv", conditioning="projection", output="tanh", classifier=(0.3, 0.3)
        ),
        latent=LatentConfig(size=64),
        objective=ObjectiveConfig(
            loss="relativistic", penalty="r1+r2", penalty_weight=0.03, penalty_interval=16
        ),
        generator=optimizer,
        discriminator=optimizer,
        training=TrainingConfig(minutes=2, batch=32, ema=0.998),
    )


@RECIPES.register("gan-fast", "perceptrons for images in 2 minutes on a CPU")
def gan_fast() -> Config:
    """Chosen by racing configurations on the embedded digits (results/README.md)."""
    optimizer = _adam(2e-3, 0.0, 0.99, schedule="linear", decay_from=0.4)
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
        generator=optimizer,
        discriminator=optimizer,
        training=TrainingConfig(minutes=2, batch=64, ema=0.998),
    )


@RECIPES.register("dcgan-fast", "the same, narrow, with hidden layers, in 2 minutes on a CPU")
def dcgan_fast() -> Config:
    """Chosen by racing configurations on the embedded digits (results/README.md). The paper has no
    hidden dense layers, its own code for MNIST has one in each player, and they help most."""
    return replace(
        dcgan_paper(),
        network=DCGANOptions(
            generator_width=32, discriminator_width=32, generator_units=256, discriminator_units=256
        ),
        generator=_adam(2e-3, schedule="linear", decay_from=0.4),
        discriminator=_adam(5e-4, schedule="linear", decay_from=0.4),
        training=TrainingConfig(minutes=2, batch=32, ema=0.998),
    )


@RECIPES.register("dcgan-paper", "DCGAN as its paper has it, at width 128 (Radford 2015)")
def dcgan_paper() -> Config:
    """On any images, for as long as a first look takes: the paper's data sets are too many."""
    return Config(
        family="dcgan",
        network=DCGANOptions(),
        latent=LatentConfig(size=100, prior="uniform"),
        generator=_adam(2e-4),
        discriminator=_adam(2e-4),
        training=TrainingConfig(steps=20_000, batch=128, ema=0.999),
    )


@RECIPES.register("dcgan-features-paper", "its network for features, 32 x 32 (Radford 2015)")
def dcgan_features_paper() -> Config:
    """Six 3x3 convolutions of 128, 128, 256, 256, 512, 512 channels, strides 1 and 2 in turn, whose
    maps pooled to 4x4 are 28,672 features; z of 256. Made for a GPU and ImageNet at 32 x 32."""
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


@RECIPES.register(
    "cdcgan-mnist-paper", "DCGAN on MNIST with the label at every layer (Radford 2015)"
)
def cdcgan_mnist_paper() -> Config:
    """[z, y] to 1024 to 128 x 7 x 7 to 64 x 14 x 14 to a sigmoid image; D the same backwards."""
    optimizer = _adam(2e-4, schedule="linear", decay_from=0.5)
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
        generator=optimizer,
        discriminator=optimizer,
        training=TrainingConfig(steps=93_800, batch=128),
    )


@RECIPES.register("gan-mnist-paper", "the first GAN's MNIST networks and SGD (Goodfellow 2014)")
def gan_mnist_paper() -> Config:
    """250 epochs of the full MNIST; momentum .5 to .7, the rate divided by 1.000004 a step."""
    sgd = _paper_sgd(decay_rate=1.000004)
    return Config(
        family="gan",
        data=DataConfig(source="mnist"),
        network=GANOptions(output_bias="marginals"),
        latent=LatentConfig(size=100, prior="uniform_unit"),
        generator=sgd,
        discriminator=sgd,
        training=TrainingConfig(steps=150_000, batch=100, ema=0.0),
    )


def _gan_paper(network: GANOptions, lr: float, batch: int, max_norm: float = 0.0) -> Config:
    sgd = _paper_sgd(decay_rate=1.000004, lr=lr, max_norm=max_norm)
    return replace(
        gan_mnist_paper(),
        network=network,
        latent=LatentConfig(size=100),
        generator=sgd,
        discriminator=sgd,
        training=TrainingConfig(steps=150_000, batch=batch, ema=0.0),
    )


@RECIPES.register("gan-tfd-paper", "its networks for 48 x 48 faces (Goodfellow 2014)")
def gan_tfd_paper() -> Config:
    """8000 ReLU, 8000 sigmoid, sigmoid pixels; two maxout layers of 1200 x 5; columns of at most
    1.9365, which its code has for faces alone. Made for a GPU."""
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
    """8000 ReLU, 8000 sigmoid, linear pixels; two maxout layers of 1600 x 5. Made for a GPU.

    Its code has pixels of another scale (global contrast normalisation to 55) and so starts G's
    last layer ten times wider."""
    network = GANOptions(
        generator_hidden=(8000, 8000),
        generator_activations=("relu", "sigmoid"),
        discriminator_hidden=(1600, 1600),
        output="linear",
    )
    config = _gan_paper(network, 0.025, 100)
    return replace(config, data=DataConfig(source="./cifar10", size=(32, 32)))


@RECIPES.register(
    "gan-cifar-conv-paper", "its convolutional networks for CIFAR-10 (Goodfellow 2014)"
)
def gan_cifar_conv_paper() -> Config:
    """8000 ReLU, sigmoid 80 x 10 x 10, one transposed convolution; three maxout convolutions and
    a maxout layer of 500 x 5. Made for a GPU."""
    network = GANOptions(
        body="conv",
        generator_hidden=(8000, 80),
        discriminator_hidden=(500,),
        output="linear",
    )
    config = _gan_paper(network, 0.004, 128)
    return replace(config, data=DataConfig(source="./cifar10", size=(32, 32)))


@RECIPES.register(
    "cgan-mnist-paper", "the first conditional GAN's MNIST networks and SGD (Mirza 2014)"
)
def cgan_mnist_paper() -> Config:
    """The rate divided by 1.00004 a step down to 1e-6, momentum .5 to .7, dropout in both players.

    The paper is silent on the rest. Starting weights and G's output bias are the first GAN's, the
    limit of column norms that of its faces; G's dropout stays when sampling, since without it
    every class is one image. There is no early stopping on a validation likelihood.
    """
    sgd = _paper_sgd(decay_rate=1.00004, max_norm=1.9365)
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
        generator=sgd,
        discriminator=sgd,
        training=TrainingConfig(steps=150_000, batch=100, ema=0.0),
    )


@RECIPES.register("cgan-tagging-paper", "word vectors for images, from arrays (Mirza 2014)")
def cgan_tagging_paper() -> Config:
    """Section 4.2: noise to 500, features to 2000, a word vector; 500 and 1200 to maxout 1000 x 3.
    The arrays are `points` (word vectors) and `conditions` (image features) of an .npz file."""
    sgd = _paper_sgd(decay_rate=1.00004)
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
        generator=sgd,
        discriminator=sgd,
        training=TrainingConfig(steps=50_000, batch=100, ema=0.0),
    )


@RECIPES.register("infogan-fast", "the same codes and networks, narrow, in 2 minutes on a CPU")
def infogan_fast() -> Config:
    """Chosen by racing configurations on the embedded digits (results/README.md)."""
    return replace(
        infogan_mnist_paper(),
        data=DataConfig(),
        network=InfoGANOptions(generator_width=32, discriminator_width=32, units=256),
        generator=_adam(2e-3, schedule="linear", decay_from=0.4),
        discriminator=_adam(5e-4, schedule="linear", decay_from=0.4),
        training=TrainingConfig(minutes=2, batch=32, ema=0.998),
    )


@RECIPES.register("infogan-mnist-paper", "digits by codes that nobody labelled (Chen 2016)")
def infogan_mnist_paper() -> Config:
    """62 noise, ten categories and two continuous codes; rates 2e-4 of D and 1e-3 of G; 50 epochs
    of 100 iterations."""
    return Config(
        family="infogan",
        data=DataConfig(source="mnist"),
        network=InfoGANOptions(),
        latent=LatentConfig(size=62, prior="uniform"),
        generator=_adam(1e-3),
        discriminator=_adam(2e-4),
        training=TrainingConfig(steps=5_000, batch=128, ema=0.99),
    )


def _infogan_paper(codes: tuple[str, ...], noise: int, source: str) -> Config:
    """The paper's codes, noise, rates and networks for colour (appendix C.2, which C.3 shares)."""
    return replace(
        infogan_mnist_paper(),
        data=DataConfig(source=source, size=(32, 32)),
        network=InfoGANOptions(
            codes=codes,
            generator_channels=(448, 256, 128, 64),
            discriminator_channels=(64, 128, 256),
            normalised=2,
            units=0,
            output="tanh",
        ),
        latent=LatentConfig(size=noise, prior="uniform"),
        training=TrainingConfig(steps=50_000, batch=128, ema=0.999),
    )


@RECIPES.register("infogan-svhn-paper", "its codes for street numbers (Chen 2016)")
def infogan_svhn_paper() -> Config:
    """Four codes of ten categories, four continuous ones, 124 noise. Made for a GPU."""
    return _infogan_paper(("10",) * 4 + ("c",) * 4, 124, "./svhn")


@RECIPES.register("infogan-celeba-paper", "its codes for faces (Chen 2016)")
def infogan_celeba_paper() -> Config:
    """Ten codes of ten categories, 128 noise. Made for a GPU."""
    return _infogan_paper(("10",) * 10, 128, "./celeba")


@RECIPES.register(
    "began-paper", "the boundary equilibrium GAN at its paper's size (Berthelot 2017)"
)
def began_paper() -> Config:
    """n = 128, batch 16, Adam 1e-4 whose rate is halved when M stalls. Made for a GPU."""
    return Config(
        family="began",
        data=DataConfig(source="./celeba", size=(64, 64)),
        network=BEGANOptions(patience=4_000),
        latent=LatentConfig(size=64, prior="uniform"),
        objective=ObjectiveConfig(loss="wasserstein"),
        generator=_adam(1e-4),
        discriminator=_adam(1e-4),
        training=TrainingConfig(steps=200_000, batch=16),
    )


@RECIPES.register("began-fast", "the same, narrow enough for a CPU")
def began_fast() -> Config:
    """Chosen by racing configurations on the embedded digits (results/README.md): with a code of
    32 numbers an image that is no digit is hard to reconstruct, and a k that moves twenty times
    as fast finds its balance within the run."""
    optimizer = _adam(1e-3, schedule="linear", decay_from=0.4)
    return replace(
        began_paper(),
        data=DataConfig(),
        network=BEGANOptions(width=16, embedded=32, gamma=1.0, lambda_k=0.02),
        latent=LatentConfig(size=32, prior="uniform"),
        generator=optimizer,
        discriminator=optimizer,
        training=TrainingConfig(minutes=5, batch=16),
    )


@RECIPES.register("ssgan-fast", "a classifier from ten labels a class, in 5 minutes on a CPU")
def ssgan_fast() -> Config:
    """The paper's recipe on any images, for so long. Rates that fall and a shorter average gained
    nothing on the embedded digits (results/README.md)."""
    return replace(
        ssgan_mnist_paper(),
        data=DataConfig(labels_per_class=10),
        training=TrainingConfig(minutes=5, batch=100, ema=0.9999),
    )


@RECIPES.register("ssgan-mnist-paper", "100 labels of MNIST (Salimans 2016)")
def ssgan_mnist_paper() -> Config:
    """Ten labels a class, feature matching, Adam 3e-3 with beta1 0.5, 300 epochs of batches of
    100."""
    return Config(
        family="ssgan",
        data=DataConfig(source="mnist", labels_per_class=10),
        network=SSGANOptions(),
        latent=LatentConfig(size=100, prior="uniform01"),
        stabilise=StabiliserConfig(matching="l2"),
        generator=_adam(3e-3),
        discriminator=_adam(3e-3),
        training=TrainingConfig(steps=180_000, batch=100, ema=0.9999),
    )


def _ssgan_conv_paper(width: int, data: DataConfig, steps: int) -> Config:
    """Adam 3e-4 that falls to 0 over the last third, mean absolute difference of features."""
    optimizer = _adam(3e-4, schedule="linear", decay_from=2 / 3)
    return replace(
        ssgan_mnist_paper(),
        data=data,
        network=SSGANOptions(body="conv", discriminator_width=width),
        stabilise=StabiliserConfig(matching="l1"),
        generator=optimizer,
        discriminator=optimizer,
        training=TrainingConfig(steps=steps, batch=100, ema=0.9999),
    )


@RECIPES.register("ssgan-cifar-paper", "nine convolutions, 400 labels a class (Salimans 2016)")
def ssgan_cifar_paper() -> Config:
    """1,200 epochs of CIFAR-10. Made for a GPU."""
    data = DataConfig(source="./cifar10", size=(32, 32), labels_per_class=400)
    return _ssgan_conv_paper(96, data, 600_000)


@RECIPES.register("ssgan-svhn-paper", "the same for street numbers, 100 labels a class")
def ssgan_svhn_paper() -> Config:
    """900 epochs of SVHN, two thirds of the channels. Made for a GPU."""
    data = DataConfig(source="./svhn", size=(32, 32), labels_per_class=100)
    return _ssgan_conv_paper(64, data, 658_800)


@RECIPES.register("modern-fast", "residual networks, relativistic pairs, R1 and R2 (R3GAN 2025)")
def modern_fast() -> Config:
    """With a penalty of a tenth of this and less, G was seen to ignore its noise."""
    optimizer = _adam(1e-3, 0.0, 0.99, schedule="linear", decay_from=0.4)
    return Config(
        family="modern",
        network=ModernOptions(generator_width=16, discriminator_width=16),
        latent=LatentConfig(size=64),
        objective=ObjectiveConfig(
            loss="relativistic", penalty="r1+r2", penalty_weight=5.0, penalty_interval=4
        ),
        generator=optimizer,
        discriminator=optimizer,
        training=TrainingConfig(minutes=5, batch=32, ema=0.998),
    )


def _toy(family: str, network: object) -> Config:
    """A high rate that falls to 0 makes G steep between the modes and then exact within them;
    R1 alone leaves D its slope on the way between two modes, which R2 would flatten."""
    optimizer = _adam(1e-2, 0.0, 0.99, schedule="linear", decay_from=0.2)
    return Config(
        family=family,
        data=DataConfig(source="toy:ring8"),
        network=network,
        latent=LatentConfig(size=4),
        objective=ObjectiveConfig(
            loss="relativistic", penalty="r1", penalty_weight=0.02, penalty_interval=4
        ),
        generator=optimizer,
        discriminator=optimizer,
        training=TrainingConfig(steps=4000, batch=128, ema=0.995),
    )


@RECIPES.register("toy-gan", "points in the plane; finds every mode of the ring")
def toy_gan() -> Config:
    return _toy(
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
    """A number from a number, with enough D steps that D stays near its best."""
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
        generator=_adam(1e-3, schedule="linear", decay_from=0.5),
        discriminator=_adam(2e-3, schedule="linear", decay_from=0.5),
        training=TrainingConfig(steps=2500, batch=512, ema=0.0),
    )


@RECIPES.register("toy-cgan", "the same with the mode as the label")
def toy_cgan() -> Config:
    return _toy(
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
