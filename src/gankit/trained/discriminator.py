"""The tensors that a run's discriminator makes of images, by the names of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES, Game
from gankit.nn.head import last_layer
from gankit.nn.layers import MaxoutConv
from gankit.registry import did_you_mean
from gankit.storage import checkpoint_files, read_tensors
from gankit.text import shown

LAST = "last"
"""The name of D's last hidden features: the input of its last layer."""
ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, MaxoutConv)
"""The layers whose outputs are D's features, unless others are named."""


def last_discriminator(game: Game, artifact: Path | None) -> nn.Module:
    """Return the trained D of a game in eval mode, in single precision, on the CPU.

    It is the game's own if the game was not read from an artifact or if the artifact holds D; else
    that of the newest checkpoint in the run directory that the artifact lies in, which is skipped
    if it is damaged.

    Raises RunError if there is no such checkpoint.
    """
    if artifact is None or game.judges:
        return game.discriminator.eval()
    network = game.discriminator if game.own_networks else _untrained(game)
    for path in reversed(checkpoint_files(artifact.parent)):
        try:
            tensors, _ = read_tensors(path, "checkpoint")
            own = {k: v for k, v in tensors.items() if k.startswith("discriminator/")}
            network.load_state_dict(
                {k.removeprefix("discriminator/"): v for k, v in own.items()}, assign=True
            )
        except (RunError, RuntimeError):
            continue
        return network.float().eval().requires_grad_(False)
    raise RunError(
        f"'{artifact}' holds the generator alone, and there is no checkpoint beside it that holds "
        "the discriminator: load the run directory that it was trained in"
    )


def _untrained(game: Game) -> nn.Module:
    with torch.random.fork_rng(devices=[]):  # the weights that are drawn are replaced
        return FAMILIES[game.config.family](game.config, game.task).discriminator


def layers_of(network: nn.Module, asked: Sequence[str] | None) -> Mapping[str, nn.Module]:
    """Return D's layers by name: those asked for, else its activations and `LAST`.

    Raises ConfigError if a name is no layer.
    """
    known = {name: module for name, module in network.named_modules() if name}
    head = last_layer(network)
    if head is not None:
        known[LAST] = head
    if isinstance(asked, str):
        asked = [asked]
    if asked is None:
        chosen = [name for name, m in known.items() if name == LAST or isinstance(m, ACTIVATIONS)]
        return {name: known[name] for name in chosen}
    for name in asked:
        if name not in known:
            raise ConfigError(
                f"the discriminator has no layer {shown(name)}.{did_you_mean(name, known)} "
                f"Its layers: {', '.join(known)}"
            )
    return {name: known[name] for name in asked}


@contextmanager
def recorded(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Record what each layer makes in a pass, or is given if it is `LAST`, by name.

    It is a copy: a later layer may work in place.
    """
    found: dict[str, Tensor] = {}

    def record(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(_layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
            found[name] = (given[0] if name == LAST else made).clone()

        return hook

    hooks = [layer.register_forward_hook(record(name)) for name, layer in layers.items()]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
