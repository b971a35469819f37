"""Feature networks in the user's files: ONNX, or a program that torch.export saved.

The network takes one input, float32 [N, C, H, W] in [0, 1], with C (1 or 3), H and W fixed; N may
be fixed or free. Its first output is the features, [N, D] (or [N, D, 1, 1]); it must do any
normalisation itself. A .pt2 file holds a program: open only one that you trust.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gankit.errors import ConfigError, MissingExtraError
from gankit.features.network import FeatureNetwork, file_digest

ENDINGS = (".onnx", ".pt2")
NEEDED = "needed is one input [N, C, H, W] with C (1 or 3), H and W fixed"

MOST_IMAGES, MOST_SIDE, MOST_FEATURES = 4096, 4096, 2**15
"""The most images in a fixed batch, pixels on a side, and features for which distances fit."""

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class FileNetwork(FeatureNetwork):
    """A network in a file, whose size and channels are read from its input's shape."""

    block = 50

    def __init__(self, path: Path, shape: list[int | None], run: Run) -> None:
        """`shape` is the input's, with None for a free size; `run` returns the first output."""
        fixed = [size for size in shape[1:] if size is not None]
        if len(shape) != 4 or len(fixed) != 3 or fixed[0] not in (1, 3) or not _fits(shape):
            raise ConfigError(f"the feature network '{path}' takes {_text(shape)}; {NEEDED}")
        batch, (channels, height, width) = shape[0], fixed
        try:
            self.name, self.digest = path.name, file_digest(path)
        except OSError as error:
            raise _unreadable(path, "file", error) from None
        self.channels, self.size = channels, (height, width)
        self._path, self._run, self._batch = path, run, batch
        self.block = batch or self.block
        self.forward(torch.zeros(1, channels, height, width))

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        count, given = len(images), images.numpy()
        if self._batch is not None and count < self._batch:  # the last block of a fixed size
            given = np.concatenate([given, np.zeros((self._batch - count, *given.shape[1:]), "f4")])
        try:
            found = np.asarray(self._run(given), np.float32)
        except Exception as error:  # whatever the runtime of a foreign file raises
            raise ConfigError(f"the feature network '{self._path}' fails: {_line(error)}") from None
        if found.ndim not in (2, 4) or found.shape[2:] not in ((), (1, 1)):
            said = f"gives {_text(list(found.shape))}; needed are features [N, D]"
        elif len(found) != len(given) or not 1 <= found.shape[1] <= MOST_FEATURES:
            said = (
                f"gives {_text(list(found.shape))} for {len(given)} images; needed are as many "
                f"rows, of 1 to {MOST_FEATURES:,} features"
            )
        elif not np.isfinite(found).all():
            said = "gives features that are not finite"
        else:
            return torch.from_numpy(found[:count]).flatten(1), None
        raise ConfigError(f"the feature network '{self._path}' {said}")


def load_file(path: Path) -> FileNetwork:
    """Load the feature network in an .onnx or .pt2 file, on the CPU.

    Raises:
        ConfigError: the file is missing, damaged, or no network of images.
        MissingExtraError: ONNX Runtime is not installed.
    """
    if not path.is_file():
        raise ConfigError(f"there is no feature network '{path}'")
    return (_load_onnx if path.suffix.lower() == ".onnx" else _load_exported)(path)


def _load_onnx(path: Path) -> FileNetwork:
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("a feature network in an .onnx file", "onnx") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # errors are raised, and told in one line
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its exceptions share no base class of their own
        raise _unreadable(path, "ONNX file", error) from None
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise ConfigError(f"the feature network '{path}' takes {len(inputs)} inputs; {NEEDED}")
    shape = [size if isinstance(size, int) else None for size in inputs[0].shape]

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = session.run(None, {inputs[0].name: images})[0]
        return found

    return FileNetwork(path, shape, run)


def _load_exported(path: Path) -> FileNetwork:
    try:
        program = torch.export.load(path)
        names = set(program.graph_signature.user_inputs)
        shapes = [
            node.meta["val"].shape for node in program.graph.nodes
            if node.op == "placeholder" and node.name in names
        ]  # fmt: skip
        network = program.module()
    except Exception as error:  # a foreign file fails in many ways
        raise _unreadable(path, "torch.export file", error) from None
    if len(shapes) != 1:
        raise ConfigError(f"the feature network '{path}' takes {len(shapes)} inputs; {NEEDED}")
    shape = [size if isinstance(size, int) else None for size in shapes[0]]

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():  # its weights may still want gradients
            found = network(torch.from_numpy(images))
        first: Tensor = found[0] if isinstance(found, (tuple, list)) else found
        return first.numpy()

    return FileNetwork(path, shape, run)


def _unreadable(path: Path, kind: str, error: Exception) -> ConfigError:
    return ConfigError(f"the feature network '{path}' is damaged or no {kind} ({_line(error)})")


def _fits(shape: list[int | None]) -> bool:
    """Return whether an input [N, C, H, W] is small enough to be held."""
    batch, _, *sides = shape
    sizes = all(side is not None and 1 <= side <= MOST_SIDE for side in sides)
    return sizes and (batch is None or 1 <= batch <= MOST_IMAGES)


def _text(shape: list[int | None]) -> str:
    return f"[{', '.join('N' if size is None else str(size) for size in shape)}]"


def _line(error: Exception) -> str:
    """Return the first line of a library's error, or the error's type if it has no text."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
