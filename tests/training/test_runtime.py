"""Where a run may compute, and what is refused before it starts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gankit.errors import ConfigError
from gankit.settings.config import RuntimeConfig
from gankit.training import runtime
from gankit.training.runtime import (
    Runtime,
    check_world,
    choose_device,
    compute_in_bfloat16,
    start_runtime,
)


@pytest.fixture
def machine(monkeypatch):
    """machine(cuda=True, mps=False): a machine with these devices."""

    def make(cuda=False, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: int(cuda))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return make


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_fastest_that_is_there(machine, cuda, mps, chosen):
    machine(cuda, mps)
    assert choose_device("auto") == chosen
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_missing_is_refused(machine, device):
    machine()
    with pytest.raises(ConfigError, match=f"runtime.device '{device}' is not available"):
        choose_device(device)


def test_what_a_device_does_not_offer_is_refused(machine):
    machine(mps=True)
    with pytest.raises(ConfigError, match="64 is not there on MPS"):
        start_runtime(RuntimeConfig(device="mps", precision="64"))
    machine(cuda=True)
    with pytest.raises(ConfigError, match=r"runtime\.devices is 3, 1 CUDA"):
        start_runtime(RuntimeConfig(device="cuda", devices=3))


@pytest.mark.parametrize(
    ("precision", "dtype", "mixed"),
    [("32", torch.float32, False), ("64", torch.float64, False), ("bf16", torch.float32, True)],
)
def test_precisions(precision, dtype, mixed):
    started = start_runtime(RuntimeConfig(device="cpu", precision=precision))
    assert type(started) is Runtime
    assert (started.dtype, started.mixed, started.rank, started.world) == (dtype, mixed, 0, 1)


def test_one_process_wraps_and_changes_nothing():
    alone, network = Runtime(torch.device("cpu")), nn.Linear(2, 1)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    assert alone.set_up(network, optimizer) == (network, optimizer)
    assert alone.mean(torch.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
    assert alone.anywhere(True)
    assert not alone.anywhere(False)
    assert alone.from_first(3.5) == 3.5


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    check_world(RuntimeConfig(devices=4), 8)
    with pytest.raises(ConfigError, match="batch 9 cannot be shared by 4 processes"):
        check_world(RuntimeConfig(devices=4), 9)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert runtime._elastic_world() == (3, 3)
    with pytest.raises(ConfigError, match="by 3 processes"):
        check_world(RuntimeConfig(), 8)


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
