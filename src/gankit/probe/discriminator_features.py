"""Features of images, for other tasks, from the convolutions of a run's discriminator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from gankit.data.pixels import to_network
from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES, Game, Task
from gankit.nn.layers import MaxoutConv
from gankit.randomness import Purpose, torch_seed
from gankit.run import Record, Run, checkpoints
from gankit.settings.config import Config
from gankit.stabilisers.batch import WithReference
from gankit.storage import read_tensors
from gankit.version import __version__

GRID = 4
"""The number of cells on each side that maps are pooled to; a smaller map is kept."""
BLOCK = 100
"""The number of images that pass through D at a time."""
ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, MaxoutConv)
SLOPE = 0.2
"""The slope of the leaky ReLU that is put after a convolution without an activation layer."""


class ConvFeatures:
    """The maps of every convolution of D, activated, max-pooled to 4x4, flattened, joined.

    arXiv 1511.06434, section 5.1. D is in eval mode: batch normalisation uses its running moments,
    dropout and noise are off. If a block applies its activation as a function (the residual
    networks), leaky ReLU 0.2 is used. An autoencoder gives the maps of its encoder. Convolutions
    that are not trained (a backbone's) are left out. If D lays the label over the image, it does
    not get the true one: its code is the mean over the classes, or that of the vector of zeros.

    Attributes:
        convolutions: the number of convolutions.
        dims: the number of features of one image.
    """

    def __init__(self, game: Game) -> None:
        """Attach to the convolutions of the game's D. Raises ConfigError if it has none."""
        self._network = game.discriminator.eval().requires_grad_(False)
        self._range = game.value_range
        self._label = _anything(game)
        for module in self._network.modules():
            if getattr(module, "label_code", None) is not None:
                module.label_code = MeanCode(module.label_code, game.task)  # type: ignore[arg-type]
        self._waiting: Tensor | None = None  # a convolution's output, until it is activated
        self._pooled: list[Tensor] = []
        inner = getattr(self._network, "network", self._network)  # behind a reference batch
        self._watch(getattr(inner, "encoder", inner))
        self.dims = self._features(torch.zeros(1, *game.task.shape, device=self._device)).shape[1]
        self.convolutions = len(self._pooled)

    @property
    def _device(self) -> torch.device:
        return next(self._network.parameters()).device

    def __call__(self, images: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return the features float32 [N, dims] of images uint8 [N, C, H, W], 0..255."""
        out = np.empty((len(images), self.dims), np.float32)
        with torch.inference_mode():
            for start in range(0, len(images), BLOCK):
                block = images[start : start + BLOCK]
                scaled = to_network(block, self._range, self._device, torch.float32)
                out[start : start + len(block)] = self._features(scaled).cpu().numpy()
        return out

    def _features(self, images: Tensor) -> Tensor:
        self._waiting, self._pooled = None, []
        label = self._label
        labels = None if label is None else label.expand(len(images), *label.shape[1:])
        self._network(images, labels)
        self._settle()
        # A reference batch comes first.
        return torch.cat([maps[-len(images) :].flatten(1) for maps in self._pooled], 1)

    def _watch(self, network: nn.Module) -> None:
        for module in network.modules():
            if isinstance(module, ACTIVATIONS):
                module.register_forward_hook(self._activated)
            elif _is_trained(module):
                module.register_forward_hook(self._convolved)
        if not any(map(_is_trained, network.modules())):
            raise ConfigError(
                "the discriminator of this run has no convolutions to probe: train a family "
                "with a convolutional one (`gankit list`)"
            )

    def _convolved(self, _module: nn.Module, _given: Any, maps: Tensor) -> None:
        self._settle()
        self._waiting = maps

    def _activated(self, _module: nn.Module, _given: Any, maps: Tensor) -> None:
        if self._waiting is not None and maps.dim() == 4:
            self._waiting = None
            self._pooled.append(pooled(maps))

    def _settle(self) -> None:
        """Activate and pool the last convolution's maps, if no activation layer followed it."""
        if self._waiting is not None:
            self._pooled.append(pooled(F.leaky_relu(self._waiting, SLOPE)))
            self._waiting = None


def _is_trained(module: nn.Module) -> bool:
    """Return whether this is a convolution with weights, and not with buffers in their place."""
    return isinstance(module, nn.Conv2d) and any(True for _ in module.parameters())


class MeanCode(nn.Module):
    """Replaces the code of every label by the mean of all codes, so that D is told no label."""

    def __init__(self, code: nn.Module, task: Task) -> None:
        super().__init__()
        weights = [*code.parameters()]
        device = weights[0].device if weights else None
        if task.classes:
            every = code(torch.arange(task.classes, device=device))
        else:
            every = code(torch.zeros(1, task.condition, device=device))
        self.register_buffer("code", every.detach().float().mean(0))

    def forward(self, labels: Tensor) -> Tensor:
        code = self.get_buffer("code").to(labels.device)
        return code.expand(len(labels), -1)


def pooled(maps: Tensor) -> Tensor:
    """Max-pool maps [N, C, H, W] to at most 4x4."""
    size = tuple(min(GRID, side) for side in maps.shape[2:])
    return F.adaptive_max_pool2d(maps, size)


def _anything(game: Game) -> Tensor | None:
    """Return a label that D may be called with; no feature depends on it."""
    if not game.conditional:
        return None
    device = next(game.discriminator.parameters()).device
    if game.task.classes:
        return torch.zeros(1, dtype=torch.int64, device=device)
    return torch.zeros(1, game.task.condition, device=device)


def known_run(run: Run) -> Record:
    """Return a run's record. Raises RunError if there is none, ConfigError if it has no images."""
    record = run.record() if run.record_path.is_file() else None
    if record is None:
        raise RunError(f"'{run.folder}' holds no run: give the folder of one")
    if not record.task.is_images:
        raise ConfigError(
            f"this run knows {record.task.kind}, not images: there is nothing to probe"
        )
    return record


def trained_discriminator(run: Run, say: Callable[[str], None]) -> tuple[Game, int]:
    """Return the game with D from the newest valid checkpoint, and that checkpoint's step.

    A damaged checkpoint is skipped with a line. Raises RunError if none is left, or if the run is
    one of the user's own networks.
    """
    record = known_run(run)
    if record.networks:
        raise RunError(
            f"'{run.folder}' is a run of your own networks ({', '.join(record.networks)}): the "
            "probe reads gankit's alone. From Python, your trained D is gankit.Trainer("
            "gankit.build_game(config, dataset, (G, D)), dataset, "
            f"init_from={str(run.folder)!r}).game.discriminator"
        )
    with torch.random.fork_rng(devices=[]):  # weights are drawn, and replaced below
        game = FAMILIES[record.config.family](record.config, record.task)
    for path in reversed(checkpoints(run)):
        try:
            tensors, numbers = read_tensors(path, "checkpoint")
            own = {k: v for k, v in tensors.items() if k.startswith("discriminator/")}
            game.discriminator.load_state_dict(
                {k.removeprefix("discriminator/"): v for k, v in own.items()}, assign=True
            )
        except (RunError, RuntimeError) as error:
            say(f"skipping checkpoint {path.name}: {error} (this is gankit {__version__})")
            continue
        game.discriminator.float()
        return game, int(numbers["step"])
    raise RunError(f"'{run.folder}' holds no checkpoint that can be read: train it first")


def untrained_discriminator(config: Config, task: Task, images: NDArray[np.generic]) -> Game:
    """Return the game with D as it is before the first step, by the run's own seed.

    Its batch normalisation gets the moments of `images` uint8 [N, C, H, W], as a trained D has
    those of the images that it saw: without them its channels are not comparable.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(config.training.seed, Purpose.WEIGHTS))
        game = FAMILIES[config.family](config, task)
        network = game.discriminator.float()
        seen = to_network(images, game.value_range, torch.device("cpu"), torch.float32)
        if isinstance(network, WithReference):
            network.get_buffer("inputs").copy_(seen[: len(network.get_buffer("inputs"))])
        norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        for norm in norms:
            norm.momentum = None  # the plain mean over batches
        label = _anything(game)
        with torch.no_grad():
            for block in torch.split(seen, BLOCK) if norms else ():
                labels = None if label is None else label.expand(len(block), *label.shape[1:])
                network.train()(block, labels)
    return game
