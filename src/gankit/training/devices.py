"""Which device a run computes on, and in which way."""

from __future__ import annotations

import torch

from gankit.errors import ConfigError
from gankit.settings.config import RuntimeConfig
from gankit.settings.schema import SettingError
from gankit.training.graphs import GraphRuntime
from gankit.training.processes import FabricRuntime, elastic_world
from gankit.training.runtime import Runtime


def start_runtime(config: RuntimeConfig) -> Runtime:
    """Return the runtime that `config` asks for; with several devices, start the other processes.

    Raises ConfigError if the device is missing or does not offer the precision.
    """
    device = choose_device(config.device)
    if device == "mps" and config.precision == "64":
        raise ConfigError(
            "runtime.precision 64 is not there on MPS: set runtime.device to cpu",
            *("runtime.precision", "runtime.device"),
        )
    if device == "cuda" and config.devices > torch.cuda.device_count():
        raise ConfigError(
            f"runtime.devices is {config.devices}, {torch.cuda.device_count()} CUDA devices are "
            "there: lower it",
            "runtime.devices",
        )
    if config.devices > 1 or elastic_world()[0] > 1:
        return FabricRuntime(config, device)
    if device == "cuda" and config.graphs:
        return GraphRuntime(torch.device(device), config.precision)
    return Runtime(torch.device(device), config.precision)


def choose_device(asked: str) -> str:
    """Return `cpu`, `cuda` or `mps`; `auto` takes the fastest that is available.

    Raises SettingError if the device asked for is not available.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if asked == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there[asked]:
        raise SettingError("runtime.device", f"'{asked}' is not available here: use 'auto'")
    return asked
