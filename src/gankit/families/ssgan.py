"""Semi-supervised GAN: a classifier from few labels (Salimans et al. 2016, arXiv 1606.03498)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from gankit.bibliography import SALIMANS_2016
from gankit.errors import ConfigError
from gankit.families.dcgan import check_image_size
from gankit.game import Game, register_family
from gankit.game_types import Answer, Batch, Terms
from gankit.nn.conv import ConvGenerator
from gankit.nn.head import Head
from gankit.nn.init import init_by_data
from gankit.nn.layers import GaussianNoise
from gankit.nn.shapes import stages_for, widths_for
from gankit.randomness import Purpose, torch_seed
from gankit.recipes import RECIPES, adam
from gankit.settings.config import (
    Config,
    DataConfig,
    LatentConfig,
    StabiliserConfig,
    TrainingConfig,
)
from gankit.settings.schema import LAYER, check_settings, setting

EPS = 1e-4
"""Adam's eps in the paper's code, which takes the root of the mean squared gradient plus 1e-8.

Where gradients are small, steps are too.
"""


@dataclass(frozen=True, kw_only=True)
class SSGANOptions:
    """Settings of the networks; the defaults are those of the paper's MNIST code."""

    body: Literal["mlp", "conv"] = setting("mlp", "perceptrons, or convolutional networks")
    generator_hidden: tuple[int, ...] = setting(
        (500, 500), "mlp: units of G's hidden layers", least=1, most=LAYER
    )
    discriminator_hidden: tuple[int, ...] = setting(
        (1000, 500, 250, 250, 250), "mlp: units of D's hidden layers", least=1, most=LAYER
    )
    noise: tuple[float, float] = setting(
        (0.3, 0.5), "mlp: std at the pixels, after each hidden layer", least=0, most=1000
    )
    generator_width: int = setting(128, "conv: channels of G before the image", least=1, most=LAYER)
    discriminator_width: int = setting(
        96, "conv: channels of D's first three layers; then twice as many", least=1, most=LAYER
    )
    dropout: tuple[float, float] = setting(
        (0.2, 0.5), "conv: at the pixels, after each halving", least=0, below=1
    )
    by_code: bool = setting(
        False, "D's first norms by 500 examples, features before the last noise: the paper's code"
    )

    def __post_init__(self) -> None:
        check_settings(self, "network.")


INIT = 500
"""How many examples the first norms and biases of D are set by, as in the paper's code."""


def of_fixed_norm(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    """Let `layer` learn the direction of the weights into each output alone; return `layer`.

    Their norm is sqrt 2, with which ReLU layers keep the size of their inputs, until `init_by_data`
    sets another.
    """
    weight_norm(layer)
    norm = layer.parametrizations.weight.original0  # type: ignore[union-attr]
    nn.init.constant_(norm, 2**0.5)  # type: ignore[arg-type]
    norm.requires_grad_(False)
    return layer


class PerceptronGenerator(nn.Module):
    """Generator: softplus layers with batch normalisation, then a weight-normalised image layer."""

    def __init__(self, noise: int, shape: tuple[int, ...], hidden: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        sizes = [noise, *hidden]
        for inputs, outputs in pairwise(sizes):
            linear = nn.Linear(inputs, outputs, bias=False)
            layers += [linear, nn.BatchNorm1d(outputs), nn.Softplus()]
        last = weight_norm(nn.Linear(sizes[-1], int(torch.Size(shape).numel())))
        self.layers = nn.Sequential(*layers, last, nn.Sigmoid())
        self.shape = shape

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        flat: Tensor = self.layers(noise)
        return flat.view(-1, *self.shape)


class PerceptronClassifier(nn.Module):
    """Classifier of noisy ReLU layers with weights of fixed norm: images -> K logits."""

    def __init__(self, shape: tuple[int, ...], classes: int, o: SSGANOptions) -> None:
        super().__init__()
        sizes = [int(torch.Size(shape).numel()), *o.discriminator_hidden]
        layers: list[nn.Module] = []
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            noise = GaussianNoise(o.noise[min(i, 1)])
            layers += [noise, of_fixed_norm(nn.Linear(inputs, outputs)), nn.ReLU()]
        layers += [] if o.by_code else [GaussianNoise(o.noise[1])]
        self.layers = nn.Sequential(*layers)
        self.head = Head(sizes[-1], outputs=classes, noise=o.noise[1] if o.by_code else 0)
        weight_norm(self.head.linear)

    def forward(self, examples: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.head(self.layers(examples.flatten(1)))
        return logits


class ConvClassifier(nn.Module):
    """Classifier of the paper's code for CIFAR-10 and SVHN: nine convolutions, a mean, K logits.

    The third and the sixth convolution halve the image.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, o: SSGANOptions) -> None:
        super().__init__()
        w = o.discriminator_width
        plan = [  # kernel, stride, padding, channels; dropout comes first and after each halving
            (3, 1, 1, w), (3, 1, 1, w), (3, 2, 1, w),
            (3, 1, 1, 2 * w), (3, 1, 1, 2 * w), (3, 2, 1, 2 * w),
            (3, 1, 0, 2 * w), (1, 1, 0, 2 * w), (1, 1, 0, 2 * w),
        ]  # fmt: skip
        layers: list[nn.Module] = [nn.Dropout(o.dropout[0])]
        inputs = shape[0]
        for kernel, stride, padding, outputs in plan:
            layers += [of_fixed_norm(nn.Conv2d(inputs, outputs, kernel, stride, padding))]
            layers += [nn.LeakyReLU(0.2)]
            layers += [nn.Dropout(o.dropout[1])] if stride == 2 else []
            inputs = outputs
        self.layers = nn.Sequential(*layers)
        self.head = Head(inputs, outputs=classes)
        weight_norm(self.head.linear)

    def forward(self, examples: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.head(self.layers(examples).mean((2, 3)))
        return logits


@register_family("ssgan")
class SSGAN(Game):
    """D names the class; G's fakes teach it from unlabelled images (Salimans 2016).

    Section 5, with the fake logit fixed at 0: D(x) = Z(x) / (Z(x) + 1), Z(x) = sum_k exp l_k(x),
    so log Z is the logit. L_D = L_supervised + L_unsupervised; the latter is half of the usual
    cross-entropy, as in the paper's code. The recipes let G match features (section 3.1).
    With `network.by_code`, as in the papers' recipes, D's norms and biases are first set by 500
    examples, and features are matched before the noise that follows them, as in that code. Departs
    from it: in a step both players see the same unlabelled minibatch, and G moves on the fakes that
    D saw.
    """

    Options = SSGANOptions
    papers = (SALIMANS_2016,)
    default_recipe = "ssgan-fast"
    earlier = (
        {
            "generator_optimizer.eps": 1e-8,
            "discriminator_optimizer.eps": 1e-8,
            "network.by_code": False,
        },
    )
    kinds = ("images",)
    guided = True
    judges = True
    replays = True
    losses = ("non_saturating", "minimax")
    only_logits = False
    alternating_only = "the players of 'ssgan' do not share a pass through D"
    takes_networks = False
    adversarial_share = 0.5

    @property
    def value_range(self) -> tuple[float, float] | None:
        return (0.0, 1.0) if self.options.body == "mlp" else (-1.0, 1.0)

    def build_generator(self) -> nn.Module:
        check_image_size(self.config.family, self.task)
        o, noise, shape = self.options, self.config.latent.size, self.task.shape
        if o.body == "mlp":
            return PerceptronGenerator(noise, shape, o.generator_hidden)
        widths = widths_for(o.generator_width, stages_for(shape), 512)[::-1]
        return ConvGenerator(noise, shape, widths, 5, nn.BatchNorm2d)

    def build_discriminator(self) -> nn.Module:
        if "spectral_norm" in self.config.objective.penalty:
            raise ConfigError(
                "family 'ssgan' normalises the weights of its discriminator already: leave "
                "spectral_norm out"
            )
        self.meets = self.options.by_code
        kind = PerceptronClassifier if self.options.body == "mlp" else ConvClassifier
        return kind(self.task.shape, self.task.classes, self.options)

    def meet(self, examples: Tensor, labels: Tensor | None) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(self.config.training.seed, Purpose.MEETING, 1))
            init_by_data(self.discriminator, examples[:INIT])
        if self.options.body == "conv":  # this network's logits begin with a deviation of .1
            head = self.discriminator.get_submodule("head.linear")
            with torch.no_grad():
                head.get_parameter("parametrizations.weight.original0").mul_(0.1)
                head.get_parameter("bias").mul_(0.1)

    def logits_of(self, answer: Answer) -> Tensor:
        return answer.output.logsumexp(1)

    def discriminator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        terms = super().discriminator_objective(real, fake, batch)
        halved = terms.minimised["adversarial"] * self.adversarial_share
        return Terms({"adversarial": halved}, terms.watched)

    def discriminator_terms(self, batch: Batch, fake: Tensor) -> Terms:
        unsupervised = super().discriminator_terms(batch, fake)
        assert batch.labelled is not None
        examples, labels = batch.labelled
        scores = self.answers(examples, None).output
        right = (scores.detach().argmax(1) == labels).float().mean()
        supervised = {"class": F.cross_entropy(scores, labels)}
        return unsupervised.with_terms(Terms(supervised, {"labelled_right": right}))

    def judge(self, examples: Tensor) -> Tensor:
        """Return p(class | x, real) [N, K]: the softmax of the K logits."""
        chances: Tensor = self.discriminator(examples, None).softmax(1)
        return chances


@RECIPES.register("ssgan-fast", "a classifier from ten labels a class, in 5 minutes on a CPU")
def ssgan_fast() -> Config:
    """The paper's recipe on any images, for 5 minutes.

    Falling rates and a shorter average gained nothing on the embedded digits, and what the paper's
    code does besides lost: it pays in long runs (results/README.md).
    """
    return replace(
        ssgan_mnist_paper(),
        data=DataConfig(labels_per_class=10),
        network=SSGANOptions(),
        generator_optimizer=adam(3e-3),
        discriminator_optimizer=adam(3e-3),
        training=TrainingConfig(minutes=5, batch=100, ema=0.9999),
    )


@RECIPES.register("ssgan-mnist-paper", "100 labels of MNIST (Salimans 2016)")
def ssgan_mnist_paper() -> Config:
    """Ten labels a class, feature matching, Adam 3e-3 with beta1 .5, 300 epochs, batches of 100.

    Its code matches the mean over the 250 features, where `stabilise.matching = l2` is their sum:
    to Adam that is the same, if eps is 250 times as large.
    """
    return Config(
        family="ssgan",
        data=DataConfig(source="mnist", labels_per_class=10),
        network=SSGANOptions(by_code=True),
        latent=LatentConfig(size=100, prior="uniform01"),
        stabilise=StabiliserConfig(matching="l2"),
        generator_optimizer=adam(3e-3, eps=250 * EPS),
        discriminator_optimizer=adam(3e-3, eps=EPS),
        training=TrainingConfig(steps=180_000, batch=100, ema=0.9999),
    )


def _ssgan_conv_paper(width: int, data: DataConfig, steps: int) -> Config:
    """Return the settings that CIFAR-10 and SVHN share.

    Adam's rate is 3e-4 and falls to 0 over the last third of `steps`, whatever the budget; features
    are matched by their mean absolute difference.
    """
    optimizer = adam(3e-4, schedule="linear", decay_from=2 / 3, schedule_steps=steps, eps=EPS)
    return replace(
        ssgan_mnist_paper(),
        data=data,
        network=SSGANOptions(body="conv", discriminator_width=width, by_code=True),
        stabilise=StabiliserConfig(matching="l1"),
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        training=TrainingConfig(steps=steps, batch=100, ema=0.9999),
    )


@RECIPES.register("ssgan-cifar-paper", "nine convolutions, 400 labels a class (Salimans 2016)")
def ssgan_cifar_paper() -> Config:
    """1,200 epochs of CIFAR-10. Made for a GPU."""
    data = DataConfig(source="./cifar10", size=(32, 32), labels_per_class=400)
    return _ssgan_conv_paper(96, data, 600_000)


@RECIPES.register("ssgan-svhn-paper", "the same for street numbers, 100 labels a class")
def ssgan_svhn_paper() -> Config:
    """900 epochs of SVHN, with two thirds of the channels for CIFAR-10. Made for a GPU."""
    data = DataConfig(source="./svhn", size=(32, 32), labels_per_class=100)
    return _ssgan_conv_paper(64, data, 658_800)
