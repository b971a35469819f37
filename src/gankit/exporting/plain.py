"""Write a traced generator as a file of plain PyTorch that people can read.

Each node of the trace becomes one line, under the name of the layer that it came from. Operators
that are not in `LINES` are called by their names in torch, so that any trace can be written; what
is written is run and compared before anybody gets it.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node

from gankit.exporting.draws import Draw
from gankit.randomness import Purpose
from gankit.trained.drawing import BLOCK
from gankit.trained.gan import GAN

WHOLE = 2**62
"""A slice that ends here or later goes to the end."""

Line = Callable[..., str]


def _slice(x: str, dim: str = "0", start: str = "0", end: str = str(WHOLE), step: str = "1") -> str:
    begin, stop = "" if start == "0" else start, "" if _is_whole(end) else end
    if step == "1" and not begin and not stop:
        return x
    every = "" if step == "1" else f":{step}"
    return f"{x}[{':, ' * int(dim)}{begin}:{stop}{every}]"


def _is_whole(end: str) -> bool:
    return end.isdecimal() and int(end) >= WHOLE


def _batch_norm(
    x: str, w: str, b: str, mean: str, var: str, training: str, momentum: str, eps: str, *_: str
) -> str:
    return f"F.batch_norm({x}, {mean}, {var}, {w}, {b}, eps={eps})"


def _nearest(x: str, size: str, scales: str = "None") -> str:
    return f"F.interpolate({x}, size={size}, scale_factor={scales})"


def _bilinear(x: str, size: str, corners: str, scales: str = "None") -> str:
    given = f"size={size}, scale_factor={scales}, align_corners={corners}"
    return f'F.interpolate({x}, {given}, mode="bilinear")'


def _method(name: str) -> Line:
    return lambda x, *rest: f"{x}.{name}({', '.join(rest)})"


def _call(name: str) -> Line:
    return lambda *given: f"{name}({', '.join(given)})"


def _between(sign: str) -> Line:
    return lambda a, b: f"{a} {sign} {b}"


LINES: Mapping[str, Line] = {
    "sym_size.int": lambda x, dim: f"{x}.shape[{dim}]",
    "linear.default": _call("F.linear"),
    "conv2d.default": _call("F.conv2d"),
    "conv_transpose2d.input": _call("F.conv_transpose2d"),
    "batch_norm.default": _batch_norm,
    "embedding.default": lambda table, labels, *_: f"F.embedding({labels}, {table})",
    "one_hot.default": _call("F.one_hot"),
    "view.default": _method("reshape"),
    "reshape.default": _method("reshape"),
    "permute.default": _method("permute"),
    "expand.default": _method("expand"),
    "unsqueeze.default": _method("unsqueeze"),
    "slice.Tensor": _slice,
    "split_with_sizes.default": _call("torch.split"),
    "cat.default": _call("torch.cat"),
    "relu.default": _call("torch.relu"),
    "tanh.default": _call("torch.tanh"),
    "sigmoid.default": _call("torch.sigmoid"),
    "addcmul.default": _call("torch.addcmul"),
    "leaky_relu.default": _call("F.leaky_relu"),
    "elu.default": _call("F.elu"),
    "softplus.default": _call("F.softplus"),
    "upsample_nearest2d.vec": _nearest,
    "upsample_bilinear2d.vec": _bilinear,
    "_weight_norm.default": _call("torch._weight_norm"),
    "chunk.default": _call("torch.chunk"),
    "to.dtype": _method("to"),
    "contiguous.default": lambda x: x,  # how numbers lie in memory changes none of them
    "add.Tensor": _between("+"),
    "sub.Tensor": _between("-"),
    "mul.Tensor": _between("*"),
    "div.Tensor": _between("/"),
    "ge.Scalar": _between(">="),
}
"""How operators of torch are written; without an entry by their full names."""
IGNORED = {"memory_format"}
"""Arguments that change no number."""


def plain_weights(program: ExportedProgram) -> dict[str, Tensor]:
    """Return the tensors that a traced generator uses, by their names in it."""
    named = {**program.state_dict, **program.constants}
    kept = {_short(name): named[name] for node, name in _stored(program) if node.users}
    return {name: value.detach().clone().contiguous() for name, value in kept.items()}


def plain_source(program: ExportedProgram, gan: GAN, draws: Sequence[Draw] | None) -> str:
    """Return the text of generator.py: the network, and how gankit draws its latents."""
    return TEMPLATE.format(
        family=gan.config.family,
        steps=f"{gan.step:,}",
        inputs=_inputs(gan),
        output=_output(gan),
        names=_listed(gan.class_names),
        body="\n".join(f"        {line}" for line in _body(program)),
        draw=_draw(draws),
        pixels=PIXELS if gan.kind == "images" else "",
    )


def _stored(program: ExportedProgram) -> list[tuple[Node, str]]:
    """Return the inputs of a trace that are tensors of its own, each with the tensor's name."""
    signature = program.graph_signature
    names = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    nodes = [node for node in program.graph.nodes if node.op == "placeholder"]
    return [(node, names[node.name]) for node in nodes if node.name in names]


def _short(name: str) -> str:
    return name.removeprefix("generator.")


def _body(program: ExportedProgram) -> list[str]:
    """Return the lines that compute the network's output."""
    values = {node: f"w[{json.dumps(_short(name))}]" for node, name in _stored(program)}
    lines, layer = [], ""
    for node in program.graph.nodes:
        if node.op == "placeholder":
            values.setdefault(node, node.name)
        elif node.op == "call_function":
            if node.target is torch.ops.aten._assert_tensor_metadata.default:
                continue
            text = _line(node, values)
            if text.isidentifier() or text.endswith(".shape[0]"):  # nothing is computed
                values[node] = text
                continue
            if node.users and (found := _layer(node)) and found != layer:
                layer = found
                lines.append(f"# {layer}")
            values[node] = node.name
            lines.append(f"{node.name} = {text}")
        elif node.op == "output":
            lines.append(f"return {_written(node.args[0][0], values)}")
    return lines


def _line(node: Node, values: Mapping[Node, str]) -> str:
    given = [_written(one, values) for one in node.args]
    if node.target is operator.getitem:
        return f"{given[0]}[{given[1]}]"
    name = str(node.target).removeprefix("aten.")
    if name in LINES and not node.kwargs.keys() - IGNORED:
        return LINES[name](*given)
    given += [f"{key}={_written(one, values)}" for key, one in node.kwargs.items()]
    found = getattr(node.target, "__name__", name)
    if isinstance(node.target, torch._ops.OpOverload):
        return f"torch.ops.{node.target}({', '.join(given)})"
    return f"operator.{found}({', '.join(given)})"


def _written(value: Any, values: Mapping[Node, str]) -> str:
    """Return an argument of a node as Python writes it."""
    if isinstance(value, Node):
        return values[value]
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_written(one, values) for one in value)}]"
    if isinstance(value, torch.device):
        return f"{str(value)!r}"
    return repr(value)


def _layer(node: Node) -> str:
    """Return the name of the layer that a node came from; nothing if it is no layer's."""
    stack = node.meta.get("nn_module_stack") or {}
    path = next((str(path) for path, _ in reversed(stack.values())), "")
    return _short(path) if path.startswith("generator.") else ""


def _inputs(gan: GAN) -> str:
    size = gan.game.latent_size
    text = f"latents: float32 [N, {size}], as `draw` draws them."
    if gan.condition:
        return f"{text}\n            labels: float32 [N, {gan.condition}]."
    if gan.class_names:
        return f"{text}\n            labels: int64 [N], each the place of a class in CLASSES."
    return text


def _output(gan: GAN) -> str:
    shape = ", ".join(map(str, gan.shape))
    if gan.kind == "images":
        return f"Images, float32 [N, {shape}], -1 is black and 1 is white."
    return f"{gan.kind.capitalize()}, [N, {shape}]."


def _listed(names: Sequence[str]) -> str:
    return repr(list(names))


def _draw(draws: Sequence[Draw] | None) -> str:
    if draws is None:
        return STORED
    parts = "\n".join(f"            {draw.python(BLOCK)}," for draw in draws)
    return DRAWN.format(block=BLOCK, purpose=int(Purpose.SAMPLES), parts=parts)


TEMPLATE = '''\
"""The generator of a trained GAN as plain PyTorch. It needs torch, numpy and safetensors.

gankit wrote this file from a run of family {family} after {steps} steps. The weights lie beside it
in weights.safetensors; example.py shows how to use it.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

FOLDER = Path(__file__).parent
CLASSES = {names}


class Generator:
    """A function from latents to samples."""

    def __init__(self, device="cpu"):
        self.weights = load_file(FOLDER / "weights.safetensors", device=device)

    @torch.inference_mode()
    def __call__(self, latents, labels=None):
        """Return one sample for each latent.

        Args:
            {inputs}

        Returns:
            {output}
        """
        w = self.weights
{body}

{draw}{pixels}'''

DRAWN = '''
def draw(count, seed=0):
    """Return the latents of samples 0 to count - 1 of a seed: those of `gankit sample --seed`."""
    blocks = []
    for block in range(-(-count // {block})):
        rng = np.random.Generator(
            np.random.Philox(key=[seed, {purpose}], counter=[0, 0, 0, block])
        )
        parts = [
{parts}
        ]
        blocks.append(np.concatenate(parts, 1))
    return torch.from_numpy(np.concatenate(blocks)[:count])
'''

STORED = '''
def draw(count, seed=0):
    """Return the latents of samples 0 to count - 1 of seed 0, as far as they are stored."""
    latents = load_file(FOLDER / "latents.safetensors")["latents"]
    if seed != 0 or count > len(latents):
        raise ValueError(f"only the first {len(latents)} latents of seed 0 are stored")
    return latents[:count]
'''

PIXELS = '''

def to_pixels(images):
    """Return images [N, C, H, W] in -1 to 1 as uint8, [N, H, W] or [N, H, W, C]."""
    scaled = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    pixels = scaled.permute(0, 2, 3, 1).cpu().numpy()
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels
'''
