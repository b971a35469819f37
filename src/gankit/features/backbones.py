"""Backbones: frozen networks through which a discriminator looks at images.

A backbone turns images into maps, from fine to coarse. It is known by a name in `BACKBONES`, as
`timm:NAME`, or as a .pt2 file that torch.export saved. A .pt2 file holds a program: open only one
that you trust.

No file of a run holds a backbone's weights; run.json and the artifact hold their digest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from gankit.errors import ConfigError
from gankit.features.efficientnet import LITES, build_lite, read_weights
from gankit.features.network import file_digest
from gankit.nn.efficientnet_lite import EfficientNetLite
from gankit.nn.fixed import fixed
from gankit.registry import Registry
from gankit.storage import digest
from gankit.text import from_home, reason

TIMM = "timm:"


class Backbone(nn.Module):
    """A frozen network: images [N, 3, H, W] in [-1, 1] -> maps [N, C, h, w], from fine to coarse.

    It is in eval mode for good, and its weights are buffers that its state does not hold.

    Attributes:
        name: as it was asked for.
        digest: of its weights, or of the file that holds them.
    """

    def __init__(self, name: str, digest: str, network: nn.Module) -> None:
        """Take a network in eval mode, whose output is a sequence of maps, and freeze it."""
        super().__init__()
        self.name, self.digest = name, digest
        self.network = fixed(network, stored=False)

    def train(self, mode: bool = True) -> Self:
        return self

    def forward(self, images: Tensor) -> Sequence[Tensor]:
        maps: Sequence[Tensor] = self.network(images)
        return maps

    def shapes(self, height: int, width: int) -> list[tuple[int, int, int]]:
        """Return (channels, height, width) of each map of an image of this size.

        Raises ConfigError if the backbone fails on such images, returns anything else than maps,
        or lets no gradient through.
        """
        device = next(iter(self.buffers()), torch.empty(0)).device
        images = torch.zeros(3, 3, height, width, device=device, requires_grad=True)
        try:
            with torch.enable_grad():
                maps = self(images)
        except Exception as error:  # a foreign network may raise anything
            raise self._unfit(f"fails on 3 images of {height}x{width}: {reason(error)}") from error
        listed = isinstance(maps, (list, tuple)) and len(maps) > 0
        if not listed or not all(isinstance(m, Tensor) and m.dim() == 4 for m in maps):
            raise self._unfit("does not return a list of maps [N, C, h, w]")
        if any(len(m) != 3 or 0 in m.shape for m in maps):
            raise self._unfit(f"makes {[list(m.shape) for m in maps]} of 3 images")
        if not all(m.requires_grad for m in maps):
            raise self._unfit("lets no gradient through to the images: G would learn nothing")
        return [(m.shape[1], m.shape[2], m.shape[3]) for m in maps]

    def _unfit(self, why: str) -> ConfigError:
        return ConfigError(f"the backbone '{self.name}' {why}", "network.backbone")


BACKBONES: Registry[Callable[[], Backbone]] = Registry("backbone")


def load_backbone(name: str) -> Backbone:
    """Load the backbone of this name, `timm:NAME`, or .pt2 file, on the CPU.

    Under the meta device, where networks are built for their shapes alone, no weights are needed,
    and `lite0` stands for a backbone that is missing: so an artifact can be loaded without its own.

    Raises ConfigError if the name is unknown, something is not installed, or the file is no
    program.
    """
    try:
        return _load(name)
    except ConfigError:
        if not _shapes_alone():
            raise
        return lite0()


def _shapes_alone() -> bool:
    return torch.get_default_device().type == "meta"


def _load(name: str) -> Backbone:
    if name.startswith(TIMM):
        return _from_timm(name)
    if name not in BACKBONES and Path(name).suffix.lower() == ".onnx":
        raise ConfigError(
            f"the backbone '{name}' would let no gradient through: give the network as a .pt2 file "
            "that torch.export saved",
            "network.backbone",
        )
    if name not in BACKBONES and Path(name).suffix.lower() == ".pt2":
        return _from_file(name)
    return BACKBONES[name]()


class Scaled(nn.Module):
    """A network that is given images as (x - mean) / std, with x from -1 to 1."""

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Any:
        return self.network((images - self.get_buffer("mean")) / self.get_buffer("std"))


# EfficientNet-Lite takes (pixel - 127) / 128, and x is pixel / 127.5 - 1.
_LITE_MEAN, _LITE_STD = [-0.5 / 127.5] * 3, [128 / 127.5] * 3


def _lite(name: str) -> Backbone:
    lite = LITES[name]
    if _shapes_alone():
        return Backbone(name, lite.sha256, EfficientNetLite(lite.width, lite.depth))
    network = Scaled(build_lite(name, read_weights(name)), _LITE_MEAN, _LITE_STD)
    return Backbone(name, lite.sha256, network)


@BACKBONES.register("lite0", "EfficientNet-Lite0 of ImageNet: the quickest")
def lite0() -> Backbone:
    return _lite("lite0")


@BACKBONES.register("lite1", "EfficientNet-Lite1 of ImageNet")
def lite1() -> Backbone:
    return _lite("lite1")


@BACKBONES.register("lite2", "EfficientNet-Lite2 of ImageNet")
def lite2() -> Backbone:
    return _lite("lite2")


@BACKBONES.register("random", "a small network of fixed random weights, to compare with")
def random() -> Backbone:
    """Return a network that needs no package, and that knows nothing of images.

    It is the same whatever the run's seed is.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = EfficientNetLite(width=0.25, depth=0.25)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                # Uniform numbers are the same on every machine; without biases, 0 stays 0.
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
    mark = "none" if _shapes_alone() else digest(network.state_dict())
    return Backbone("random", mark, network.eval())


def _from_timm(name: str) -> Backbone:
    try:
        import timm
    except (ImportError, RuntimeError):  # torchvision of another torch fails in its own ways
        raise ConfigError(
            f"the backbone '{name}' needs timm, with a working torchvision: pip install timm",
            "network.backbone",
        ) from None
    try:
        with torch.device("cpu"):
            network = timm.create_model(
                name.removeprefix(TIMM), pretrained=True, features_only=True
            )
    except Exception as error:  # unknown names, no such features, no connection: each its own way
        raise ConfigError(
            f"the backbone '{name}' cannot be loaded: {reason(error)}", "network.backbone"
        ) from error
    cfg = network.pretrained_cfg
    # timm's mean and std are of pixels from 0 to 1.
    mean, std = ([2 * n for n in cfg[key]] for key in ("mean", "std"))
    with torch.device("cpu"):
        scaled = Scaled(network.eval(), [n - 1 for n in mean], std)
    return Backbone(name, digest(network.state_dict()), scaled)


def _from_file(name: str) -> Backbone:
    path = from_home(name)
    if not path.is_file():
        raise ConfigError(f"there is no backbone '{path}'", "network.backbone")
    try:
        with torch.device("cpu"):
            network, mark = torch.export.load(path).module(), file_digest(path)
    except Exception as error:  # a foreign file fails in many ways
        raise ConfigError(
            f"the backbone '{path}' is damaged or no torch.export file ({reason(error)})",
            "network.backbone",
        ) from None
    return Backbone(name, mark, network)
