"""Several processes, each with a device of its own, by Lightning Fabric."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gankit.errors import ConfigError
from gankit.settings.config import RuntimeConfig
from gankit.training.runtime import Runtime


class FabricRuntime(Runtime):
    """Several processes, each with a device, through Lightning Fabric.

    Each (network, optimiser) pair is set up on its own: one wrapper around both players
    would wait for gradients of the player that does not move. Buffers stay local: each process
    has batch statistics of its own, and rank 0's are kept.
    """

    def __init__(self, config: RuntimeConfig, device: str) -> None:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy

        world, local = elastic_world()
        devices = local or config.devices
        self.fabric = Fabric(
            accelerator=device,
            devices=devices,
            num_nodes=max(1, world // devices),
            strategy=DDPStrategy(broadcast_buffers=False),
            precision="64-true" if config.precision == "64" else "32-true",
        )
        with _ending_with_the_first():
            self.fabric.launch()
        _outlive_children()
        super().__init__(self.fabric.device, config.precision)
        self.rank, self.world = self.fabric.global_rank, self.fabric.world_size

    def set_up(self, network: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Any]:
        wrapped, stepper = self.fabric.setup(network, optimizer)
        return wrapped, stepper

    def without_sync(self, network: nn.Module) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = self.fabric.no_backward_sync(network)  # type: ignore[arg-type]
        return context

    def mean(self, values: Tensor) -> Tensor:
        reduced = self.fabric.all_reduce(values, reduce_op="mean")
        assert isinstance(reduced, Tensor)
        return reduced

    def anywhere(self, flag: bool) -> bool:
        return self.any_of(flag)[0]

    def any_of(self, *flags: bool) -> tuple[bool, ...]:
        shares = self.mean(torch.tensor([float(flag) for flag in flags], device=self.device))
        return tuple(bool(share > 0) for share in shares.cpu())

    def lost_a_process(self, error: BaseException) -> bool:
        network = (torch.distributed.DistNetworkError, torch.distributed.DistBackendError)
        said = any(word in str(error) for word in ("peer", "gloo", "Broken pipe", "NCCL", "Timed"))
        return isinstance(error, network) or (isinstance(error, RuntimeError) and said)

    def from_first(self, number: float) -> float:
        return float(self.fabric.broadcast(number))

    def barrier(self) -> None:
        self.fabric.barrier()

    def close(self) -> None:
        # A process that ends with its connections open may be aborted as it ends. If another
        # process failed, it has said so, and there is nobody left to wait for.
        with suppress(RuntimeError):
            if torch.distributed.get_backend() == "gloo":
                # gloo's usual barrier leaves tensors to a thread that needs the interpreter's lock
                # to free them. Destroying the group before that waits for the thread while holding
                # the lock: a deadlock.
                torch.distributed.monitored_barrier()
            else:
                self.fabric.barrier()
            torch.distributed.destroy_process_group()


FIRST = "GANKIT_FIRST_PROCESS"
"""The environment variable that tells a process which process has started it."""


@contextmanager
def _ending_with_the_first() -> Iterator[None]:
    """End this process if the first one is gone while the processes still look for each other.

    Otherwise this process would wait half an hour for it. Later on, the connection to a process
    that is gone breaks, which is noticed.
    """
    if "LOCAL_RANK" not in os.environ:  # this is the first process
        os.environ[FIRST] = str(os.getpid())
    first, met = int(os.environ.get(FIRST, os.getpid())), threading.Event()

    def watch() -> None:
        while not met.wait(0.5):
            if os.getppid() != first:
                with suppress(OSError):
                    os.write(2, b"gankit: the first process of this run is gone\n")
                os._exit(2)

    if first != os.getpid() and hasattr(os, "getppid"):
        threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        met.set()


GRACE = 120.0
"""Seconds that the first process has to save and to end after another one has failed."""


def _outlive_children() -> None:
    """Give the first process time to save when another process fails.

    Lightning watches the processes that it has started, and kills all of them, the first one too,
    up to five seconds after one fails. This replaces its watcher by one that waits `GRACE` seconds:
    processes that wait for the failed one for ever still have to be killed.
    """
    for watcher in threading.enumerate():
        children = getattr(watcher, "_child_processes", None)
        if watcher.name == "child-process-observer" and children:
            watcher._child_processes = []  # type: ignore[attr-defined]
            thread = threading.Thread(target=_end_after_grace, args=(children,), daemon=True)
            thread.start()


def _end_after_grace(children: list[Any]) -> None:
    while not any(child.poll() for child in children):
        if all(child.returncode == 0 for child in children):
            return
        time.sleep(1)
    time.sleep(GRACE)
    for child in children:
        child.kill()
    os._exit(1)


def check_world(config: RuntimeConfig, batch: int, parts: int = 1) -> None:
    """Raise ConfigError if processes cannot share the batch evenly, before any is started.

    Each process takes its share in so many `parts`.
    """
    world = elastic_world()[0] or config.devices
    if batch % (world * parts):
        each = f" in {parts} parts each" if parts > 1 else ""
        raise ConfigError(
            f"training.batch {batch} cannot be shared by {world} processes{each}: give a multiple "
            f"of {world * parts}",
            "training.batch",
        )


def check_processes(config: RuntimeConfig, reason: str | None) -> None:
    """Raise ConfigError if several processes are asked for and there is a `reason` against it."""
    if reason and (elastic_world()[0] or config.devices) > 1:
        raise ConfigError(f"{reason}: set runtime.devices to 1", "runtime.devices")


def is_first() -> bool:
    """Return whether this is the first process of a run, known before the others are started."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK"))


def elastic_world() -> tuple[int, int]:
    """Return (processes in all, processes on this machine) under torchrun; (0, 0) otherwise."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return 0, 0
    return int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
