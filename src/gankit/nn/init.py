"""Initial weights; each function sets those of a whole network in place."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized


def init_normal(network: nn.Module, std: float) -> None:
    """Draw weights from N(0, std), batch-norm gains from N(1, std), and set biases to 0.

    Those are DCGAN's initial weights (arXiv 1511.06434, section 4). `std` is a standard deviation.

    >>> layer = nn.Linear(100, 100)
    >>> init_normal(layer, std=0.02)
    >>> round(layer.weight.std().item(), 2), layer.bias.abs().max().item()
    (0.02, 0.0)
    """
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and module.affine:
            nn.init.normal_(module.weight, 1.0, std)


def init_glorot(network: nn.Module) -> None:
    """Draw weights that keep the variance of signals and gradients, and set biases to 0.

    Glorot & Bengio 2010. With torch's own initial weights each layer divides that variance by
    three.

    >>> layer = nn.Linear(100, 100)
    >>> init_glorot(layer)
    >>> round(layer.weight.std().item(), 1), layer.bias.abs().max().item()
    (0.1, 0.0)
    """
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def init_uniform(network: nn.Module, limit: float) -> None:
    """Draw weights from U(-limit, limit) and set biases to 0, as the GAN paper does.

    >>> layer = nn.Linear(100, 100)
    >>> init_uniform(layer, limit=0.05)
    >>> layer.weight.abs().max().item() <= 0.05, layer.bias.abs().max().item()
    (True, 0.0)
    """
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.uniform_(module.weight, -limit, limit)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):  # a linear map of the one-hot label
            nn.init.uniform_(module.weight, -limit, limit)


LEAST_DEVIATION = 1e-3
"""The least deviation by which `init_by_data` divides: an output may be the same for all inputs."""


@torch.no_grad()
def init_by_data(network: nn.Module, *given: Tensor | None) -> None:
    """Scale weight-normalised layers, and set their biases, by what they answer to some inputs.

    For these inputs each output of such a layer then has mean 0 and deviation 1, the layers before
    it included (Salimans & Kingma 2016, arXiv 1602.07868, section 3). `given` is what the network
    is called with.

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    >>> inputs = torch.arange(12.0).view(4, 3) ** 2
    >>> init_by_data(layer, inputs)
    >>> outputs = layer(inputs).detach()
    >>> outputs.mean(0).abs().max().item() < 1e-5, outputs.std(0, correction=0).round(decimals=3)
    (True, tensor([1., 1.]))
    """
    layers = [m for m in network.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    layers = [layer for layer in layers if is_parametrized(layer, "weight")]
    hooks = [layer.register_forward_hook(_standardise) for layer in layers]
    try:
        network(*given)
    finally:
        for hook in hooks:
            hook.remove()


def _standardise(layer: nn.Linear | nn.Conv2d, _given: object, out: Tensor) -> Tensor:
    """Make a layer's answer, [N, C] or [N, C, H, W], have mean 0 and deviation 1; return it."""
    over = [0, *range(2, out.dim())]
    mean = out.mean(over, keepdim=True)
    deviation = (out - mean).square().mean(over, keepdim=True).sqrt().clamp_min(LEAST_DEVIATION)
    norm = layer.parametrizations.weight.original0  # type: ignore[union-attr]
    norm.copy_(norm / deviation.view_as(norm))  # type: ignore[operator, arg-type]
    assert layer.bias is not None
    layer.bias.copy_((layer.bias - mean.flatten()) / deviation.flatten())
    return (out - mean) / deviation
