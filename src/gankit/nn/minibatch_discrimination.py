"""How close the samples of a batch are to each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MinibatchDiscrimination(nn.Module):
    """How close each sample is to the others of its batch: [N, F] -> [N, outputs].

    M_i = f_i T with T in R^(F x B x C); o_b(i) = sum over j of exp(-|M_ib - M_jb|_1), and a
    linear map of o (Salimans et al. 2016, arXiv 1606.03498, section 3.2). The paper puts o
    beside the features before D's last layer: that is the sum of two linear maps.

    >>> closeness = MinibatchDiscrimination(features=8, kernels=4, size=3, outputs=1)
    >>> closeness(torch.zeros(5, 8)).shape
    torch.Size([5, 1])
    """

    def __init__(self, features: int, kernels: int, size: int, outputs: int) -> None:
        super().__init__()
        self.tensor = nn.Parameter(torch.randn(features, kernels, size) * features**-0.5)
        self.linear = nn.Linear(kernels, outputs)

    def closeness(self, features: Tensor) -> Tensor:
        """o: [N, kernels]."""
        m = torch.einsum("nf,fbc->nbc", features, self.tensor)
        distance = (m[:, None] - m[None]).abs().sum(3)
        return (-distance).exp().sum(1)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.linear(self.closeness(features))
        return out
