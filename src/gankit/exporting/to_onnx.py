"""A generator as an ONNX file, which many programs run without PyTorch."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import one_hot

from gankit.errors import MissingExtraError, RunError
from gankit.exporting.mixing import takes_mixtures
from gankit.exporting.network import (
    Inputs,
    Network,
    Runs,
    about,
    compare,
    example,
    examples,
    quiet,
    traced,
)
from gankit.text import reason
from gankit.trained.gan import GAN

if TYPE_CHECKING:
    from onnx import ModelProto

INPUTS = ("latents", "labels")
"""The names of a generator's inputs; without labels it has the first alone."""
HALF = 1e-2
"""The difference that is accepted of weights in half precision, of numbers in -1 to 1."""


@dataclass(frozen=True)
class OnnxFile:
    """The bytes of an ONNX file, and what was measured of it.

    Attributes:
        content: the file.
        facts: what `about` returns, and the file's own form.
        difference, limit: the largest difference from gankit's samples, and the accepted one: of
            numbers in -1 to 1, or of uint8 in 0 to 255.
    """

    content: bytes
    facts: dict[str, Any]
    difference: float
    limit: float


def to_onnx(
    gan: GAN, *, uint8: bool = False, half: bool = False, mixtures: bool = False
) -> OnnxFile:
    """Return a generator as an ONNX file, which has been run and compared with gankit.

    Its inputs are `latents`, float32 [N, latent_size], and `labels` if the run knows any: int64
    [N], or float32 [N, C] for vectors. Its output is `images` (or `points`, ...), float32
    [N, C, H, W] in -1 to 1, or [N, *shape]. Its metadata holds the facts under `gankit`.

    Args:
        gan: the trained run.
        uint8: whether images come out as `GAN.sample` returns them, uint8 [N, H, W, C].
        half: whether weights are stored in half precision.
        mixtures: whether labels are shares of the classes, float32 [N, K], if the generator admits
            it; the facts say under `mixtures` whether it does.

    Raises:
        RunError: the network cannot be exported, or the file differs too much.
        MissingExtraError: onnxscript or onnxruntime is not installed.
    """
    check_installed()
    pixels = uint8 and gan.kind == "images"
    shares = len(gan.class_names) if mixtures and takes_mixtures(gan) else 0
    facts = about(gan) | {"uint8": pixels, "half": half, "mixtures": bool(shares)}
    network = Network(gan.game, pixels=pixels, source=gan if shares else None)
    given = as_shares(example(gan, 3), shares)
    content = written(network, given, INPUTS, str(gan.kind), facts, half=half)
    run = runner(content)
    # A difference of 1e-3 moves a picture's number by at most one step of 255, one of 1e-2 by two.
    limit = (2.0 if half else 1.0) if pixels else (HALF if half else None)
    found = compare(
        [lambda inputs: run(as_shares(inputs, shares))],
        Network(gan.game, pixels=pixels),
        examples(gan),
        "the ONNX file",
        limit,
    )
    return OnnxFile(content, facts, *found)


def written(
    network: nn.Module,
    inputs: Inputs,
    names: Sequence[str],
    output: str,
    facts: dict[str, Any],
    *,
    half: bool = False,
) -> bytes:
    """Return a network as an ONNX file for any number of samples.

    Args:
        network: what is written.
        inputs: what it is called with, of several samples.
        names: the names of the inputs; those beyond the inputs are not used.
        output: the name of the output.
        facts: what the metadata holds under `gankit`.
        half: whether weights are stored in half precision.

    Raises RunError if the network cannot be written.
    """
    model = _model(network, inputs, names[: len(inputs)], output)
    if half:
        _halve(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = "gankit", json.dumps(facts)
    try:
        content: bytes = model.SerializeToString()
    except Exception as error:  # its format ends at 2 GiB
        raise RunError(f"this network does not fit into an ONNX file: {reason(error)}") from None
    return content


def check_installed() -> None:
    """Raise MissingExtraError if what writes and runs ONNX files is not installed."""
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
    except ImportError:
        raise MissingExtraError("an export to ONNX", "onnx") from None


def as_shares(inputs: Inputs, classes: int) -> Inputs:
    """Return the inputs with labels as shares of so many classes; 0: as they are."""
    return (inputs[0], one_hot(inputs[1], classes).float()) if classes else inputs


def _model(network: nn.Module, inputs: Inputs, names: Sequence[str], output: str) -> ModelProto:
    """Return the network as an ONNX model for any number of samples."""
    program = traced(network, inputs)
    try:
        with quiet():
            made = torch.onnx.export(
                program,
                inputs,
                dynamo=True,
                input_names=names,
                output_names=[output],
                verbose=False,
            )
        assert made is not None
        return made.model_proto
    except Exception as error:  # an operator that ONNX does not have, or anything else
        raise RunError(
            f"this network cannot be written as ONNX: {_first_cause(error)}; export it to torch"
        ) from None


MISSING = re.compile(r"No ONNX function found for <OpOverload\(op='\w+\.(\w+)'")
"""How torch says that ONNX has nothing like one of its own functions."""


def _first_cause(error: BaseException) -> str:
    """Return why torch failed, without what it tells its developers around that."""
    while error.__cause__ is not None:
        error = error.__cause__
    found = MISSING.search(str(error))
    return f"ONNX has nothing like torch's {found[1]}" if found else reason(error)


def _halve(model: ModelProto) -> None:
    """Store weights in half precision; a node for each casts it back before it is used."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in model.graph.initializer:
        if weight.data_type == TensorProto.FLOAT:
            name = weight.name
            with np.errstate(over="ignore"):  # what does not fit is found by the comparison
                small = numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(numpy_helper.from_array(small, f"{name}.half"))
            casts.append(helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def runner(content: bytes) -> Runs:
    """Return a function that runs an ONNX file by onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base
        raise RunError(f"onnxruntime cannot read the ONNX file: {reason(error)}") from None

    names = [one.name for one in session.get_inputs()]

    def run(inputs: Inputs) -> NDArray[Any]:
        given = {name: part.numpy() for name, part in zip(names, inputs, strict=False)}
        made: NDArray[Any] = session.run(None, given)[0]
        return made

    return run
