"""A check that this machine can hold a game, before anything of it is allocated."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from gankit.errors import ConfigError
from gankit.families import FAMILIES, Game, Task
from gankit.game_types import Latent
from gankit.nn.uncompiled import shapes_alone
from gankit.settings.config import Config

COPIES = 4
"""Numbers held for each weight: itself, its gradient, and two of an optimiser or an average."""


def check_size(config: Config, task: Task) -> None:
    """Raise ConfigError if the settings make no network for this data, or one that is too large.

    Both networks are built without memory, and two examples passed through them, to count the
    numbers that they hold. They are too large if they take more memory than this machine has,
    together with their gradients and the batch.
    """
    with torch.random.fork_rng(devices=[]), shapes_alone(), torch.no_grad():
        try:
            with warnings.catch_warnings():  # a layer without weights shows in the error below
                warnings.simplefilter("ignore")
                game = FAMILIES[config.family](config, task)
                made, judged = _numbers_made(game)
        except (RuntimeError, ArithmeticError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise ConfigError(
                f"these settings of network make no '{config.family}' for examples of shape "
                f"{task.shape}: {reason}"
            ) from None
    weights = sum(_numbers_in(network) for network in (game.generator, game.discriminator))
    example = int(torch.Size(task.shape).numel()) + game.latent_size
    held = (s.holds(example, config.training.batch) for s in game.stabilisers)
    numbers = COPIES * weights + sum(held)
    if _on_cpu(config):
        numbers += config.training.batch // config.training.accumulate * max(made, judged)
    needed, there = numbers * (8 if config.runtime.precision == "64" else 4), memory()
    if there is not None and needed > there:
        raise ConfigError(
            f"this '{config.family}' needs about {needed / 2**30:,.0f} GiB of memory, this machine "
            f"has {there / 2**30:,.0f}: its networks have {weights:,} weights and make "
            f"{made + judged:,} numbers for one example, the batch is {config.training.batch:,}. "
            "Lower the sizes in network, latent.size, stabilise or training.batch",
            "latent.size",
            "training.batch",
        )


def memory() -> int | None:
    """Return the bytes of memory that this process may use: the machine's, or its container's.

    None if the system does not say.
    """
    found = []
    with suppress(AttributeError, OSError, ValueError):  # Windows has no sysconf
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # 'max': no limit
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(found, default=None)


def _on_cpu(config: Config) -> bool:
    """Return whether the batch lies in this machine's memory, and not in an accelerator's own."""
    device = config.runtime.device
    return device == "cpu" or (device == "auto" and not torch.cuda.is_available())


def _numbers_in(network: nn.Module) -> int:
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.numel() for tensor in tensors)


def _numbers_made(game: Game) -> tuple[int, int]:
    """Return how many numbers the layers of G and those of D make for one example."""
    task, labels = game.task, None
    if game.conditional:
        labels = torch.zeros(2, task.condition) if task.condition else torch.zeros(2).long()
    latent = Latent(torch.zeros(2, game.latent_size), labels)
    if task.world is not None:  # a sample is an episode, and an environment plays with real numbers
        seen = torch.zeros(2, task.world.observations)
        made = _made_by(game.generator, lambda: game.generator(seen))
    else:
        made = _made_by(game.generator, lambda: game.generate(latent))
    judged = _made_by(game.discriminator, lambda: game.discriminator(task.blank(2), labels))
    return made, judged


def _made_by(network: nn.Module, play: Callable[[], object]) -> int:
    """Return how many numbers the layers of a network make for one example.

    `play` passes two examples through the network.
    """
    counts: list[int] = []

    def count(_module: nn.Module, _given: object, made: object) -> None:
        counts.append(made.numel() if isinstance(made, Tensor) else 0)

    network.to("meta")  # a reference batch (stabilise.virtual_batch) was drawn into real memory
    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(count) for module in leaves]
    play()
    for hook in hooks:
        hook.remove()
    return sum(counts) // 2
