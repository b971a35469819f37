"""A modern baseline: residual networks without normalisation, R1 and R2 (R3GAN, 2501.05441)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.bibliography import HUANG_2025
from gankit.errors import ConfigError
from gankit.families.dcgan import check_image_size, check_stages
from gankit.game import Game, register_family
from gankit.game_types import Task
from gankit.nn.head import Head, join_code
from gankit.nn.shapes import image_sizes, widths_for
from gankit.recipes import RECIPES, adam
from gankit.search_space import Space, widths
from gankit.settings.config import Config, LatentConfig, ObjectiveConfig, TrainingConfig
from gankit.settings.schema import LAYER, check_settings, setting


@dataclass(frozen=True, kw_only=True)
class ModernOptions:
    """Settings of the two residual networks."""

    generator_width: int = setting(
        32, "channels at the image; doubling towards the core", least=1, most=LAYER
    )
    discriminator_width: int = setting(
        32, "channels at the image; doubling towards the core", least=1, most=LAYER
    )
    most_channels: int = setting(256, "the most channels in any layer", least=1, most=LAYER)
    stages: int | None = setting(None, "halvings of the image; none: by its size", least=1, most=12)
    blocks: int = setting(1, "residual blocks at each size", least=1, most=64)
    group: int = setting(16, "channels of a group of the 3x3 convolutions", least=1, most=LAYER)
    labels: Literal["auto", "none"] = setting("auto", "auto: conditional if the data has classes")
    embedding: int = setting(32, "size of the label's learned code, in G", least=1, most=LAYER)

    def __post_init__(self) -> None:
        check_settings(self, "network.")


class Block(nn.Module):
    """A residual block: x + c1(a(c3(a(c1(x))))), with twice the channels inside.

    The 3x3 convolution c3 is grouped. There is no normalisation, so the last layer starts at 0 and
    the block as the identity: depth then does not change the variance (Fixup, arXiv 1901.09321;
    R3GAN, section 3.3). The other two layers start at He's scale whatever the depth; R3GAN
    multiplies it by L^(-1/4) for the L blocks of a network.
    """

    def __init__(self, channels: int, group: int) -> None:
        super().__init__()
        inner = 2 * channels
        groups = inner // group if inner % group == 0 else 1
        self.widen = nn.Conv2d(channels, inner, 1)
        self.mix = nn.Conv2d(inner, inner, 3, padding=1, groups=groups)
        self.narrow = nn.Conv2d(inner, channels, 1, bias=False)
        for layer in (self.widen, self.mix):
            nn.init.kaiming_normal_(layer.weight, a=0.2, nonlinearity="leaky_relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.leaky_relu(self.mix(F.leaky_relu(self.widen(x), 0.2)), 0.2)
        out: Tensor = x + self.narrow(inner)
        return out


def _stage(inputs: int, outputs: int, blocks: int, group: int) -> nn.Sequential:
    """Return a 1x1 convolution if the number of channels changes, then residual blocks."""
    change: list[nn.Module] = []
    if inputs != outputs:
        change = [nn.Conv2d(inputs, outputs, 1, bias=False)]
        nn.init.kaiming_normal_(change[0].weight, nonlinearity="linear")  # type: ignore[arg-type]
    return nn.Sequential(*change, *(Block(outputs, group) for _ in range(blocks)))


class ResidualGenerator(nn.Module):
    """Generator of residual blocks and bilinear doublings.

    Noise and the label's code, if there is one, scale the channels of a learned core.
    """

    def __init__(
        self, noise: int, shape: tuple[int, ...], widths: list[int], o: ModernOptions, classes: int
    ) -> None:
        super().__init__()
        self.sizes = image_sizes(shape, len(widths) - 1)
        self.label_code = nn.Embedding(classes, o.embedding) if classes else None
        inputs = noise + (o.embedding if classes else 0)
        self.core = nn.Parameter(torch.randn(widths[0], *self.sizes[0]))
        self.stem = nn.Linear(inputs, widths[0])
        before = [widths[0], *widths[:-1]]
        self.stages = nn.ModuleList(
            _stage(a, b, o.blocks, o.group) for a, b in zip(before, widths, strict=True)
        )
        self.image = nn.Conv2d(widths[-1], shape[0], 1)

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.stem(join_code(noise, labels, self.label_code))[..., None, None] * self.core
        x = x.contiguous(memory_format=torch.channels_last)
        for size, stage in zip(self.sizes, self.stages, strict=True):
            if tuple(x.shape[2:]) != size:
                x = F.interpolate(x, size=size, mode="bilinear")
            x = stage(x)
        image: Tensor = self.image(x)
        return image


class ResidualDiscriminator(nn.Module):
    """Discriminator of residual blocks and mean halvings: the generator turned round.

    The last features are summed with learned weights over the core; the label, if there is one, is
    projected on the sum.
    """

    def __init__(
        self, shape: tuple[int, ...], widths: list[int], o: ModernOptions, classes: int
    ) -> None:
        super().__init__()
        self.image = nn.Conv2d(shape[0], widths[0], 1)
        before = [widths[0], *widths[:-1]]
        self.stages = nn.ModuleList(
            _stage(a, b, o.blocks, o.group) for a, b in zip(before, widths, strict=True)
        )
        height, width = image_sizes(shape, len(widths) - 1)[0]
        self.core = nn.Parameter(torch.randn(widths[-1], height, width) / (height * width) ** 0.5)
        self.head = Head(widths[-1], classes)

    def forward(self, examples: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.image(examples)
        for i, stage in enumerate(self.stages):
            x = stage(x if i == 0 else F.avg_pool2d(x, 2, ceil_mode=True))
        logits: Tensor = self.head((x * self.core).sum((2, 3)), labels)
        return logits


@register_family("modern")
class Modern(Game):
    """Relativistic pairs, R1 and R2, residual networks: a baseline that does not collapse (2025).

    After Huang et al., The GAN is dead; long live the GAN! (R3GAN): the relativistic paired
    loss with both zero-centred penalties (section 2), and networks without normalisation,
    with grouped convolutions and residual blocks that start as the identity (section 3).
    Conditional if the data has classes.
    Departs from the paper: far smaller; bilinear doublings and mean halvings without the paper's
    filters; one rate for the run, or the schedule that the recipe names; no schedules of the
    penalties' weight or of Adam's beta2; weights inside blocks do not start smaller the more
    blocks there are (the paper scales them by L^(-1/4) for L blocks in a network).
    """

    Options = ModernOptions
    replays = True
    papers = (HUANG_2025,)
    default_recipe = "modern-fast"
    suits: ClassVar = {"channels": "modern-fast"}
    kinds = ("images",)

    @classmethod
    def search_space(cls, config: Config, task: Task) -> Space:
        space = super().search_space(config, task)
        return {**space, **widths(config, "network.generator_width", "network.discriminator_width")}

    def __init__(self, config: Config, task: Task) -> None:
        self.conditional = task.classes >= 2 and config.network.labels == "auto"
        super().__init__(config, task)

    def build_generator(self) -> nn.Module:
        check_image_size(self.config.family, self.task)
        o = self.options
        return ResidualGenerator(
            self.config.latent.size,
            self.task.shape,
            self._widths(o.generator_width)[::-1],
            o,
            self.task.classes if self.conditional else 0,
        )

    def build_discriminator(self) -> nn.Module:
        o = self.options
        if "spectral_norm" in self.config.objective.penalty:
            raise ConfigError(
                "family 'modern' starts each block at weights of 0, which have no spectral norm: "
                "leave spectral_norm out; r1+r2 is its own"
            )
        return ResidualDiscriminator(
            self.task.shape,
            self._widths(o.discriminator_width),
            o,
            self.task.classes if self.conditional else 0,
        )

    def _widths(self, width: int) -> list[int]:
        """Return the channels at each size, from the image to the core."""
        stages = check_stages(self.options.stages, self.task)
        return widths_for(width, stages + 1, self.options.most_channels)


@RECIPES.register("modern-fast", "residual networks, relativistic pairs, R1 and R2 (R3GAN 2025)")
def modern_fast() -> Config:
    """A tenth of this penalty weight, or less, has been seen to make G ignore its noise."""
    optimizer = adam(1e-3, 0.0, 0.99, schedule="linear", decay_from=0.4)
    return Config(
        family="modern",
        network=ModernOptions(generator_width=16, discriminator_width=16),
        latent=LatentConfig(size=64),
        objective=ObjectiveConfig(
            loss="relativistic", penalty="r1+r2", penalty_weight=5.0, penalty_interval=4
        ),
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        training=TrainingConfig(minutes=5, batch=32, ema=0.998),
    )
