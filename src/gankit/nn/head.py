"""D's last layer, and how a label's code joins features or images."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gankit.nn.layers import GaussianNoise, label_map
from gankit.nn.minibatch_discrimination import MinibatchDiscrimination


class Head(nn.Module):
    """D's last layer: features [N, F] -> logits [N], or with `outputs` [N, outputs].

    Kind "v1" is one sigmoid output. Kind "v2" is a softmax over (true, fake): its probability of
    true is the sigmoid of the difference of the two, so that difference is the logit. If there are
    `classes`, or labels that are vectors of `condition` numbers, the product of the label's
    embedding and the features is added to the logit (projection, arXiv 1802.05637). While D trains,
    `noise`, a standard deviation, is added to the features: what looks at them sees them without.
    """

    def __init__(
        self,
        features: int,
        classes: int = 0,
        kind: Literal["v1", "v2"] = "v1",
        outputs: int | None = None,
        condition: int = 0,
        noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.outputs = outputs
        self.noise = GaussianNoise(noise)
        self.linear = nn.Linear(features, outputs or (1 if kind == "v1" else 2))
        self.closeness: MinibatchDiscrimination | None = None
        self.projection = label_map(classes, condition, features) if classes or condition else None
        if self.projection is not None:
            # Torch's own initial weights, N(0, 1), would drown the unconditional logit.
            nn.init.normal_(self.projection.weight, std=features**-0.5)

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        features = self.noise(features)
        out: Tensor = self.linear(features)
        if self.closeness is not None:
            out = out + self.closeness(features)
        if self.outputs is not None:
            return out
        logits = out[:, 0] if out.shape[1] == 1 else out[:, 0] - out[:, 1]
        if self.projection is not None:
            logits = logits + (self.projection(labels) * features).sum(1)
        return logits


def last_layer(discriminator: nn.Module) -> Head | None:
    """Return D's last layer, whose input is the last hidden features; None if D has no `Head`."""
    return next((m for m in discriminator.modules() if isinstance(m, Head)), None)


def add_minibatch_discrimination(head: Head, kernels: int, size: int) -> None:
    """Add minibatch discrimination to `head`: how close each sample is to others of its batch."""
    head.closeness = MinibatchDiscrimination(
        head.linear.in_features, kernels, size, head.linear.out_features
    )


def join_code(x: Tensor, labels: Tensor | None, code: nn.Module | None) -> Tensor:
    """Return `x` [N, F] followed by the label's code: [N, F + C]; `x` alone without a code."""
    if code is None:
        return x
    assert labels is not None
    return torch.cat([x, code(labels).to(x.dtype)], 1)


def lay_code(x: Tensor, labels: Tensor | None, code: nn.Module | None) -> Tensor:
    """Return `x` [N, F, H, W] followed by the label's code as constant planes: [N, F + C, H, W].

    Without a code, return `x` alone.
    """
    if code is None:
        return x
    assert labels is not None
    planes = code(labels).to(x.dtype)[..., None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, planes], 1)
