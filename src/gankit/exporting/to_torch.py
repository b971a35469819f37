"""A generator as a folder for PyTorch alone: a program, and a file that people can read."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from safetensors.torch import save

from gankit.errors import ConfigError
from gankit.exporting.draws import draws_of, first_blocks
from gankit.exporting.network import (
    Inputs,
    Network,
    about,
    as_json,
    compare,
    example,
    examples,
    quiet,
    traced,
)
from gankit.exporting.plain import plain_source, plain_weights
from gankit.trained.gan import GAN

FACTS = "export.json"


def write_torch(gan: GAN, folder: Path) -> tuple[float, float]:
    """Write a folder that needs no gankit, and return its largest difference and the accepted one.

    It holds `generator.pt2`, a program of torch.export; `generator.py` and `weights.safetensors`,
    the same network as code; `example.py`; and `export.json`, what `about` returns. It is made
    aside, run, and then takes its name; a former export in its place is replaced.

    Raises:
        ConfigError: something else than a former export lies there.
        RunError: the network cannot be exported, or differs too much.
        OSError: the folder cannot be written.
    """
    if folder.exists() and not (folder / FACTS).is_file():
        raise ConfigError(f"'{folder}' exists and is no former export: choose another target")
    program = traced(Network(gan.game), example(gan, 3))
    draws = draws_of(gan.game)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    aside.mkdir(parents=True)
    try:
        with quiet():
            buffer = io.BytesIO()
            torch.export.save(program, buffer)
        (aside / "generator.pt2").write_bytes(buffer.getvalue())
        (aside / "weights.safetensors").write_bytes(save(plain_weights(program)))
        (aside / "generator.py").write_text(plain_source(program, gan, draws), encoding="utf-8")
        (aside / "example.py").write_text(EXAMPLES[gan.kind == "images"].format(labels=_asked(gan)))
        if draws is None:
            latents = torch.from_numpy(first_blocks(gan.game, 1)[0])
            (aside / "latents.safetensors").write_bytes(save({"latents": latents}))
        both = (load_code(aside), _program(buffer))
        found, limit = compare(both, Network(gan.game), examples(gan), "the plain network")
        facts = about(gan) | {"difference": found, "limit": limit}
        (aside / FACTS).write_bytes(as_json(facts))
        _take_name(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return found, limit


def _take_name(aside: Path, folder: Path) -> None:
    """Rename a finished folder, and remove the former one that stands in its place."""
    former = aside.with_suffix(".former")
    if folder.exists():
        folder.rename(former)
    aside.rename(folder)
    shutil.rmtree(former, ignore_errors=True)


def load_code(folder: Path) -> Callable[[Inputs], NDArray[Any]]:
    """Return the function of a folder's generator.py: from latents and labels to samples."""
    spec = importlib.util.spec_from_file_location("_exported_generator", folder / "generator.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = written
    generator = module.Generator()
    return lambda inputs: generator(*inputs).numpy()


def _program(buffer: io.BytesIO) -> Callable[[Inputs], NDArray[Any]]:
    """Return the stored program, read again."""
    buffer.seek(0)
    with quiet():
        module = torch.export.load(buffer).module()

    def run(inputs: Inputs) -> NDArray[Any]:
        with torch.inference_mode():
            made: NDArray[Any] = module(*inputs).numpy()
        return made

    return run


def _asked(gan: GAN) -> str:
    """Return the labels of the example, as code."""
    if gan.condition:
        return f"torch.zeros(64, {gan.condition})"
    return "torch.arange(64) % len(CLASSES)" if gan.class_names else "None"


EXAMPLES = {
    True: '''"""Draw 64 samples and write them as one picture, samples.png. It needs Pillow too."""

import numpy as np
import torch
from generator import CLASSES, Generator, draw, to_pixels
from PIL import Image

labels = {labels}
pixels = to_pixels(Generator()(draw(64, seed=0), labels))
rows = [np.concatenate(list(row), 1) for row in pixels.reshape(8, 8, *pixels.shape[1:])]
Image.fromarray(np.concatenate(rows)).save("samples.png")
''',
    False: '''"""Draw 64 samples and write them as an array, samples.npy."""

import numpy as np
import torch
from generator import CLASSES, Generator, draw

labels = {labels}
np.save("samples.npy", Generator()(draw(64, seed=0), labels).numpy())
''',
}
"""example.py, for images and for other samples."""
