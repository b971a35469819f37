"""The artifact: one file that holds a trained generator and all that sampling needs.

`gankit.load(path).sample(64, labels=7, seed=0)` needs no data set, no state of training and no
pickle. The file is safetensors; its header holds the family, the configuration, the shape of an
example, the value range and the class names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gankit.arguments import typed_arguments
from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES, Game, Task
from gankit.losses import LOSSES
from gankit.nn.uncompiled import shapes_alone
from gankit.own_networks import Networks, with_networks
from gankit.penalties import PENALTIES
from gankit.registry import Registry, joined_names
from gankit.settings.config import Config, from_dict, to_dict
from gankit.stabilisers.augment import AUGMENTATIONS
from gankit.stabilisers.base import PLUGIN_STABILISERS
from gankit.storage import not_finite, read_tensors, write_tensors
from gankit.stored import check_data, is_count
from gankit.text import from_home, reason, shown
from gankit.trained.gan import GAN
from gankit.trained.hub import fetch, on_hub
from gankit.version import __version__

NAME = "model.safetensors"


def save_artifact(path: Path, game: Game, averaged: Mapping[str, nn.Module], step: int) -> None:
    """Write the averaged networks, with everything that `load` needs. Raises OSError.

    `averaged` holds the generator, and the discriminator if it answers users too.
    """
    header = {
        "gankit": __version__,
        "config": to_dict(game.config),
        **game.task.to_store(),
        "value_range": game.value_range,
        "step": step,
        **homes(game.config),
        **({"networks": game.own_networks} if game.own_networks else {}),
        **({"pretrained": game.pretrained} if game.pretrained else {}),
    }
    # Weights keep their type: those of a double-precision run stay in double precision.
    tensors = {
        f"{player}/{name}": value
        for player, network in averaged.items()
        for name, value in network.state_dict().items()
    }
    write_tensors(path, "artifact", tensors, header)


OTHERS: dict[str, Registry[Any]] = {
    registry.kind: registry for registry in (PENALTIES, AUGMENTATIONS, PLUGIN_STABILISERS)
}
"""The registries of what a configuration may name besides its family and its loss, by kind."""


def homes(config: Config) -> dict[str, Any]:
    """Return the modules outside gankit that define what a configuration names, as files record it.

    The keys are `module` for the family, `loss_module` for the loss, and `modules`, a list of
    (kind, name, module), for the others. There is no entry for what gankit itself defines.
    """
    found = {
        "module": FAMILIES.home(config.family),
        "loss_module": LOSSES.home(config.objective.loss),
        "modules": [
            (kind, name, home)
            for kind, name in _named(config)
            if (home := OTHERS[kind].home(name)) is not None
        ],
    }
    return {key: home for key, home in found.items() if home}


def _named(config: Config) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of each penalty, augmentation and plug-in that a configuration names."""
    stabilise = config.stabilise
    for kind, names in (
        (PENALTIES.kind, joined_names(config.objective.penalty)),
        (AUGMENTATIONS.kind, joined_names(stabilise.augment)),
        (PLUGIN_STABILISERS.kind, [entry.partition(":")[0] for entry in stabilise.plugins]),
    ):
        yield from ((kind, name) for name in names if name != "none")


def check_homes(stored: Mapping[str, Any], path: Path) -> None:
    """Raise RunError if a file names something whose module is not imported.

    Damaged entries are ignored here: reading the configuration reports them.
    """
    config = stored.get("config")
    if not isinstance(config, Mapping):
        return
    objective, others = config.get("objective"), stored.get("modules")
    loss = objective.get("loss") if isinstance(objective, Mapping) else None
    try:
        FAMILIES.check_there(config.get("family"), stored.get("module"))
        LOSSES.check_there(loss, stored.get("loss_module"))
        for entry in others if isinstance(others, list) else ():
            if isinstance(entry, list) and len(entry) == 3 and entry[0] in [*OTHERS]:
                OTHERS[entry[0]].check_there(*entry[1:])
    except ConfigError as error:
        raise RunError(f"'{path}': {error}", *error.about) from None


@typed_arguments()
def load(path: str | Path, device: str = "cpu", *, networks: Networks | None = None) -> GAN:
    """Load a trained GAN from a run directory, an artifact file or the Hugging Face Hub.

    >>> import gankit
    >>> config = gankit.override(gankit.configure("gan", "toy:ring8"), {"training.steps": 2})
    >>> _ = gankit.fit(config, "runs/ring")
    >>> gankit.load("runs/ring").step
    2

    Args:
        path: the run directory or the artifact file; `hf://user/name`, or `hf://user/name@revision`
            for one on the Hub, which is downloaded once (docs/hub.md).
        device: the device to put it on: `cpu`, `cuda` or `mps`.
        networks: (G, D), made as they were for training, if the run used your own networks; D may
            be None. They are copied, and the copies get the trained weights.

    Raises:
        ConfigError: an argument is of another type, or the device is not there.
        RunError: nothing is there; the file is damaged, foreign, not finite or of another format
            version; its family, its loss or another part is defined in a module that is not
            imported yet; or its networks are your own and are not given, or do not fit.
        MissingExtraError: it is on the Hub, and huggingface_hub is not installed.
    """
    check_device(device)
    name = on_hub(path)
    path = from_home(path) if name is None else fetch(name)
    if os.path.isdir(path):  # noqa: PTH112 - never raises, though a folder above may be closed
        if _is_missing(path / NAME):
            raise RunError(
                f"'{path}' holds no {NAME}: it is no run, or nothing is trained in it yet"
            )
        path = path / NAME
    tensors, header = read_tensors(path, "artifact")
    if name := not_finite(tensors):
        raise RunError(
            f"'{path}' holds weights that are not finite ({name}), so it can draw nothing: its "
            "training broke; train again with lower learning rates"
        )
    check_homes(header, path)
    _check_asked(header, networks, path)
    try:
        game = _empty_game(header, networks)
        for player in _kept(game):
            own = {k: v for k, v in tensors.items() if k.startswith(f"{player}/")}
            network: nn.Module = getattr(game, player)
            if networks is not None:
                _check_fit(network, own, player, path)
            _check_types(network, own, player)
            network.load_state_dict(
                {k.removeprefix(f"{player}/"): v for k, v in own.items()}, assign=True
            )
    except (KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
        raise RunError(
            f"'{path}', written by gankit {str(header.get('gankit'))[:20]}, does not fit this one "
            f"({__version__}): {reason(error)}"
        ) from None
    for player in _kept(game):
        _ready(getattr(game, player), device)
    return GAN(game, header["step"], path, header["digest"])


def _is_missing(path: Path) -> bool:
    """Return whether nothing is at a path; not if it is in a closed folder, as reading will say."""
    try:
        path.stat()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False


def _check_asked(header: Mapping[str, Any], networks: object, path: Path) -> None:
    """Raise RunError if networks are needed and not given, or given and not needed."""
    own = header.get("networks")
    if own and networks is None:
        raise RunError(
            f"'{path}' holds the weights of your own networks ({', '.join(map(str, own))[:200]}): "
            f"give them from Python, it = gankit.load({str(path.parent)!r}, networks=(G, D)), and "
            "go on with it.sample(64) or gankit.evaluate(it, keep=True)"
        )
    if networks is not None and not own:
        raise RunError(f"'{path}' holds networks of gankit: leave networks out")


def _check_fit(network: nn.Module, own: Mapping[str, Tensor], player: str, path: Path) -> None:
    """Raise RunError if a user's network has weights of other names or shapes than the file's."""
    mine = {f"{player}/{name}": value.shape for name, value in network.state_dict().items()}
    kept = {name: value.shape for name, value in own.items()}
    for name in sorted(mine.keys() | kept.keys()):
        if mine.get(name) != kept.get(name):
            given, found = (list(s[name]) if name in s else "nothing" for s in (mine, kept))
            raise RunError(
                f"the {player} given is not the one whose weights '{path}' holds: "
                f"{name.removeprefix(f'{player}/network.')} is {given}, in the file {found}"
            )


def _empty_game(header: Mapping[str, Any], networks: Networks | None = None) -> Game:
    """Build the game that an artifact's header describes, without weights of its own.

    The family's networks are built on the meta device, which draws nothing and takes no memory;
    `networks` of the user's keep their weights. Raises KeyError, TypeError, ValueError or
    ConfigError if the header describes no game.
    """
    family = FAMILIES[header["config"]["family"]]
    config: Config = from_dict(header["config"], family.Options)
    check_data({**header, "name": "", "fingerprint": "", "count": 0})
    if not is_count(header["step"]):
        raise ValueError(f"its step is {shown(header['step'])}")
    if networks is not None:
        family = with_networks(family, networks)
    with nullcontext() if networks is not None else shapes_alone():
        return family(config, Task.stored(header))


def _kept(game: Game) -> tuple[str, ...]:
    """Return the players that an artifact holds."""
    return ("generator", "discriminator") if game.judges else ("generator",)


def _check_types(network: nn.Module, own: Mapping[str, Tensor], player: str) -> None:
    """Raise ValueError unless types are the network's; all floats may be float64 instead."""
    wanted, found = network.state_dict(), {k.removeprefix(f"{player}/"): v for k, v in own.items()}
    double = any(v.dtype == torch.float64 for v in found.values())
    for name, mine in wanted.items():
        dtype = torch.float64 if double and mine.is_floating_point() else mine.dtype
        if name in found and found[name].dtype != dtype:
            raise ValueError(f"{player}/{name} is of {found[name].dtype}, not of {dtype}")


def check_device(device: str) -> None:
    """Raise ConfigError if torch knows no such device, or finds none here."""
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise ConfigError(
            f"device {shown(device)} is unknown: give cpu, cuda or mps", "device"
        ) from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {device}: torch finds no CUDA device here, use cpu", "device")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError(f"device {device}: torch finds no Apple GPU here, use cpu", "device")


def _ready(network: nn.Module, device: str) -> None:
    """Prepare a network for use: device, single precision, eval mode, layout for convolutions."""
    network.to(device).eval().requires_grad_(False)
    if any(isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) for m in network.modules()):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if next(network.parameters()).dtype == torch.float64:
        network.float()
