"""The averaged generator against a plain loop."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.nn.ema import Average


@pytest.mark.parametrize("forgets", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.9, 0.999])
def test_it_is_the_moving_average_of_weights_and_buffers(decay, forgets):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)).double()
    network.to(memory_format=torch.channels_last)
    average = Average(network, decay)
    average.forgets = forgets
    expected = {k: v.clone() for k, v in network.state_dict().items()}
    for step in range(40):
        with torch.no_grad():
            for p in network.parameters():
                p.add_(torch.randn_like(p))
        network(torch.randn(4, 2, 5, 5, dtype=torch.float64))  # moves the buffers
        average.follow(step)
        early = (1 + step) / (10 + step) if forgets else 1.0
        d = min(decay, early) if decay else 0.0
        for k, v in network.state_dict().items():
            expected[k] = d * expected[k] + (1 - d) * v if v.is_floating_point() else v.clone()
    found = average.network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[k], expected[k], atol=1e-12) for k in expected)
    assert found["1.num_batches_tracked"] == 40
    assert not average.network.training
    assert not any(p.requires_grad for p in average.network.parameters())
