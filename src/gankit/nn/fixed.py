"""Networks that are not trained: their weights become buffers."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def fixed(network: Network, *, stored: bool) -> Network:
    """Turn every weight of `network` into a buffer, in place, and return the network.

    No optimiser sees a buffer, and gradients pass through it to what the network is given. It
    follows the network to other devices and types.

    >>> layer = fixed(nn.Linear(2, 3), stored=False)
    >>> list(layer.parameters()), list(layer.state_dict())
    ([], [])

    Args:
        network: a network, such as one that was trained elsewhere.
        stored: whether the network's state holds its weights. If not, it holds none of its buffers
            either.
    """
    for module in network.modules():
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, tensor in own:
            delattr(module, name)
            module.register_buffer(name, tensor.detach(), persistent=stored)
    return network
