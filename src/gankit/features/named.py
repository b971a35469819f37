"""Feature networks by name: they turn images into the vectors that scores are measured on.

A score means nothing without the network that it was measured in, so each network has a name, a
digest of its weights and a text that says how images were brought to its size. `load_network`
finds one by its name in `FEATURES`, or in a user's file (files.py).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.errors import ConfigError, MissingExtraError
from gankit.features.digits_network import CLASSES, DigitsNetwork
from gankit.features.efficientnet import build_classifier, build_lite, read_weights
from gankit.features.files import ENDINGS, load_file
from gankit.features.network import FeatureNetwork, make_ready
from gankit.nn.uncompiled import shapes_alone
from gankit.registry import Registry
from gankit.storage import digest, read_tensors
from gankit.text import from_home, reason

FEATURES: Registry[Callable[[str], FeatureNetwork]] = Registry("feature network")


def load_network(name: str | Path, device: str = "cpu") -> FeatureNetwork:
    """Load the feature network of this name, on `device`, or in this .onnx or .pt2 file.

    A network in a file computes on the CPU.

    Raises:
        ConfigError: the name is unknown, its weights are not installed, or the file holds no
            network of images.
        MissingExtraError: it needs a package that is not installed.
    """
    if str(name) not in FEATURES and Path(name).suffix.lower() in ENDINGS:
        return load_file(from_home(name))
    return FEATURES[str(name)](device)


@FEATURES.register("pixels")
class Pixels(FeatureNetwork):
    """The pixels themselves in [0, 1], in rows; large images are shrunk to at most 1,024 numbers.

    There is no network: distances see brightness and place, and little of what a picture shows.
    """

    name = "pixels"
    MOST = 1024

    def __init__(self, device: str = "cpu") -> None:
        """`device` is not used; it is here because every other network takes it."""

    def size_for(self, shape: tuple[int, ...]) -> tuple[int, int]:
        height, width = shape[1:3]
        channels = shape[3] if len(shape) == 4 else 1
        scale = min(1.0, (self.MOST / (height * width * channels)) ** 0.5)
        return max(1, int(height * scale)), max(1, int(width * scale))

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        return images.flatten(1), None


class Points(FeatureNetwork):
    """Points as they are, float32 [N, D], on which toys are measured."""

    name = "points"

    def prepare(self, images: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.asarray(images, np.float32))

    def resize(self, shape: tuple[int, ...]) -> str:
        return "none"

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        return images, None


@FEATURES.register("digits")
class Digits(FeatureNetwork):
    """A classifier of handwritten digits, trained on MNIST; 96 features."""

    name = "digits"
    size, channels, class_names = (28, 28), 1, CLASSES

    def __init__(self, device: str) -> None:
        file = resources.files("gankit.features") / "digits.safetensors"
        with resources.as_file(file) as path:
            weights, header = read_tensors(path, "feature network")
        self.digest = header["digest"]
        with shapes_alone():  # no weights are drawn
            self._network = DigitsNetwork()
        state = {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
        self._network.load_state_dict(state, assign=True)
        make_ready(self._network, device)
        self._device = device

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features, logits = self._network(images.to(self._device))
        return features, logits.softmax(1)


@FEATURES.register("inception")
class Inception(FeatureNetwork):
    """The Inception network of the FID, in torch-fidelity's port with its weights; 2,048 features.

    It resizes images itself, with the filter of TensorFlow 1 that every published FID used.
    """

    name = "inception"
    channels, block, rounds = 3, 50, True

    def __init__(self, device: str) -> None:
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except (ImportError, RuntimeError):  # torchvision of another torch fails in its own ways
            what = "the feature network 'inception' (torch-fidelity and a working torchvision)"
            raise MissingExtraError(what, "fid") from None
        try:
            network = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"])
        except OSError as error:
            raise ConfigError(
                f"the weights of 'inception' cannot be downloaded ({reason(error)}): put them "
                "into torch's cache, or give other features",
                "features",
            ) from None
        self.digest = digest(network.state_dict())
        self._network, self._device = network, device
        make_ready(self._network, device)
        self.class_names = tuple(f"ImageNet {i}" for i in range(1008))

    def resize(self, shape: tuple[int, ...]) -> str:
        return "bilinear of TensorFlow 1, not antialiased (torch-fidelity), to 299x299"

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        pixels = (images * 255).round().to(torch.uint8).to(self._device)
        features, logits = self._network(pixels)
        return features, logits.softmax(1)


@FEATURES.register("efficientnet")
class EfficientNet(FeatureNetwork):
    """EfficientNet-Lite0, trained on ImageNet; 1,280 features."""

    name = "efficientnet"
    lite = "lite0"
    size, channels, block, usual = (224, 224), 3, 50, 2000

    def __init__(self, device: str) -> None:
        weights = read_weights(self.lite)
        self.digest = digest(weights)
        self._network, self._classifier = build_lite(self.lite, weights), build_classifier(weights)
        self._device = device
        for network in (self._network, self._classifier):
            make_ready(network, device)
        self.class_names = tuple(f"ImageNet {i}" for i in range(1000))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = self._network((images.to(self._device) * 255 - 127) / 128)
        features, logits = self._classifier(maps[-1])
        return features, logits.softmax(1)


@FEATURES.register("efficientnet-lite2")
class EfficientNetLite2(EfficientNet):
    """Its larger sister EfficientNet-Lite2: a second judge where the first one is D's backbone."""

    name = "efficientnet-lite2"
    lite = "lite2"
    size = (260, 260)
