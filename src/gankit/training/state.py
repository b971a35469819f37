"""The part of a run that changes while it trains, and how a step's batch is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.optim import Optimizer

from gankit.arguments import typed_arguments
from gankit.data import Dataset
from gankit.data.batches import Feed
from gankit.data.pixels import to_network
from gankit.errors import ConfigError
from gankit.families import FAMILIES, Game, Task
from gankit.game_types import Batch
from gankit.nn.ema import Average
from gankit.own_networks import check_networks, with_networks
from gankit.randomness import Purpose, rng, torch_seed
from gankit.settings.config import Config, OptimizerConfig
from gankit.settings.schema import SettingError
from gankit.size import check_size
from gankit.training.optimizers import build_optimizer
from gankit.training.runtime import Runtime, compute_in_bfloat16

PLAYERS = ("generator", "discriminator")


@dataclass
class Player:
    """The generator or the discriminator with what trains it.

    Attributes:
        network: the bare network; the game may hold it wrapped by the runtime.
        optimizer: the optimiser to step, wrapped or bare.
        settings: the settings of the optimiser.
        average: the averaged network if the artifact holds this player, else None. It holds the
            generator, and the discriminator if that answers users too.
    """

    network: nn.Module
    optimizer: Any
    settings: OptimizerConfig
    average: Average | None = None

    def gradients(self) -> list[Tensor]:
        """Return those gradients of its weights that there are."""
        weights = (p for group in self.optimizer.param_groups for p in group["params"])
        return [p.grad for p in weights if p.grad is not None]


@dataclass(eq=False)
class State:
    """The state that a checkpoint holds.

    Attributes:
        players: both players, by name.
        step: the number of steps taken so far.
        seconds: the seconds spent on them, over all resumptions.
        rollbacks: how often the run was rolled back after a number that was not finite;
            each time gives later steps other draws.
    """

    game: Game
    players: dict[str, Player]
    step: int = 0
    seconds: float = 0.0
    rollbacks: int = 0

    @property
    def averages(self) -> dict[str, Average]:
        """The averages of those players that have one."""
        return {name: p.average for name, p in self.players.items() if p.average is not None}

    def follow(self) -> None:
        """Move the averaged networks towards the players, after a step."""
        for average in self.averages.values():
            average.follow(self.step)


@typed_arguments()
def build_game(
    config: Config, task: Task | Dataset, networks: tuple[nn.Module, nn.Module] | None = None
) -> Game:
    """Build the family's game, with weights that depend on the run's seed alone.

    >>> import gankit
    >>> config = gankit.configure("gan", "toy:ring8")
    >>> game = gankit.build_game(config, gankit.load_dataset("toy:ring8"))
    >>> game.task.shape, game.config.family
    ((2,), 'gan')

    Args:
        config: a complete configuration.
        task: what is learned, or the data set.
        networks: your own (G, D) to use in place of the family's; they are copied with the
            weights that they have (docs/your_networks.md).

    Raises ConfigError if settings, family, data and networks do not fit.
    """
    task = task if isinstance(task, Task) else Task.of(task)
    family = FAMILIES[config.family]
    if networks is None:
        check_size(config, task)
    else:  # they are in memory already, so they fit
        family = with_networks(family, networks)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(config.training.seed, Purpose.WEIGHTS))
        game = family(config, task)
    if networks is not None:
        check_networks(game)
    _check_norms(game)
    if why := game.why_not_trained():
        raise ConfigError(why)
    return game


def _check_norms(game: Game) -> None:
    """Raises SettingError if a limit on weights could not hold: normalised ones are computed anew
    from others at each pass."""
    for player in PLAYERS:
        layers = [m for m in getattr(game, player).modules() if isinstance(m, nn.Linear)]
        if getattr(game.config, f"{player}_optimizer").max_norm and any(
            is_parametrized(layer, "weight") for layer in layers
        ):
            raise SettingError(
                f"{player}_optimizer.max_norm",
                f"cannot limit the weights of this {player}, which are normalised already: leave "
                "it out, or leave spectral_norm out",
            )


MET = 10_000
"""The most examples that a game looks at before its first step."""


Begin = Callable[[Mapping[str, nn.Module], Mapping[str, Average]], None]
"""A function that gives networks and averages, by player, the weights that they begin with."""


def build_state(
    game: Game, runtime: Runtime, dataset: Dataset | None = None, begin: Begin | None = None
) -> State:
    """Return the state of a game at step 0, on the runtime's device.

    Args:
        dataset: the parts of the game that want to see examples first are shown its first ones.
        begin: replaces the weights that were drawn, before anything else depends on them.
    """
    config = game.config
    if dataset is not None:
        _meet(game, dataset)
    networks = {player: _placed(getattr(game, player), runtime) for player in PLAYERS}
    averages = {
        player: Average(networks[player], config.training.ema)
        for player in (PLAYERS if game.judges else PLAYERS[:1])
    }
    if begin is not None:
        begin(networks, averages)
    for stabiliser in game.stabilisers:
        stabiliser.begin(game)
    players = {}
    for name, network in networks.items():
        settings = getattr(config, f"{name}_optimizer")
        bare: Optimizer = build_optimizer(settings, network.parameters(), runtime.device)
        if runtime.mixed:
            compute_in_bfloat16(network, runtime.device)
        wrapped, optimizer = runtime.set_up(network, bare)
        setattr(game, name, wrapped)
        players[name] = Player(network, optimizer, settings, averages.get(name))
    return State(game, players)


def _placed(network: nn.Module, runtime: Runtime) -> nn.Module:
    """Move the network to its device, in the memory format in which convolutions are fast."""
    network = network.to(runtime.device, runtime.dtype)
    if any(isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) for m in network.modules()):
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _meet(game: Game, dataset: Dataset) -> None:
    """Show examples to those parts of the game that want to see some: a random choice, because
    folders are read class by class."""
    meeting = [part for part in game.parts if part.meets]
    if not meeting:
        return
    order = rng(game.config.training.seed, Purpose.MEETING).permutation(len(dataset))
    chosen = order[:MET].astype(np.int64)
    examples = to_network(
        dataset.read(chosen), game.value_range, torch.device("cpu"), torch.float32
    )
    labels = None if dataset.labels is None else torch.from_numpy(dataset.labels[chosen])
    for part in meeting:
        part.meet(examples, labels)


def draw_batch(state: State, feed: Feed, runtime: Runtime, substep: int) -> Batch:
    """Draw this process's share of a batch, a function of (seed, step, substep, rollbacks).

    Substeps from k on are those of further generator steps: new latents, and the real examples of
    the last discriminator step.
    """
    game, config = state.game, state.game.config
    seed = config.training.seed + (state.rollbacks << 48)
    k = config.objective.k
    position = state.step * k + min(substep, k - 1)
    examples, _ = feed.at(position)
    share = slice(runtime.rank * len(examples), (runtime.rank + 1) * len(examples))

    random = rng(seed, Purpose.LATENT, state.step, substep)
    labels = feed.labels(position)
    labels_of_all = None if labels is None else torch.from_numpy(labels)
    latent = game.latent(config.training.batch, labels_of_all, random)[share]
    mix = torch.from_numpy(random.random(config.training.batch, np.float32))[share]
    device, dtype = runtime.device, runtime.dtype
    _seed_layers(
        torch_seed(seed, Purpose.LAYERS, state.step, substep * 1024 + runtime.rank), device
    )
    given = latent.to(device, dtype)
    labelled = None
    if game.guided:
        known, names = feed.labelled(position)
        labelled = (
            to_network(known, game.value_range, device, dtype),
            torch.from_numpy(names).to(device),
        )
    return Batch(
        real=to_network(examples, game.value_range, device, dtype),
        labels=given.labels,
        latent=given,
        mix=mix.to(device, dtype),
        labelled=labelled,
    )


def _seed_layers(seed: int, device: torch.device) -> None:
    """Seed the random numbers of torch that layers draw on the CPU, or on GPUs too.

    `torch.manual_seed` would prepare every other kind of device too, in a fifth of a millisecond.
    """
    if device.type not in ("cpu", "cuda"):
        torch.manual_seed(seed)
        return
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)
