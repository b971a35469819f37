"""The base class of feature networks: images in, vectors out, with a name and a digest."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gankit.data import as_planes
from gankit.errors import ConfigError, DataError

LUMA = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in grey, by ITU-R 601, as in Pillow."""


class FeatureNetwork(ABC):
    """A network that turns images into feature vectors, and class probabilities if it classifies.

    Attributes:
        name: the name in labels of scores; the distance in `inception`'s features is the FID.
        digest: the digest of its weights; 'none' if it has none.
        size: the (height, width) that images are brought to; None: as they come.
        channels: 1 or 3, to which images are converted; None: as they come.
        class_names: the names of the columns of `probabilities`; empty if it does not classify.
        block: the number of images at a time, which decides how much memory is needed.
        usual: the number of images that are measured if none is given.
        rounds: whether it only takes images of 8 bits.
    """

    name: str
    digest: str = "none"
    size: tuple[int, int] | None = None
    channels: int | None = None
    class_names: tuple[str, ...] = ()
    block: int = 250
    usual: int = 10_000
    rounds: bool = False

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return features float32 [N, D] of images uint8 [N, H, W] (grey) or [N, H, W, C]."""
        return self.embed(images)[0]

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of each class, float32 [N, K], for images as in `features`.

        Raises ConfigError if the network does not classify.
        """
        found = self.embed(images)[1]
        if found is None:
            raise ConfigError(f"the feature network '{self.name}' names no classes")
        return found

    def embed(
        self, images: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return features and probabilities (None if it does not classify) from one pass."""
        features, probabilities = [], []
        for start in range(0, len(images), self.block):
            with torch.inference_mode():
                found, chances = self.forward(self.prepare(images[start : start + self.block]))
            features.append(found.float().cpu().numpy())
            if chances is not None:
                probabilities.append(chances.float().cpu().numpy())
        return np.concatenate(features), np.concatenate(probabilities) if probabilities else None

    def prepare(self, images: NDArray[np.uint8]) -> Tensor:
        """Return images as float32 [N, C, H, W] in [0, 1], with the network's channels and size."""
        planes = as_planes(images)
        return self.fit(torch.from_numpy(np.array(planes, np.float32, order="C")) / 255)

    def fit(self, pictures: Tensor) -> Tensor:
        """Bring pictures float32 [N, C, H, W] in [0, 1] to the network's channels and size."""
        count, channels, height, width = pictures.shape
        shape = (count, height, width) if channels == 1 else (count, height, width, channels)
        pictures = _with_channels(pictures, self.channels)
        size = self.size_for(shape)
        if size == (height, width):
            return pictures
        # Clamped, because bicubic filters overshoot.
        return F.interpolate(pictures, size, mode="bicubic", antialias=True).clamp_(0, 1)

    def size_for(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the (height, width) for images of `shape`, [N, H, W] or [N, H, W, C]."""
        return self.size or (shape[1], shape[2])

    def resize(self, shape: tuple[int, ...]) -> str:
        """Say how images of `shape` are brought to the network's size: 'none', or the filter."""
        size = self.size_for(shape)
        if size == tuple(shape[1:3]):
            return "none"
        return f"bicubic, antialiased (torch), to {size[0]}x{size[1]}"

    @abstractmethod
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return features [N, D], and probabilities [N, K] or None, of images from `prepare`."""


def file_digest(path: Path) -> str:
    """Return a hex digest of a file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _with_channels(pictures: Tensor, channels: int | None) -> Tensor:
    """Repeat grey as colour, or turn colour into grey, if the network wants it."""
    given = pictures.shape[1]
    if channels is None or channels == given:
        return pictures
    if given == 1:
        return pictures.expand(-1, channels, -1, -1)
    if channels == 1 and given == 3:
        return (pictures * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    raise DataError(
        f"images of {given} channels given to a network of {channels}: measure them in features "
        "'pixels'"
    )


class OverWhite(FeatureNetwork):
    """A network that is shown images with opacity over white, as people see them on a page."""

    def __init__(self, network: FeatureNetwork) -> None:
        """`network` takes images of 1 or 3 channels."""
        self._network = network
        self.name, self.digest, self.class_names = network.name, network.digest, network.class_names
        self.block, self.usual, self.rounds = network.block, network.usual, network.rounds
        self.channels = network.channels

    def fit(self, pictures: Tensor) -> Tensor:
        colours, alpha = pictures[:, :-1], pictures[:, -1:]
        return self._network.fit(torch.minimum(colours, alpha) + (1 - alpha))

    def size_for(self, shape: tuple[int, ...]) -> tuple[int, int]:
        return self._network.size_for((*shape[:3], shape[3] - 1))

    def resize(self, shape: tuple[int, ...]) -> str:
        told = self._network.resize((*shape[:3], shape[3] - 1))
        return "over white" if told == "none" else f"over white; {told}"

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        return self._network.forward(images)


def make_ready(network: nn.Module, device: str) -> None:
    """Prepare a network for use: on its device, in eval mode, without gradients of its weights."""
    network.to(device).eval().requires_grad_(False)
