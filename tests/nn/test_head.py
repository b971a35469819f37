"""D's last layer."""

from __future__ import annotations

import torch

from gankit.nn.head import Head


def test_two_logit_head_is_the_softmax_of_true_against_fake():
    torch.manual_seed(0)
    head = Head(7, kind="v2")
    features = torch.randn(5, 7)
    softmax = head.linear(features).softmax(1)[:, 0]
    assert torch.allclose(head(features).sigmoid(), softmax, atol=1e-6)
