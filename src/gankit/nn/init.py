"""Initial weights; each function sets those of a whole network in place."""

from __future__ import annotations

from torch import nn


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
