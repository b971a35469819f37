"""InfoGAN: latent codes that mean something, without labels (Chen et al. 2016, 1606.03657)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.bibliography import CHEN_2016
from gankit.errors import ConfigError
from gankit.families.dcgan import check_image_size, check_stages
from gankit.game import Game, register_family
from gankit.game_types import Answer, Batch, Code, Latent, Symptom, Task, Terms
from gankit.nn.conv import ConvGenerator
from gankit.nn.convolutions import conv2d
from gankit.nn.head import Head
from gankit.nn.init import init_normal
from gankit.nn.shapes import widths_for
from gankit.recipes import RECIPES, adam, for_photographs
from gankit.search_space import Space, widths
from gankit.settings.config import Config, DataConfig, LatentConfig, TrainingConfig
from gankit.settings.schema import LAYER, SettingError, check_settings, setting
from gankit.text import shown


@dataclass(frozen=True, kw_only=True)
class InfoGANOptions:
    """Settings of codes and networks; the defaults are the paper's for MNIST (appendix C.1)."""

    # a number: categorical; c: continuous in [-1, 1]
    codes: tuple[str, ...] = setting(
        ("10", "c", "c"), "categories of each code, or c: 10,c,c", flag="--codes"
    )
    code_weights: tuple[float, ...] = setting(
        (1.0,), "lambda: one for all codes, or one each", least=0, most=10**6
    )
    learned_sigma: bool = setting(
        False, "learn the sigma of Q's Gaussians; false: it is 1, as in the paper's code"
    )
    generator_width: int = setting(
        64, "channels of G before the image; doubling towards the core", least=1, most=LAYER
    )
    discriminator_width: int = setting(
        64, "channels of the trunk after its first convolution; doubling", least=1, most=LAYER
    )
    stages: int | None = setting(None, "halvings of the image; none: by its size", least=1, most=12)
    most_channels: int = setting(512, "the most channels in any layer", least=1, most=LAYER)
    generator_channels: tuple[int, ...] = setting(
        (), "channels of G from its core on, in place of its width", least=1, most=LAYER
    )
    discriminator_channels: tuple[int, ...] = setting(
        (), "channels of the trunk from the image on, in place of its width", least=1, most=LAYER
    )
    normalised: int | None = setting(
        None, "how many of G's stages, from the core on; none: all", least=1, most=64
    )
    kernel: int = setting(4, "size of the convolutions", least=1, most=64)
    units: int = setting(
        1024, "units of the dense layers of G and of the trunk", off="none", least=0, most=LAYER
    )
    output: Literal["sigmoid", "tanh"] = setting("sigmoid", "last activation of G")
    posterior_units: int = setting(128, "units of Q's own layer", least=1, most=LAYER)
    slope: float = setting(0.1, "of leaky ReLU, below 0", least=0, most=1)
    init: float | None = setting(
        0.02, "std of the first weights; none: torch's own start", least=0, most=100
    )

    def __post_init__(self) -> None:
        check_settings(self, "network.")
        for code in self.codes:
            if code != "c" and not (code.isdecimal() and 2 <= int(code[:9]) <= LAYER):
                raise ConfigError(
                    f"network.codes: {shown(code)} is neither c (continuous) nor a number of "
                    f"categories from 2 to {LAYER:,}: such as 10,c,c",
                    "network.codes",
                )
        if not self.codes:
            raise SettingError("network.codes", "needs at least one code, such as 10,c,c")
        if len(self.code_weights) not in (1, len(self.codes)):
            raise ConfigError(
                f"network.code_weights: give one for all {len(self.codes)} codes, or one each"
            )


@dataclass(frozen=True)
class ReadCode(Code):
    """A code that Q reads off the image; `weight` is its lambda in equation 6."""

    weight: float

    @property
    def entropy(self) -> float:
        """H(c) in nats: log K for a uniform choice of K, log 2 for U(-1, 1)."""
        return math.log(self.categories or 2)

    @property
    def outputs(self) -> int:
        """How many of Q's numbers describe this code: K logits, or mean and log variance."""
        return self.categories or 2


class TrunkWithPosterior(nn.Module):
    """D and Q on one trunk: images [N, *shape] -> [N, 1 + q], the logit and then Q's q outputs."""

    def __init__(
        self, shape: tuple[int, ...], widths: list[int], o: InfoGANOptions, q: int
    ) -> None:
        super().__init__()
        channels, height, width = shape
        layers: list[nn.Module] = []
        pad = (o.kernel - 1) // 2
        for i, (inputs, outputs) in enumerate(zip([channels, *widths], widths, strict=False)):
            layers += [conv2d(inputs, outputs, o.kernel, 2, pad, bias=i == 0)]
            layers += [nn.BatchNorm2d(outputs)] if i else []
            layers += [nn.LeakyReLU(o.slope, inplace=True)]
            height, width = (1 + (side + 2 * pad - o.kernel) // 2 for side in (height, width))
        self.trunk = nn.Sequential(*layers)
        features = widths[-1] * height * width
        self.dense = nn.Sequential()
        if o.units:
            self.dense = nn.Sequential(
                nn.Linear(features, o.units, bias=False),
                nn.BatchNorm1d(o.units),
                nn.LeakyReLU(o.slope),
            )
            features = o.units
        self.head = Head(features)
        self.posterior = nn.Sequential(
            nn.Linear(features, o.posterior_units, bias=False),
            nn.BatchNorm1d(o.posterior_units),
            nn.LeakyReLU(o.slope),
            nn.Linear(o.posterior_units, q),
        )

    def forward(self, examples: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.dense(self.trunk(examples).permute(0, 2, 3, 1).flatten(1))
        return torch.cat([self.head(x)[:, None], self.posterior(x)], 1)


@register_family("infogan")
class InfoGAN(Game):
    """Codes that G must make visible and Q reads off the image, without labels (Chen 2016).

    Equation 6: min_{G,Q} max_D V(D, G) - lambda L_I(G, Q), with the bound of equation 5,
    L_I = E[log Q(c|x)] + H(c) <= I(c; G(z, c)). Q shares D's trunk and its optimiser, so D's
    player minimises -lambda L_I too, as in the official code: otherwise the codes die.
    Departs from the paper: sigma of a continuous code is 1, as in the official code, so its L_I
    cannot exceed -0.23 nats, and its squared error is logged as well; a learned sigma is an
    option (`learned_sigma=true`), with which G has been seen to write the codes in noise.
    """

    Options = InfoGANOptions
    papers = (CHEN_2016,)
    default_recipe = "infogan-fast"
    kind_recipes: ClassVar = {"photographs": "infogan-photographs"}
    kinds = ("images",)
    judges = True
    replays = True
    only_logits = False
    takes_networks = False

    @classmethod
    def symptoms(cls, config: Config) -> Sequence[Symptom]:
        """List a symptom for each code: Q reads next to nothing of it.

        For a categorical code that is less than a tenth of its entropy; for a continuous one, a
        squared error of 0.3 or more (a mere guess has 1/3).
        """
        o = config.network
        more = {"network.code_weights": ",".join(f"{max(3 * w, 1.0):g}" for w in o.code_weights)}
        found = []
        for i, code in enumerate(o.codes, 1):
            means = f"G makes nothing of code {i}, so it means nothing"
            dead = partial(Symptom, "dead codes", means=means, changes=[more])
            if code == "c":
                found.append(dead(f"squared_error_{i}", high=0.3))
            else:
                found.append(dead(f"information_{i}", low=0.1 * math.log(int(code))))
        return found

    @property
    def value_range(self) -> tuple[float, float] | None:
        return (0.0 if self.options.output == "sigmoid" else -1.0, 1.0)

    @property
    def codes(self) -> list[ReadCode]:
        """The codes, in the order in which they follow the noise."""
        o, at, codes = self.options, self.config.latent.size, []
        weights = o.code_weights * (len(o.codes) if len(o.code_weights) == 1 else 1)
        for name, weight in zip(o.codes, weights, strict=True):
            categories = 0 if name == "c" else int(name)
            codes.append(ReadCode(categories, slice(at, at + max(1, categories)), weight))
            at = codes[-1].where.stop
        return codes

    @classmethod
    def search_space(cls, config: Config, task: Task) -> Space:
        usual = super().search_space(config, task)
        if config.network.generator_channels or config.network.discriminator_channels:
            return usual
        return {**usual, **widths(config, "network.generator_width", "network.discriminator_width")}

    def build_generator(self) -> nn.Module:
        check_image_size(self.config.family, self.task)
        o = self.options
        widths = self._widths(o.generator_channels[::-1], o.generator_width)[::-1]
        self.latent_size = self.codes[-1].where.stop
        network = ConvGenerator(
            self.latent_size,
            self.task.shape,
            widths,
            o.kernel,
            nn.BatchNorm2d,
            o.output,
            units=o.units,
            normalised=o.normalised,
        )
        if o.init:
            init_normal(network, o.init)
        return network

    def build_discriminator(self) -> nn.Module:
        o = self.options
        widths = self._widths(o.discriminator_channels, o.discriminator_width)
        outputs = sum(code.outputs for code in self.codes)
        network = TrunkWithPosterior(self.task.shape, widths, o, outputs)
        if o.init:
            init_normal(network, o.init)
        return network

    def _widths(self, channels: tuple[int, ...], base: int) -> list[int]:
        """Return the channels from the image on: `channels` if given, else doubling from `base`."""
        stages = check_stages(len(channels) or self.options.stages, self.task)
        return list(channels) or widths_for(base, stages, self.options.most_channels)

    def latent(self, count: int, labels: Tensor | None, rng: np.random.Generator) -> Latent:
        """Draw the incompressible noise z, and after it the codes c: one-hot, or from U(-1, 1)."""
        latent = super().latent(count, labels, rng)
        drawn = [latent.noise]
        for code in self.codes:
            if code.categories:
                chosen = torch.from_numpy(rng.integers(code.categories, size=count))
                drawn.append(F.one_hot(chosen, code.categories).float())
            else:
                drawn.append(torch.from_numpy(rng.random((count, 1), np.float32) * 2 - 1))
        return replace(latent, noise=torch.cat(drawn, 1))

    def logits_of(self, answer: Answer) -> Tensor:
        return answer.output[:, 0]

    def discriminator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        terms = super().discriminator_objective(real, fake, batch)
        posterior, inputs = fake.output[:, 1:], batch.latent.noise
        bounds = self.information(posterior, inputs)
        shown = {f"information_{i + 1}": bound.detach() for i, bound in enumerate(bounds)}
        shown |= self._squared_errors(posterior.detach(), inputs)
        return terms.with_terms(Terms({"information": self._weighted(bounds)}, shown))

    def generator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        terms = super().generator_objective(real, fake, batch)
        bounds = self.information(fake.output[:, 1:], batch.latent.noise)
        return terms.with_terms(Terms({"information": self._weighted(bounds)}))

    def _weighted(self, bounds: list[Tensor]) -> Tensor:
        """Return -lambda L_I, summed over the codes."""
        pairs = zip(self.codes, bounds, strict=True)
        return -torch.stack([code.weight * bound for code, bound in pairs]).sum()

    def information(self, posterior: Tensor, inputs: Tensor) -> list[Tensor]:
        """Return L_I of each code in nats (equation 5).

        Args:
            posterior: Q's outputs [N, q].
            inputs: what G was given [N, latent_size]: noise and codes.
        """
        bounds, at = [], 0
        for code in self.codes:
            q, c = posterior[:, at : at + code.outputs], inputs[:, code.where]
            at += code.outputs
            if code.categories:
                log_q = -F.cross_entropy(q, c.argmax(1))
            else:
                log_q = self._log_normal(c[:, 0], q[:, 0], q[:, 1]).mean()
            bounds.append(log_q + code.entropy)
        return bounds

    def _squared_errors(self, posterior: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Return E[(c - mean of Q)^2] of each continuous code; it is 1/3 if Q knows nothing."""
        errors, at = {}, 0
        for i, code in enumerate(self.codes):
            if not code.categories:
                squared = (inputs[:, code.where.start] - posterior[:, at]).square().mean()
                errors[f"squared_error_{i + 1}"] = squared
            at += code.outputs
        return errors

    def _log_normal(self, c: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
        if not self.options.learned_sigma:
            log_variance = torch.zeros_like(log_variance)
        # sigma is at least 0.01: otherwise L_I would grow without end for a code read perfectly.
        log_variance = log_variance.clamp_min(2 * math.log(0.01))
        squared = (c - mean).square() / log_variance.exp()
        return -0.5 * (squared + log_variance + math.log(2 * math.pi))

    def judge(self, examples: Tensor) -> Tensor:
        """Return Q(c|x) of the first categorical code: the chances of its categories [N, K].

        Raises ConfigError if all codes are continuous.
        """
        posterior, at = self.discriminator(examples, None)[:, 1:], 0
        for code in self.codes:
            if code.categories:
                chances: Tensor = posterior[:, at : at + code.outputs].softmax(1)
                return chances
            at += code.outputs
        raise ConfigError("this run has continuous codes only: there is no class to name")

    @property
    def judged_names(self) -> tuple[str, ...]:
        categories = next((code.categories for code in self.codes if code.categories), 0)
        return tuple(f"category {i}" for i in range(categories))


@RECIPES.register("infogan-fast", "the same codes and networks, narrow, in 2 minutes on a CPU")
def infogan_fast() -> Config:
    """Chosen by racing configurations on the embedded digits (results/README.md)."""
    return replace(
        infogan_mnist_paper(),
        data=DataConfig(),
        network=InfoGANOptions(generator_width=32, discriminator_width=32, units=256),
        generator_optimizer=adam(2e-3, schedule="linear", decay_from=0.4),
        discriminator_optimizer=adam(5e-4, schedule="linear", decay_from=0.4),
        training=TrainingConfig(minutes=2, batch=32, ema=0.998),
    )


@RECIPES.register("infogan-photographs", "the same codes for photographs, in 10 minutes on a CPU")
def infogan_photographs() -> Config:
    """No dense layers, as in the paper's networks for colour; another loss, R1 and R2.

    On photographs `infogan-fast` drew one grey picture (results/README.md).
    """
    return for_photographs(
        infogan_fast(),
        InfoGANOptions(generator_width=32, discriminator_width=32, units=0, output="tanh"),
    )


@RECIPES.register("infogan-mnist-paper", "digits by codes that nobody labelled (Chen 2016)")
def infogan_mnist_paper() -> Config:
    """Noise of 62 numbers, a code of ten categories and two continuous ones.

    Learning rates are 2e-4 for D and 1e-3 for G; 50 epochs of 100 iterations. Samples and Q's
    codes are those of averaged weights, of which the paper does not speak: `--ema 0` has the last.
    """
    return Config(
        family="infogan",
        data=DataConfig(source="mnist"),
        network=InfoGANOptions(),
        latent=LatentConfig(size=62, prior="uniform"),
        generator_optimizer=adam(1e-3),
        discriminator_optimizer=adam(2e-4),
        training=TrainingConfig(steps=5_000, batch=128, ema=0.99),
    )


def _infogan_paper(codes: tuple[str, ...], noise: int, source: str) -> Config:
    """Return the paper's settings for colour images (appendices C.2 and C.3, which share them)."""
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
    """Four codes of ten categories, four continuous ones, noise of 124. Made for a GPU."""
    return _infogan_paper(("10",) * 4 + ("c",) * 4, 124, "./svhn")


@RECIPES.register("infogan-celeba-paper", "its codes for faces (Chen 2016)")
def infogan_celeba_paper() -> Config:
    """Ten codes of ten categories, noise of 128. Made for a GPU."""
    return _infogan_paper(("10",) * 10, 128, "./celeba")
