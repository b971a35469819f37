"""The artifact: one file that holds a trained generator and all that sampling needs.

`gankit.load(path).sample(64, labels=7, seed=0)`: no data set, no training code's state, no
pickle. The file is safetensors; its header holds the family, the configuration, the example's
shape, the value range and the class names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gankit import __version__
from gankit.config import Config, from_dict, to_dict
from gankit.data import as_planes
from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES, Game, Task
from gankit.game import Latent
from gankit.randomness import Purpose, generator
from gankit.storage import not_finite, read_tensors, write_tensors
from gankit.stored import check_data, is_count
from gankit.text import shown

NAME = "model.safetensors"
BLOCK = 250
"""Samples drawn at a time. Part of what makes `seed` repeatable: block b has its own draw."""

Labels = int | str | Sequence[int] | Sequence[str] | Sequence[float] | NDArray[Any] | None


class GAN:
    """A trained generator, ready to sample.

    Attributes:
        config: the complete configuration of its run.
        shape: of one example: (channels, height, width), or (dimensions,) for points.
        class_names: what labels mean; empty where the run knows no classes.
        condition: the size of the vector that it is asked by in place of a class, else 0.
        step: training steps behind it.
    """

    def __init__(self, game: Game, step: int) -> None:
        self._game = game
        self.config = game.config
        self.shape = game.task.shape
        self.class_names = game.task.class_names if game.conditional else ()
        self.condition = game.task.condition if game.conditional else 0
        self.step = step

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape))
        return f"<gankit.GAN {self.config.family} {shape} after {self.step:,} steps>"

    @property
    def game(self) -> Game:
        """The game that was played, with the averaged generator."""
        return self._game

    @property
    def generator(self) -> nn.Module:
        """The averaged generator, in eval mode, called as (noise [N, game.latent_size], labels [N]
        or None); `game.latent` draws both."""
        return self._game.generator

    def sample(self, n: int, labels: Labels = None, seed: int = 0) -> NDArray[Any]:
        """`n` samples: uint8 [n, H, W] (grey) or [n, H, W, C], 0..255; float32 [n, D] for points.

        Args:
            n: how many, at least 1.
            labels: for a conditional run, one class for all or one for each, by number or by
                name; None takes every class in turn (see `labels_for`). Of a run that was
                trained with vectors, one vector for all, [C], or one for each, [n, C].
            seed: sample i of a seed is the same whatever `n` is, but for the last bit.

        Raises:
            ConfigError: a label is unknown, or given to an unconditional run.
        """
        blocks = self.blocks(n, labels, seed)
        first = next(blocks)
        out = np.empty((n, *first.shape[1:]), first.dtype)
        out[: len(first)] = first
        done = len(first)
        for block in blocks:
            out[done : done + len(block)] = block
            done += len(block)
        return out

    def blocks(self, n: int, labels: Labels = None, seed: int = 0) -> Iterator[NDArray[Any]]:
        """The same samples in pieces of at most `BLOCK`, so that memory does not grow with n."""
        if n < 1:
            raise ConfigError(f"the number of samples must be at least 1, got {n}")
        if not 0 <= seed < 2**64:
            raise ConfigError(f"the seed must be in [0, 2^64), got {seed}")
        every = self.labels_for(n, labels)
        device = next(self.generator.parameters()).device
        for block, start in enumerate(range(0, n, BLOCK)):
            count = min(BLOCK, n - start)
            part = None if every is None else torch.from_numpy(every[start : start + count])
            drawn = draw_block(self._game, block, part, count, seed).to(device)
            with torch.inference_mode():
                yield to_pixels(self._game.generate(drawn), self._game.value_range)

    def classify(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What the discriminator takes images for: the chances of each class, float64 [n, K].

        Args:
            images: uint8 [n, H, W] (grey) or [n, H, W, C], 0..255, of the run's own size.

        Raises ConfigError where the family's discriminator names no classes, or the size differs.
        """
        if not self._game.judges:
            raise ConfigError(
                f"a run of family '{self.config.family}' names no classes: train 'ssgan' or "
                "'infogan'"
            )
        planes = as_planes(images)
        if planes.shape[1:] != self.shape:
            got, wanted = ("x".join(map(str, s)) for s in (planes.shape[1:], self.shape))
            raise ConfigError(f"images of {got} given (channels first); the run knows {wanted}")
        weight = next(self.generator.parameters())
        chances = []
        with torch.inference_mode():
            for start in range(0, len(planes), BLOCK):
                block = np.ascontiguousarray(planes[start : start + BLOCK])
                scaled = to_network(block, self._game.value_range, weight.device, weight.dtype)
                chances.append(self._game.judge(scaled).double().cpu().numpy())
        return np.concatenate(chances)

    @property
    def judged_names(self) -> tuple[str, ...]:
        """What the columns of `classify` are called."""
        return self._game.judged_names

    def labels_for(self, n: int, labels: Labels = None) -> NDArray[Any] | None:
        """The label of each of `n` samples, int64 [n], or a vector of each, float32 [n, C]; None
        for an unconditional run."""
        if self.condition:
            return self._vectors(n, labels)
        if not self.class_names:
            if labels is not None:
                raise ConfigError(
                    f"label {labels!r} asked of an unconditional run ('{self.config.family}'): "
                    "leave the label out, or train 'cgan'"
                )
            return None
        if labels is None:
            return np.arange(n, dtype=np.int64) % len(self.class_names)
        if isinstance(labels, (int, str, np.integer)):
            return np.full(n, self._label(labels), np.int64)
        if len(labels) != n:
            raise ConfigError(f"{len(labels)} labels given for {n} samples: give one, or one each")
        return np.array([self._label(label) for label in labels], np.int64)

    def _vectors(self, n: int, given: Labels) -> NDArray[np.float32]:
        """One vector for all of `n` samples or one for each: float32 [n, C]."""
        wanted = f"an array [{self.condition}], or [{n}, {self.condition}]"
        if given is None:
            raise ConfigError(
                f"this run is asked by a vector: give labels, {wanted} (--label x.npy)"
            )
        try:
            vectors = np.asarray(given, np.float32)
            return np.array(np.broadcast_to(vectors, (n, self.condition)))
        except (ValueError, TypeError):
            shape = np.shape(given)
            raise ConfigError(f"labels of shape {shape} given; needed is {wanted}") from None

    def _label(self, label: Any) -> int:
        names = self.class_names
        if isinstance(label, str) and label in names:
            return names.index(label)
        if str(label).isdecimal() and int(label) < len(names):
            return int(label)
        raise ConfigError(
            f"label {str(label)!r} is outside the {len(names)} classes: "
            f"0 to {len(names) - 1}, or {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"
        )


def draw_block(game: Game, block: int, labels: Tensor | None, count: int, seed: int) -> Latent:
    """The latent of block number `block` of a seed's endless samples, its first `count`."""
    rng = generator(seed, Purpose.SAMPLES, block)
    padded = None
    if labels is not None:
        missing = labels.new_zeros(BLOCK - len(labels), *labels.shape[1:])
        padded = torch.cat([labels, missing])
    return game.latent(BLOCK, padded, rng)[:count]


def to_network(
    examples: NDArray[np.generic],
    value_range: tuple[float, float] | None,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    """uint8 images [N, C, H, W] scaled to the value range, channels last; points as they are."""
    tensor = torch.from_numpy(examples).to(device).to(dtype)
    if value_range is None:
        return tensor
    low, high = value_range
    tensor = tensor.mul_((high - low) / 255).add_(low)
    return tensor.contiguous(memory_format=torch.channels_last)


def to_pixels(fake: Tensor, value_range: tuple[float, float] | None) -> NDArray[Any]:
    """Generator output [N, C, H, W] -> uint8 [N, H, W] or [N, H, W, C]; points stay as they are."""
    if value_range is None:
        return fake.float().cpu().numpy()
    low, high = value_range
    scaled = ((fake.float() - low) * (255 / (high - low))).round_().clamp_(0, 255)
    pixels: NDArray[np.uint8] = scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return pixels[..., 0] if pixels.shape[-1] == 1 else np.ascontiguousarray(pixels)


def save_artifact(path: Path, game: Game, averaged: Mapping[str, nn.Module], step: int) -> None:
    """Write the averaged generator, and the discriminator where it answers users too, with
    everything that `load` needs. Raises OSError."""
    header = {
        "gankit": __version__,
        "config": to_dict(game.config),
        "shape": game.task.shape,
        "class_names": game.task.class_names,
        "condition": game.task.condition,
        "value_range": game.value_range,
        "step": step,
    }
    # Weights of a double-precision run are kept, so that its samples are its own.
    tensors = {
        f"{player}/{name}": value
        for player, network in averaged.items()
        for name, value in network.state_dict().items()
    }
    write_tensors(path, "artifact", tensors, header)


def load(path: str | Path, device: str = "cpu") -> GAN:
    """Load a trained GAN from a run directory or an artifact file.

    Raises:
        RunError: nothing is there, or the file is damaged, foreign or of another format version.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        if not (path / NAME).exists():
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
    try:
        game = _empty_game(header)
        for player in _kept(game):
            own = {k: v for k, v in tensors.items() if k.startswith(f"{player}/")}
            network: nn.Module = getattr(game, player)
            _check_types(network, own, player)
            network.load_state_dict(
                {k.removeprefix(f"{player}/"): v for k, v in own.items()}, assign=True
            )
    except (KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
        raise RunError(
            f"'{path}', written by gankit {str(header.get('gankit'))[:20]}, does not fit this one "
            f"({__version__}): {error}"
        ) from None
    for player in _kept(game):
        _ready(getattr(game, player), device)
    return GAN(game, header["step"])


def _empty_game(header: Mapping[str, Any]) -> Game:
    """The game that an artifact's header speaks of, without weights: nothing is drawn or taken
    from memory. Raises KeyError, TypeError, ValueError or ConfigError if it speaks of none."""
    family = FAMILIES[header["config"]["family"]]
    config: Config = from_dict(header["config"], family.options)
    check_data({**header, "name": "", "fingerprint": "", "count": 0})
    if not is_count(header["step"]):
        raise ValueError(f"its step is {shown(header['step'])}")
    shape, names = tuple(header["shape"]), tuple(header["class_names"])
    with torch.device("meta"):
        return family(config, Task(shape, names, header.get("condition", 0)))


def _kept(game: Game) -> tuple[str, ...]:
    """The players that an artifact holds."""
    return ("generator", "discriminator") if game.judges else ("generator",)


def _check_types(network: nn.Module, own: Mapping[str, Tensor], player: str) -> None:
    """Raises ValueError if numbers are kept in other bits than the network's; all may be 64."""
    wanted, found = network.state_dict(), {k.removeprefix(f"{player}/"): v for k, v in own.items()}
    double = any(v.dtype == torch.float64 for v in found.values())
    for name, mine in wanted.items():
        dtype = torch.float64 if double and mine.is_floating_point() else mine.dtype
        if name in found and found[name].dtype != dtype:
            raise ValueError(f"{player}/{name} is of {found[name].dtype}, not of {dtype}")


def _ready(network: nn.Module, device: str) -> None:
    """For use: on its device, in single precision, in eval mode, in a convolution's layout."""
    network.to(device).eval().requires_grad_(False)
    if any(isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) for m in network.modules()):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if next(network.parameters()).dtype == torch.float64:
        network.float()
