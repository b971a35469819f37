"""Virtual batch normalisation: a reference batch in place of the batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class VirtualBatchNorm(nn.Module):
    """Batch normalisation by a reference batch and the example itself, nothing else of its batch.

    The first `rows` inputs are the reference, normalised by themselves; each other one by the
    moments of the reference and itself, rows : 1 (arXiv 1606.03498, section 3.5).
    """

    def __init__(self, channels: int, rows: int, eps: float) -> None:
        super().__init__()
        self.rows, self.eps = rows, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        inner = tuple(range(2, x.dim()))
        mean = x.mean(inner, keepdim=True) if inner else x
        square = x.square().mean(inner, keepdim=True) if inner else x.square()
        moments = [m[: self.rows].mean(0, keepdim=True) for m in (mean, square)]
        shares = [
            torch.cat(
                [
                    whole.expand(self.rows, *m.shape[1:]),
                    (m[self.rows :] + self.rows * whole) / (self.rows + 1),
                ]
            )
            for m, whole in zip((mean, square), moments, strict=True)
        ]
        variance = (shares[1] - shares[0].square()).clamp_min(0)
        shape = (1, -1, *[1] * len(inner))
        normal = (x - shares[0]) * (variance + self.eps).rsqrt()
        return normal * self.weight.view(shape) + self.bias.view(shape)


class WithReference(nn.Module):
    """A network that sees a reference batch before each of its own, and answers for its own."""

    def __init__(self, network: nn.Module, inputs: Tensor, labels: Tensor | None) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("inputs", inputs)
        self.register_buffer("labels", labels)

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> Tensor:
        reference, rows = self.get_buffer("inputs"), len(self.get_buffer("inputs"))
        if labels is not None:
            labels = torch.cat([self.get_buffer("labels"), labels])
        out: Tensor = self.network(torch.cat([reference, inputs]), labels)
        return out[rows:]


def normalise_virtually(
    network: nn.Module, inputs: Tensor, labels: Tensor | None
) -> WithReference | None:
    """`network` with its batch normalisation replaced; None where it has none that can be."""
    found = False
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) in (nn.BatchNorm1d, nn.BatchNorm2d):
                assert isinstance(child, nn.modules.batchnorm._BatchNorm)
                virtual = VirtualBatchNorm(child.num_features, len(inputs), child.eps)
                virtual.load_state_dict({"weight": child.weight, "bias": child.bias})
                setattr(module, name, virtual)
                found = True
    return WithReference(network, inputs, labels) if found else None
