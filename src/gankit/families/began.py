"""BEGAN: an autoencoder as discriminator, held in balance (Berthelot et al. 2017, 1703.10717)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.bibliography import BERTHELOT_2017
from gankit.errors import ConfigError
from gankit.families.dcgan import check_image_size, check_stages
from gankit.game import Game, register_family
from gankit.game_types import Symptom, Task, Terms
from gankit.nn.init import init_glorot
from gankit.nn.shapes import image_sizes
from gankit.recipes import RECIPES, adam
from gankit.search_space import Space, widths
from gankit.settings.config import Config, DataConfig, LatentConfig, ObjectiveConfig, TrainingConfig
from gankit.settings.schema import LAYER, RARELY, check_settings, setting

STUCK_AFTER = 1000
"""After this many steps of k = 0 in a row the user is told."""


@dataclass(frozen=True, kw_only=True)
class BEGANOptions:
    """Settings of the networks (section 3.5) and of the balance (section 3.4)."""

    width: int = setting(
        128, "n: the encoder has n, 2n, 3n, ... channels at each halving", least=1, most=LAYER
    )
    embedded: int = setting(64, "size of the autoencoder's code", least=1, most=LAYER)
    stages: int | None = setting(
        None, "halvings; none: until the core is about 8 x 8", least=1, most=12
    )
    skips: bool = setting(False, "the core joins every later scale of both decoders")
    gamma: float = setting(0.5, "diversity: wanted L(G(z)) / L(x)", above=0, most=1)
    lambda_k: float = setting(0.001, "how fast k follows", above=0, most=1000)
    patience: int = setting(
        0, "steps without a better M after which both rates are halved", off="never",
        least=0, most=RARELY,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_settings(self, "network.")


def _pair(inputs: int, outputs: int) -> list[nn.Module]:
    """Return the layers of one scale: two 3x3 convolutions with ELU."""
    return [
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.ELU(),
        nn.Conv2d(outputs, outputs, 3, padding=1), nn.ELU(),
    ]  # fmt: skip


class Decoder(nn.Module):
    """The generator, and the second half of the discriminator (figure 1): [N, inputs] -> images.

    A linear map makes the core; each scale has two convolutions, and is doubled in size by nearest
    neighbours. With `skips` the core, made as large, joins each doubled picture.
    """

    def __init__(
        self, inputs: int, shape: tuple[int, ...], width: int, stages: int, skips: bool = False
    ) -> None:
        super().__init__()
        self.sizes = image_sizes(shape, stages)
        self.width, self.skips = width, skips
        self.stem = nn.Linear(inputs, width * math.prod(self.sizes[0]))
        self.scales = nn.ModuleList(
            nn.Sequential(*_pair(2 * width if skips and i else width, width))
            for i in range(len(self.sizes))
        )
        self.image = nn.Conv2d(width, shape[0], 3, padding=1)

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        x = core = self.stem(noise).view(-1, *self.sizes[0], self.width).permute(0, 3, 1, 2)
        for size, scale in zip(self.sizes, self.scales, strict=True):
            if tuple(x.shape[2:]) != size:
                x = F.interpolate(x, scale_factor=2.0)[:, :, : size[0], : size[1]]
                if self.skips:
                    x = torch.cat([x, F.interpolate(core, size=size)], 1)
            x = scale(x)
        image: Tensor = self.image(x)
        return image


class AutoEncoder(nn.Module):
    """D: it answers an example v with -L(v), which is high for real.

    L(v) = mean |v - D(v)| is the error of the reconstruction (section 3.1).
    """

    def __init__(
        self, shape: tuple[int, ...], width: int, embedded: int, stages: int, skips: bool = False
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(shape[0], width, 3, padding=1), nn.ELU()]
        for scale in range(1, stages + 1):
            layers += _pair(scale * width, scale * width)
            layers += [
                nn.Conv2d(scale * width, (scale + 1) * width, 3, stride=2, padding=1), nn.ELU(),
            ]  # fmt: skip
        last = (stages + 1) * width
        self.encoder = nn.Sequential(*layers, *_pair(last, last))
        height, wide = image_sizes(shape, stages)[0]
        self.embed = nn.Linear(last * height * wide, embedded)
        self.decoder = Decoder(embedded, shape, width, stages, skips)

    def reconstruct(self, examples: Tensor) -> Tensor:
        """Return D(v): the examples [N, *shape] after the bottleneck, in the same shape."""
        code = self.embed(self.encoder(examples).permute(0, 2, 3, 1).flatten(1))
        image: Tensor = self.decoder(code)
        return image

    def forward(self, examples: Tensor, labels: Tensor | None = None) -> Tensor:
        return -(examples - self.reconstruct(examples)).abs().flatten(1).mean(1)


@register_family("began")
class BEGAN(Game):
    """D is an autoencoder; real and fake errors are held in a ratio gamma (Berthelot 2017).

    Section 3.4: L_D = L(x) - k_t L(G(z)), L_G = L(G(z)), k_{t+1} = k_t + lambda_k (gamma L(x) -
    L(G(z))), k_0 = 0, k in [0, 1]; section 3.4.1: M = L(x) + |gamma L(x) - L(G(z))|. It is the
    Wasserstein game with logits -L and fakes weighted by k.
    Departs from the paper: z_D = z_G, as in public code, so both players see the same fakes; no
    vanishing residuals; skip connections only with `network.skips`; the rate is halved only after
    `network.patience` steps without a better M, and never if that is 0.
    """

    Options = BEGANOptions
    papers = (BERTHELOT_2017,)
    default_recipe = "began-fast"
    kinds = ("images",)
    losses = ("wasserstein",)
    reconstructs = True
    reads_numbers = True
    replays = True
    takes_networks = False

    @classmethod
    def search_space(cls, config: Config, task: Task) -> Space:
        space = super().search_space(config, task)
        return {**space, **widths(config, "network.width")}

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        if any(stabiliser.reads_signs for stabiliser in self.stabilisers):
            raise ConfigError(
                "family 'began' answers with errors, which have no sign: leave stabilise.freeze_d, "
                "freeze_g and augment_target out"
            )
        if any(stabiliser.pulls_logits for stabiliser in self.stabilisers):
            raise ConfigError(
                "family 'began' holds its errors in balance by itself: leave stabilise.lecam out"
            )
        # k; the smoothed M; its lowest value; steps since then; steps with k = 0; halvings of the
        # rate.
        self.balance = torch.tensor([0.0, 0.0, math.inf, 0.0, 0.0, 0.0], dtype=torch.float64)
        self._k = torch.zeros(())  # k where D's answers lie, in the same memory from step to step

    @classmethod
    def symptoms(cls, config: Config) -> Sequence[Symptom]:
        gamma = config.network.gamma
        ignores = "D ignores the fakes: their error is above gamma times the real ones'"
        at_its_end = "D can push no harder: the fakes' error stays below gamma times the real ones'"
        # Below the paper's 0.3 to 0.7 a little more is not enough, nor was 0.5 (docs/doctor.md).
        raised = {"network.gamma": 1.0 if gamma < 0.3 else min(1.0, gamma * 1.5)}
        lowered = {"network.gamma": gamma / 1.5}
        return (
            Symptom("k stuck", "k", ignores, low=0.0, changes=[raised]),
            Symptom("k stuck", "k", at_its_end, high=1.0, changes=[lowered]),
        )

    @property
    def stages(self) -> int:
        """Number of times that the image is halved."""
        side = min(self.task.shape[1:])
        return check_stages(self.options.stages or max(1, round(math.log2(side / 8))), self.task)

    def build_generator(self) -> nn.Module:
        check_image_size(self.config.family, self.task)
        o = self.options
        network = Decoder(self.config.latent.size, self.task.shape, o.width, self.stages, o.skips)
        init_glorot(network)
        return network

    def build_discriminator(self) -> nn.Module:
        o = self.options
        network = AutoEncoder(self.task.shape, o.width, o.embedded, self.stages, o.skips)
        init_glorot(network)
        return network

    def reconstruct(self, examples: Tensor, by: nn.Module | None = None) -> Tensor:
        pictures: Tensor = (by or self.discriminator).reconstruct(examples)  # type: ignore[operator]
        return pictures

    @property
    def k(self) -> float:
        """Weight of the fakes' error in what D minimises, in [0, 1]."""
        return float(self.balance[0])

    def discriminator_adversarial(self, logits_real: Tensor, logits_fake: Tensor) -> Terms:
        real, fake = -logits_real, -logits_fake  # L(x), L(G(z))
        watched = {"l_real": real.detach().mean(), "l_fake": fake.detach().mean()}
        if (self._k.device, self._k.dtype) != (fake.device, fake.dtype):
            self._k = fake.new_tensor(self.k)
        return Terms({"real": real.mean(), "fake": -self._k * fake.mean()}, watched)

    def after_step(self, numbers: Mapping[str, Tensor]) -> None:
        real, fake = float(numbers["l_real"]), float(numbers["l_fake"])
        gap = self.options.gamma * real - fake
        k, smooth, best, since, stuck, halved = self.balance.tolist()
        k = min(1.0, max(0.0, k + self.options.lambda_k * gap))
        measure = real + abs(gap)
        smooth = measure if not smooth else 0.99 * smooth + 0.01 * measure
        since = 0.0 if smooth < best else since + 1
        best = min(best, smooth)
        stuck = stuck + 1 if k == 0 else 0.0
        if stuck == STUCK_AFTER:
            self.notices.append(
                f"k has been 0 for {STUCK_AFTER:,} steps: D ignores the fakes. The fakes' error is "
                f"{fake:.3f}, wanted below gamma * {real:.3f}: raise network.gamma"
            )
        if self.options.patience and since >= self.options.patience:
            since, best, halved = 0.0, smooth, halved + 1
        self._take([k, smooth, best, since, stuck, halved])

    def _take(self, balance: list[float]) -> None:
        self.balance = torch.tensor(balance, dtype=torch.float64)
        self._k.fill_(self.k)
        self.pace = 0.5 ** balance[5]

    def numbers(self) -> dict[str, Tensor]:
        return {"k": self.balance[0], "measure": self.balance[1]}

    def state(self) -> dict[str, Tensor]:
        return {"began/balance": self.balance}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self._take(state["began/balance"].tolist())


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
        generator_optimizer=adam(1e-4),
        discriminator_optimizer=adam(1e-4),
        training=TrainingConfig(steps=200_000, batch=16),
    )


@RECIPES.register("began-fast", "the same, narrow enough for a CPU")
def began_fast() -> Config:
    """Chosen by racing configurations on the embedded digits (results/README.md).

    With a code of 32 numbers an image that is no digit is hard to reconstruct, and a k that moves
    twenty times as fast finds its balance within the run.
    """
    optimizer = adam(1e-3, schedule="linear", decay_from=0.4)
    return replace(
        began_paper(),
        data=DataConfig(),
        network=BEGANOptions(width=16, embedded=32, gamma=1.0, lambda_k=0.02),
        latent=LatentConfig(size=32, prior="uniform"),
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        training=TrainingConfig(minutes=5, batch=16),
    )
