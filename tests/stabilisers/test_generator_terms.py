"""What G's loss may have besides."""

from __future__ import annotations

import math

import pytest
import torch

from gankit.stabilisers.generator_terms import entropy, most_real


def test_entropy_is_kozachenko_and_leonenko_s():
    """For U(0, 1): E log d + log(N - 1) + log 2 + Euler's constant = 0; a scale c adds log c."""
    torch.manual_seed(0)
    points = torch.rand(4000, 1, dtype=torch.float64)
    estimate = float(entropy(points)) + math.log(3999) + math.log(2) + 0.5772156649
    assert estimate == pytest.approx(0, abs=0.05)
    cloud = torch.randn(300, 3, dtype=torch.float64)
    assert float(entropy(5 * cloud) - entropy(cloud)) == pytest.approx(math.log(5))
    assert torch.isfinite(entropy(torch.ones(4, 2)))


def test_the_most_real_fakes_and_their_partners():
    real, fake = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0.1, 0.9, 0.5, 0.7])
    chosen_real, chosen_fake = most_real(real, fake, 0.5)
    assert sorted(chosen_fake.tolist()) == pytest.approx([0.7, 0.9])
    assert sorted(chosen_real.tolist()) == [2.0, 4.0]
    assert len(most_real(real, fake, 0.01)[0]) == 1
