"""Layers that families use and torch lacks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrizations

if TYPE_CHECKING:
    from collections.abc import Iterator


class Maxout(nn.Module):
    """Layer whose units are each the maximum of `pieces` linear maps (arXiv 1302.4389).

    It maps [N, inputs] to [N, units].

    >>> Maxout(inputs=3, units=5, pieces=2)(torch.zeros(4, 3)).shape
    torch.Size([4, 5])
    """

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.units, self.pieces = units, pieces
        self.linear = nn.Linear(inputs, units * pieces)

    def forward(self, x: Tensor) -> Tensor:
        pieces: Tensor = self.linear(x).view(-1, self.units, self.pieces)
        return pieces.amax(2)


class MaxoutConv(nn.Module):
    """Layer whose units are each the maximum of `pieces` convolutions, then max-pooled by 2.

    It maps [N, inputs, H, W] to [N, units, H', W']; H' and W' are about half of H and W.
    """

    def __init__(self, inputs: int, units: int, pieces: int, kernel: int) -> None:
        super().__init__()
        self.units, self.pieces = units, pieces
        self.conv = nn.Conv2d(inputs, units * pieces, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        pieces = self.conv(x).unflatten(1, (self.units, self.pieces))
        return F.max_pool2d(pieces.amax(2), 3, 2, padding=1)


class GaussianNoise(nn.Module):
    """Noise of N(0, std^2) on every input in training mode, and none in eval mode.

    >>> GaussianNoise(0.3).eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training and self.std else x


class DrawnDropout(nn.Module):
    """Dropout whose mask is drawn outside, so that it is an input like the noise.

    It stays on when samples are drawn. A unit of x [N, F] is dropped if its number in `chances`
    [N, F], drawn from U(0, 1), is below `share`.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor, chances: Tensor) -> Tensor:
        return x * (chances >= self.share) / (1 - self.share)


class OneHot(nn.Module):
    """One-hot code of labels, without weights: int64 [N] in 0..classes-1 -> int64 [N, classes].

    >>> OneHot(3)(torch.tensor([2, 0]))
    tensor([[0, 0, 1],
            [1, 0, 0]])
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, labels: Tensor) -> Tensor:
        return F.one_hot(labels, self.classes)


def label_map(classes: int, condition: int, size: int) -> nn.Embedding | nn.Linear:
    """Return a linear map from labels to [N, size].

    Labels are classes, int64 [N]; or, if `classes` is 0, vectors [N, condition].
    """
    return nn.Embedding(classes, size) if classes else nn.Linear(condition, size, bias=False)


@contextmanager
def mixed_labels(network: nn.Module, shares: Tensor) -> Iterator[int]:
    """Let a network take mixtures of classes inside the block.

    Every layer that codes a class is a linear map of its one-hot code, so the code of a mixture is
    the mean of the classes' codes. Inside the block the layers return it whatever class they are
    given.

    >>> code = nn.Sequential(OneHot(2))
    >>> with mixed_labels(code, torch.tensor([[0.25, 0.75]])) as mixed:
    ...     mixed, code(torch.tensor([1]))
    (1, tensor([[0.2500, 0.7500]]))

    Args:
        network: a network whose labels are classes.
        shares: the share of each class, float [N, classes]. They should add up to 1.

    Yields the number of layers that code a class.
    """

    def mix(layer: nn.Module, _given: object, made: Tensor) -> Tensor:
        return shares @ layer.weight if isinstance(layer, nn.Embedding) else shares

    classes = shares.shape[1]
    layers = [
        layer
        for layer in network.modules()
        if (isinstance(layer, nn.Embedding) and layer.num_embeddings == classes)
        or (isinstance(layer, OneHot) and layer.classes == classes)
    ]
    hooks = [layer.register_forward_hook(mix) for layer in layers]
    try:
        yield len(layers)
    finally:
        for hook in hooks:
            hook.remove()


class ConditionalBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose gain and bias depend on the label (arXiv 1707.00683).

    >>> norm = ConditionalBatchNorm2d(channels=8, classes=10)
    >>> norm(torch.randn(2, 8, 4, 4), torch.tensor([3, 7])).shape
    torch.Size([2, 8, 4, 4])

    Args:
        channels: of the input [N, channels, H, W].
        classes: number of classes, of labels int64 [N]; 0: a label is a vector.
        condition: the size of that vector, of labels float [N, condition].
    """

    def __init__(self, channels: int, classes: int, condition: int = 0) -> None:
        super().__init__(channels, affine=False)
        self.gain = label_map(classes, condition, channels)
        self.shift = label_map(classes, condition, channels)
        # Every class starts as plain batch normalisation; a vector's gain is added to 1.
        self.offset = 0.0 if classes else 1.0
        nn.init.constant_(self.gain.weight, 1.0 - self.offset)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        assert labels is not None
        normal = super().forward(x)
        shift, gain = self.shift(labels)[..., None, None], self.gain(labels)[..., None, None]
        return torch.addcmul(shift, normal, gain + self.offset if self.offset else gain)


@torch.no_grad()
def limit_norms(network: nn.Module, most: float) -> None:
    """Scale the weights into each unit of the dense layers down to a norm of at most `most`.

    The weights change in place (arXiv 1207.0580).

    >>> layer = nn.Linear(4, 2)
    >>> _ = nn.init.ones_(layer.weight)  # a norm of 2 into each unit
    >>> limit_norms(layer, most=1.0)
    >>> round(layer.weight[0].norm().item(), 3)
    1.0
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            module.weight.copy_(module.weight.renorm(2, 0, most))


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Keep `network` unchanged inside the block, while gradients pass through it.

    No weight collects a gradient and no buffer moves (batch statistics, spectral-norm vectors);
    layers such as dropout still act as in training.

    >>> d, x = nn.Linear(2, 1), torch.ones(3, 2, requires_grad=True)
    >>> with frozen(d):
    ...     d(x).sum().backward()
    >>> d.weight.grad is None, x.grad.shape
    (True, torch.Size([3, 2]))
    """
    weights = [p for p in network.parameters() if p.requires_grad]
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    spectral = [m for m in network.modules() if type(m).__name__ == "_SpectralNorm" and m.training]
    for weight in weights:
        weight.requires_grad_(False)
    for norm in norms:
        norm.track_running_stats = False
    for part in spectral:
        part.training = False  # no power iteration
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)
        for norm in norms:
            norm.track_running_stats = True
        for part in spectral:
            part.training = True


def spectral(layer: nn.Module) -> nn.Module:
    """Return the layer with its weight divided by its largest singular value."""
    if not next(layer.parameters()).is_meta:
        normalised: nn.Module = parametrizations.spectral_norm(layer)
        return normalised
    # Torch begins with 15 power iterations, which take far longer on shapes alone than on numbers.
    with torch.random.fork_rng(devices=[]):
        return spectral(layer.to_empty(device="cpu")).to("meta")
