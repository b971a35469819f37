"""Where a run may compute, and what is refused before it starts."""

from __future__ import annotations

import pytest
import torch

from gankit.errors import ConfigError
from gankit.settings.config import RuntimeConfig
from gankit.training.devices import choose_device, start_runtime
from gankit.training.graphs import GraphRuntime
from gankit.training.runtime import Runtime


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


def test_a_gpu_replays_steps_unless_told_otherwise(machine):
    machine(cuda=True)
    kinds = [type(start_runtime(RuntimeConfig(graphs=graphs))) for graphs in (True, False)]
    assert kinds == [GraphRuntime, Runtime]
