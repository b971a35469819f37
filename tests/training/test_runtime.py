"""One process on one device: it wraps nothing; bfloat16 is inside the networks alone."""

from __future__ import annotations

import torch
from torch import nn

from gankit.training.runtime import Runtime, compute_in_bfloat16


def test_one_process_wraps_and_changes_nothing():
    alone, network = Runtime(torch.device("cpu")), nn.Linear(2, 1)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    assert alone.set_up(network, optimizer) == (network, optimizer)
    assert alone.mean(torch.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
    assert alone.anywhere(True)
    assert not alone.anywhere(False)
    assert alone.from_first(3.5) == 3.5


def test_bfloat16_inside_float32_outside():
    network = nn.Linear(64, 64)
    given, seen = torch.randn(8, 64), []
    exact = network(given)
    network.register_forward_hook(lambda _m, _i, out: seen.append(out.dtype))
    compute_in_bfloat16(network, torch.device("cpu"))
    rough = network(given)
    assert rough.dtype == torch.float32
    assert 1e-5 < (rough - exact).abs().max().item() < 0.05  # 8 bits of mantissa, not 24
    assert network.weight.dtype == torch.float32
