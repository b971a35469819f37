"""Projected GAN: D looks at images through a network trained elsewhere (Sauer 2021, 2111.01007)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.errors import ConfigError
from gankit.families.dcgan import check_image_size, check_stages
from gankit.features.backbones import Backbone, load_backbone
from gankit.game import Game, register_family
from gankit.game_types import Answer, Batch, Task, Terms
from gankit.nn.convolutions import conv2d
from gankit.nn.fixed import fixed
from gankit.nn.layers import label_map, spectral
from gankit.nn.shapes import image_sizes, widths_for
from gankit.penalties import Discriminate
from gankit.recipes import RECIPES, adam
from gankit.search_space import Space, widths
from gankit.settings.config import (
    Config,
    LatentConfig,
    ObjectiveConfig,
    StabiliserConfig,
    TrainingConfig,
)
from gankit.settings.schema import LAYER, check_settings, setting


@dataclass(frozen=True, kw_only=True)
class ProjectedOptions:
    """Settings of G, and of what D makes of its backbone's maps."""

    backbone: str = setting(
        "lite0",
        "what D looks through: lite0, lite1, lite2, random, timm:NAME, or a .pt2 file",
        flag="--backbone",
    )
    least_side: int = setting(
        64, "the backbone is shown images of at least these pixels a side", least=16, most=1024
    )
    mixed: int = setting(64, "channels of each map after the mixing", least=1, most=LAYER)
    head_width: int = setting(64, "channels of D's heads", least=1, most=LAYER)
    head_norm: Literal["batch", "none"] = setting("batch", "normalisation in D's heads")
    penalty_on: Literal["images", "maps"] = setting(
        "images", "a penalty is on D's slope by the images, or by the maps that its heads see"
    )
    pixels: int = setting(
        0, "short side at which a head of D looks at the image itself", off="none",
        least=0, most=1024,
    )  # fmt: skip
    generator_width: int = setting(
        24, "channels of G at the image; doubling towards the core", least=1, most=LAYER
    )
    most_channels: int = setting(192, "the most channels in any layer of G", least=1, most=LAYER)
    stages: int | None = setting(None, "halvings of the image; none: by its size", least=1, most=12)
    labels: Literal["auto", "none"] = setting(
        "auto", "auto: conditional where the data has classes or vectors"
    )
    embedding: int = setting(100, "size of the label's learned code, in G", least=1, most=LAYER)
    class_strength: float = setting(
        0.15, "of the label's code beside the noise, in G", least=0, most=1000
    )
    class_maps: int = setting(
        0, "how many of G's maps, from the core on, the label scales and shifts", off="none",
        least=0, most=12,
    )  # fmt: skip
    class_weight: float = setting(
        0.25, "of the label's projection on D's features", least=0, most=1000
    )
    classifier: tuple[float, float] = setting(
        (0.0, 0.0), "D also names the class (arXiv 1610.09585): weight for D and for G", off="none",
        least=0, most=10**6,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_settings(self, "network.")


class Excitation(nn.Module):
    """Scale the channels of a large map by numbers in (0, 1) that a small map decides.

    FastGAN's skip-layer excitation (arXiv 2101.04775, section 3.1).
    """

    def __init__(self, small: int, large: int) -> None:
        super().__init__()
        self.decide = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            nn.Conv2d(small, large, 4),
            nn.SiLU(),
            nn.Conv2d(large, large, 1),
            nn.Sigmoid(),
        )

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        scaled: Tensor = large * self.decide(small)
        return scaled


EXCITES = 3
"""A map excites the one that is this many doublings larger."""


class ExcitedGenerator(nn.Module):
    """FastGAN's generator: gated linear units between doublings, and skip-layer excitation.

    Each convolution comes before the doubling, where it costs a quarter. There are no transposed
    convolutions: in a trial, D let the lattices stand that these draw.

    The label scales and shifts the channels of the first maps, which leaves the noise as it is. Or
    its code follows the noise, which G may then forget for it.
    """

    def __init__(
        self, noise: int, task: Task, widths: Sequence[int], o: ProjectedOptions, labelled: bool
    ) -> None:
        super().__init__()
        self.sizes = image_sizes(task.shape, len(widths) - 1)
        self.strength = o.class_strength
        height, width = self.sizes[0]
        joins = labelled and (o.class_strength > 0 or not o.class_maps)
        inputs = noise + (o.embedding if joins else 0)
        self.stem = nn.Linear(inputs, 2 * widths[0] * height * width, bias=False)
        self.stem_norm = nn.BatchNorm2d(2 * widths[0])
        made = [*widths[1:], widths[-1]]
        convolutions = [
            conv2d(a, 2 * b, 3, 1, 1, bias=False) for a, b in zip(widths, made, strict=True)
        ]
        self.convolutions = nn.ModuleList(convolutions)
        self.norms = nn.ModuleList(nn.BatchNorm2d(2 * b) for b in made)
        self.excitations = nn.ModuleList(
            Excitation(a, b) for a, b in zip(made, made[EXCITES:], strict=False)
        )
        self.image = nn.Conv2d(widths[-1], task.shape[0], 3, padding=1)
        self.label_code = label_map(task.classes, task.condition, o.embedding) if joins else None
        self.label_scales = nn.ModuleList(
            label_map(task.classes, task.condition, 4 * b)
            for b in (made[: o.class_maps] if labelled else ())
        )
        for weight in self.label_scales.parameters():
            nn.init.zeros_(weight)
        # Large weights move slowly under Adam, and normalisation takes their scale away. So the
        # first layer stays near the random map that it began as, and G cannot soon forget the
        # noise: with small ones it drew one picture for each class within 600 steps.
        nn.init.normal_(self.stem.weight)
        # Each number keeps the variance of those that it is made of, so that the averaged network,
        # whose normalisation lags behind, does not start as a blank picture.
        for layer in convolutions:
            nn.init.normal_(layer.weight, std=(9 * layer.in_channels) ** -0.5)

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.label_code is not None:
            code = self.strength * self.label_code(labels)
            noise = torch.cat([noise, code.to(noise.dtype)], 1)
        x = self.stem(noise)
        # Height, width, channels in memory: the channels-last layout, without a copy.
        x = x.view(x.shape[0], *self.sizes[0], -1).permute(0, 3, 1, 2)
        x = gated(self.stem_norm(x))
        maps: list[Tensor] = []
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = F.interpolate(x, size=self.sizes[i]) if i else x
            x = norm(convolution(x))
            if i < len(self.label_scales):
                numbers = self.label_scales[i](labels).to(x.dtype)
                scale, shift = numbers[..., None, None].chunk(2, 1)
                x = x * (1 + scale) + shift
            x = gated(x)
            if i >= EXCITES:
                x = self.excitations[i - EXCITES](maps[i - EXCITES], x)
            maps.append(x)
        image: Tensor = self.image(x).tanh()
        return image


def gated(x: Tensor) -> Tensor:
    """Return half of the channels, times numbers in (0, 1) made of the other half.

    It is torch's `glu`, which takes twice as long on a CPU.
    """
    signal, gate = x.chunk(2, 1)
    return signal * gate.sigmoid()


class Mixing(nn.Module):
    """Mix a backbone's maps across channels and scales, by fixed random weights.

    Each map is brought to the same channels by a 1x1 convolution; then, from the coarsest to the
    finest, the mixed map before it is enlarged and added, and a 3x3 convolution mixes the sum
    (arXiv 2111.01007, section 3.2). So D cannot rest on the few features that it likes best.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.across = nn.ModuleList(nn.Conv2d(c, width, 1, bias=False) for c in channels)
        self.between = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in channels
        )
        for layer in (*self.across, *self.between):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        mixed: list[Tensor] = []
        for i in reversed(range(len(maps))):
            x = self.across[i](maps[i])
            if mixed:
                # The sum of two keeps the variance of one.
                x = (x + F.interpolate(mixed[0], size=x.shape[2:])) * 0.5**0.5
            mixed.insert(0, self.between[i](x))
        return mixed


class PatchHead(nn.Module):
    """A head of D: a mixed map [N, C, h, w] -> logits of its patches [N, P], and features [N, W].

    Logits are high for real. The map is halved until its short side is under 8. The label is
    projected on every patch. The features are the means over the patches.
    """

    def __init__(self, inputs: int, short: int, task: Task, o: ProjectedOptions, labelled: bool):
        super().__init__()
        layers: list[nn.Module] = []
        while short >= 8:
            layers.append(spectral(nn.Conv2d(inputs, o.head_width, 4, 2, 1)))
            layers += [nn.BatchNorm2d(o.head_width)] if o.head_norm == "batch" else []
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            inputs, short = o.head_width, short // 2
        layers += [spectral(nn.Conv2d(inputs, o.head_width, 3, 1, 1)), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.logit = spectral(nn.Conv2d(o.head_width, 1, 3, 1, 1))
        self.projection = (
            spectral(label_map(task.classes, task.condition, o.head_width)) if labelled else None
        )
        self.weight = o.class_weight / o.head_width**0.5

    def forward(self, x: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        features = self.body(x)
        logits: Tensor = self.logit(features).flatten(1)
        if self.projection is not None:
            code = self.projection(labels)[..., None, None]
            logits = logits + self.weight * (code * features).sum(1).flatten(1)
        return logits, features.mean((2, 3))


class ProjectedDiscriminator(nn.Module):
    """A frozen backbone, a fixed random mixing of its maps, and a trained head for each.

    One more head may see the image itself, made smaller: the backbone was trained to look past
    colours and brightness, which are then free to drift. It returns the logits of all patches of
    all heads, [N, patches]; if it also names the class, followed by the classes' scores.
    """

    def __init__(self, task: Task, backbone: Backbone, o: ProjectedOptions, labelled: bool) -> None:
        super().__init__()
        short = min(task.shape[1:])
        scale = max(1.0, o.least_side / short)
        self.shown = tuple(round(scale * side) for side in task.shape[1:])
        self.enlarged = scale > 1
        self.backbone = backbone
        shapes = backbone.shapes(*self.shown)
        # Stored, so that a run goes on with the mixing that it began with.
        self.mixing = fixed(Mixing([shape[0] for shape in shapes], o.mixed), stored=True)
        self.heads = nn.ModuleList(
            PatchHead(o.mixed, min(shape[1:]), task, o, labelled) for shape in shapes
        )
        seen = min(o.pixels, short)
        self.reduced = tuple(round(seen / short * side) for side in task.shape[1:])
        if seen:
            self.heads.append(PatchHead(3, seen, task, o, labelled))
        self.seen_shapes = [torch.Size((o.mixed, *shape[1:])) for shape in shapes]
        self.seen_shapes += [torch.Size((3, *self.reduced))] if seen else []
        named = any(o.classifier) and labelled and task.classes
        self.classifiers = nn.ModuleList(
            nn.Linear(o.head_width, task.classes) for _ in (shapes if named else ())
        )

    def forward(self, seen: Tensor, labels: Tensor | None = None) -> Tensor:
        """Judge images [N, C, H, W], or the maps that `joined` made of some, [N, F]."""
        maps = self.maps(seen) if seen.dim() > 2 else self._parted(seen)
        judged = [head(x, labels) for head, x in zip(self.heads, maps, strict=True)]
        output = [logits for logits, _ in judged]
        if self.classifiers:
            features = [f for _, f in judged[: len(self.classifiers)]]  # not the pixels
            scores = [name(f) for name, f in zip(self.classifiers, features, strict=True)]
            output.append(torch.stack(scores).mean(0))
        return torch.cat(output, 1)

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return what each head sees of images [N, C, H, W], [N, C', h, w]; none of it trains."""
        images = images.expand(-1, 3, -1, -1)  # grey as colour
        shown = F.interpolate(images, size=self.shown, mode="bilinear") if self.enlarged else images
        maps: list[Tensor] = self.mixing(self.backbone(shown))
        if all(self.reduced):
            maps.append(F.interpolate(images, size=self.reduced, mode="area"))
        return maps

    @torch.no_grad()
    def joined(self, images: Tensor) -> Tensor:
        """Return the maps of images, all in one row for each: [N, F]."""
        return torch.cat([x.flatten(1) for x in self.maps(images)], 1)

    def _parted(self, joined: Tensor) -> list[Tensor]:
        parts = torch.split(joined, [shape.numel() for shape in self.seen_shapes], 1)
        return [x.view(-1, *shape) for x, shape in zip(parts, self.seen_shapes, strict=True)]


UNPENALISED = {
    "objective.penalty": "none",
    "objective.penalty_weight": 1.0,
    "objective.penalty_interval": 1,
    "network.penalty_on": "images",
}
"""The recipe had no penalty in earlier versions."""
SMALLER = {**UNPENALISED, "network.least_side": 64}
"""At how many pixels the backbone saw images of 64 and fewer before that."""
BY_CODE = {
    **SMALLER,
    "network.class_strength": 0.15,
    "network.class_maps": 0,
    "network.classifier": (0.0, 0.0),
    "stabilise.perceptual_by_class": 0.0,
}
"""How the recipe told G and D the class before that."""
SLOWER = {"generator_optimizer.lr": 5e-4, "discriminator_optimizer.lr": 5e-4, **BY_CODE}
"""The rates of the recipe before that."""


@register_family("projected")
class Projected(Game):
    """Photographs, through a frozen network that knows images: fast and for little data (2021).

    D sees images by the features of a network that was trained on ImageNet, which are mixed by
    fixed random convolutions; one small head with spectral normalisation judges the patches of each
    scale (Projected GANs, section 3). G is FastGAN's, narrow (arXiv 2101.04775). Conditional if the
    data has classes or vectors.
    Departs from the paper: a smaller backbone, and small images are not enlarged to its own size;
    the recipe's loss is of relativistic pairs, with R1 and R2 by the mixed maps; the label scales
    G's maps, since as a strong code beside the noise it made G draw one picture for each class; no
    noise in G's layers.
    """

    Options = ProjectedOptions
    replays = True
    default_recipe = "projected-fast"
    suits: ClassVar = {"photographs": "projected-fast"}
    earlier = (
        UNPENALISED,
        SMALLER,
        BY_CODE,
        SLOWER,
        {**SLOWER, "stabilise.perceptual": 0.0},
        {**SLOWER, "stabilise.perceptual": 0.0, "objective.update": "alternating"},
    )
    kinds = ("images",)
    takes_vectors = True
    takes_networks = False
    any_channels = False
    only_logits = False
    at_once = True  # in turns, D looks at everything twice, which makes a step a fifth longer

    @classmethod
    def search_space(cls, config: Config, task: Task) -> Space:
        space = super().search_space(config, task)
        return {**space, **widths(config, "network.generator_width", "network.head_width")}

    def __init__(self, config: Config, task: Task) -> None:
        labelled = task.classes >= 2 or task.condition > 0
        self.conditional = labelled and config.network.labels == "auto"
        super().__init__(config, task)

    def build_generator(self) -> nn.Module:
        check_image_size(self.config.family, self.task)
        o = self.options
        stages = check_stages(o.stages, self.task)
        widths = widths_for(o.generator_width, stages + 1, o.most_channels)[::-1]
        return ExcitedGenerator(self.config.latent.size, self.task, widths, o, self.conditional)

    def build_discriminator(self) -> nn.Module:
        if "spectral_norm" in self.config.objective.penalty:
            raise ConfigError(
                "family 'projected' normalises the heads of its discriminator already: leave "
                "spectral_norm out"
            )
        backbone = load_backbone(self.options.backbone)
        self.pretrained = {backbone.name: backbone.digest}
        # Besides `discriminator`, which a runtime may wrap: for maps, which need no gradient.
        self._bare = ProjectedDiscriminator(self.task, backbone, self.options, self.conditional)
        return self._bare

    @classmethod
    def why_not_installed(cls, config: Config) -> str | None:
        try:
            load_backbone(config.network.backbone)
        except ConfigError as error:
            return str(error)
        return None

    @cached_property
    def coupling(self) -> str | None:
        """Only heads couple samples: a backbone is in eval mode, whatever its layers are."""
        layers = self.discriminator.named_modules()
        trained = (layer for name, layer in layers if ".backbone." not in f".{name}.")
        normalised = any(isinstance(layer, nn.BatchNorm2d) for layer in trained)
        return "batch normalisation" if normalised else None

    @property
    def classifies(self) -> bool:
        """Whether D names the class besides. There are no names for labels that are vectors."""
        return any(self.options.classifier) and self.conditional and self.task.classes > 0

    def penalised(self, batch: Batch, fake: Tensor) -> tuple[Discriminate, Tensor, Tensor]:
        if self.options.penalty_on == "images":
            return super().penalised(batch, fake)
        real, fake = (self._bare.joined(self.seen(x)) for x in (batch.real, fake))

        def discriminate(joined: Tensor) -> Tensor:
            return self.logits_of(Answer(self.discriminator(joined, batch.labels)))

        return discriminate, real, fake

    def logits_of(self, answer: Answer) -> Tensor:
        return self._patches(answer).mean(1)

    def _patches(self, answer: Answer) -> Tensor:
        return answer.output[:, : -self.task.classes] if self.classifies else answer.output

    def _named(self, answer: Answer, batch: Batch, weight: float) -> Terms:
        """Return the weighted cross-entropy of the classes' scores against the labels."""
        if not self.classifies:
            return Terms({})
        scores = answer.output[:, -self.task.classes :]
        assert batch.labels is not None
        return Terms({"class": weight * F.cross_entropy(scores, batch.labels)})

    # The players minimise the loss of each patch, as in the paper, and not the loss of an image's
    # mean logit: a loss bends, so that D learns most from the patches that it takes for what they
    # are not, whereas by way of the mean each patch of an image would get the same gradient.

    def discriminator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        patches = (self._patches(answer).flatten() for answer in (real, fake))
        terms = self.discriminator_adversarial(*patches)
        return terms.with_terms(self._named(real, batch, self.options.classifier[0]))

    def generator_objective(self, real: Answer, fake: Answer, batch: Batch) -> Terms:
        patches = (self._patches(answer).flatten() for answer in (real, fake))
        terms = self.generator_adversarial(*patches)
        return terms.with_terms(self._named(fake, batch, self.options.classifier[1]))


@RECIPES.register("projected-fast", "a folder of photographs at 64 x 64 in 10 minutes on a CPU")
def projected_fast() -> Config:
    """Return what did best on 1,399 photographs of cats and dogs (results/README.md)."""
    optimizer = adam(1.5e-3, 0.0, 0.99, schedule="linear", decay_from=0.6)
    return Config(
        family="projected",
        network=ProjectedOptions(
            least_side=128,
            pixels=32,
            penalty_on="maps",
            class_strength=0.0,
            class_maps=3,
            classifier=(0.3, 0.2),
        ),
        latent=LatentConfig(size=100),
        objective=ObjectiveConfig(
            loss="relativistic", penalty="r1+r2", penalty_weight=20.0, penalty_interval=4
        ),
        stabilise=StabiliserConfig(
            augment="colour+translation", perceptual=3.0, perceptual_by_class=0.5
        ),
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        training=TrainingConfig(minutes=10, batch=16, ema=0.998),
    )
