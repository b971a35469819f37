"""Minibatch discrimination: features of how close the samples of a batch are to each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MinibatchDiscrimination(nn.Module):
    """Layer that measures how close each sample is to the others of its batch.

    M_i = f_i T with T in R^(F x B x C); o_b(i) = sum over j of exp(-|M_ib - M_jb|_1); the layer
    returns a linear map of o (Salimans et al. 2016, arXiv 1606.03498, section 3.2). The paper
    appends o to the features before D's last layer; adding a linear map of each is the same.

    >>> closeness = MinibatchDiscrimination(features=8, kernels=4, size=3, outputs=1)
    >>> closeness(torch.zeros(5, 8)).shape
    torch.Size([5, 1])
    """

    def __init__(self, features: int, kernels: int, size: int, outputs: int) -> None:
        """Draw T and the linear map: the layer maps [N, features] to [N, outputs].

        Args:
            features: F, numbers in a sample's features.
            kernels: B, measures of closeness for each sample.
            size: C, numbers that each measure compares.
            outputs: numbers returned for each sample.
        """
        super().__init__()
        self.tensor = nn.Parameter(torch.randn(features, kernels, size) * features**-0.5)
        self.linear = nn.Linear(kernels, outputs)

    def closeness(self, features: Tensor) -> Tensor:
        """Return o [N, kernels] of features [N, F], between 1 and N: a sample counts itself."""
        m = torch.einsum("nf,fbc->nbc", features, self.tensor)
        distance = (m[:, None] - m[None]).abs().sum(3)
        return (-distance).exp().sum(1)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.linear(self.closeness(features))
        return out
