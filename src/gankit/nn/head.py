"""D's last layer, and a label's code beside features or over planes."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gankit.nn.layers import label_map
from gankit.nn.minibatch_discrimination import MinibatchDiscrimination


class Head(nn.Module):
    """D's last layer: features [N, F] -> logits [N], or with `outputs` [N, outputs].

    `v1` is one sigmoid output. `v2` is a softmax over (true, fake): its probability of true
    is the sigmoid of the difference of the two, so that difference is the logit. With
    `classes` (or a `condition`'s size), the label's embedding projected on the features is added
    (arXiv 1802.05637).
    """

    def __init__(
        self,
        features: int,
        classes: int = 0,
        kind: Literal["v1", "v2"] = "v1",
        outputs: int | None = None,
        condition: int = 0,
    ) -> None:
        super().__init__()
        self.outputs = outputs
        self.linear = nn.Linear(features, outputs or (1 if kind == "v1" else 2))
        self.closeness: MinibatchDiscrimination | None = None
        self.projection = label_map(classes, condition, features) if classes or condition else None
        if self.projection is not None:
            # Torch's own start, N(0, 1), would drown the unconditional logit.
            nn.init.normal_(self.projection.weight, std=features**-0.5)

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
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
    """D's last layer, which is given its last hidden features; None if it has no such layer."""
    return next((m for m in discriminator.modules() if isinstance(m, Head)), None)


def add_minibatch_discrimination(head: Head, kernels: int, size: int) -> None:
    """Let `head` see how close each sample is to the others of its batch, besides its features."""
    head.closeness = MinibatchDiscrimination(
        head.linear.in_features, kernels, size, head.linear.out_features
    )


def join_code(x: Tensor, labels: Tensor | None, code: nn.Module | None) -> Tensor:
    """`x` [N, F] with the label's code [N, C] behind it, where there is one."""
    if code is None:
        return x
    assert labels is not None
    return torch.cat([x, code(labels).to(x.dtype)], 1)


def lay_code(x: Tensor, labels: Tensor | None, code: nn.Module | None) -> Tensor:
    """`x` [N, F, H, W] with the label's code as constant planes behind it, where there is one."""
    if code is None:
        return x
    assert labels is not None
    planes = code(labels).to(x.dtype)[..., None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, planes], 1)
