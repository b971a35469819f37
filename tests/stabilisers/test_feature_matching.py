"""Feature matching."""

from __future__ import annotations

import pytest
import torch

from gankit.stabilisers.feature_matching import feature_distance


def test_feature_distance():
    real, fake = torch.tensor([[1.0, 2.0], [3.0, 2.0]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert feature_distance(real, fake, "l2").item() == pytest.approx(4 + 1)
    assert feature_distance(real, fake, "l1").item() == pytest.approx((2 + 1) / 2)
