"""What a training step costs: beside plain PyTorch, and for every family that makes images.

    python benchmarks/training_step.py [--rounds 7] [--seconds 4] [--threads N] [--families dcgan]

*Against the tutorial.* Both sides train the same networks on the same batch in memory, in one
process, taking turns (A B A B ...), so that a noisy machine disturbs both alike; the median ratio
of neighbouring turns counts. gankit's step is the one that `gankit train` takes, with everything
around it: batch order, latents, the averaged generator, the check that every number is finite. The
tutorial's step is that of PyTorch's DCGAN tutorial: sigmoid and binary cross-entropy, D called
three times, its gradients computed in G's step too, Adam as it comes.

*By family.* Milliseconds of a step of the family's own recipe on noise of each shape in ten
classes, the median of turns; costly steps with penalties count for their share.

How large a ratio can be depends on the processor: where the tutorial's own convolutions run near
its limit, only work that is left out can win, a quarter of it in the simultaneous update and a
twelfth in the alternating one. So beside each number stand the operations of a step that are left
out, and the share of the limit: the rate of its products and convolutions over that of the fastest
of some convolutions that suit the processor, the best turn of the whole run.

With one thread, seconds are the process's own on the processor, which other programs on the machine
disturb less than the clock; with several they are the clock's, and the machine must be idle. One
line of JSON is printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gankit import Config, Dataset, configure
from gankit.errors import GankitError
from gankit.families import FAMILIES
from gankit.settings.config import override
from gankit.training.state import build_game
from gankit.training.trainer import Trainer
from telling import machine, spread
from tutorial import KERNEL, NOISE, tutorial_networks, tutorial_step

Step = Callable[[], object]

CASES = {  # name: side, channels, batch, widths of D, stages, batch norm in D
    "64x64x3, batch 32, no batch norm in D (simultaneous)": (64, 3, 32, 64, 4, False),
    "28x28x1, batch 128, no batch norm in D (simultaneous)": (28, 1, 128, 64, 2, False),
    "64x64x3, batch 32, batch norm in D (equal mathematics)": (64, 3, 32, 64, 4, True),
    "28x28x1, batch 128, batch norm in D (equal mathematics)": (28, 1, 128, 64, 2, True),
}
SHAPES = ((64, 64, 3), (28, 28, 1))
FASTEST = ((8, 256, 256, 8, 3, 1), (32, 128, 128, 16, 3, 1), (32, 128, 256, 16, 4, 2))
"""Convolutions near a processor's limit: batch, channels in and out, side, kernel, stride."""


def noise(*shape: int) -> Dataset:
    """Return 2,048 images of noise, [H, W, C], in ten classes."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2048, *shape), np.uint8)
    return Dataset.of((pixels, np.arange(2048) % 10))


@contextmanager
def stepping(config: Config, dataset: Dataset, threads: int) -> Iterator[Step]:
    """The step that `gankit train` takes by this configuration, after a first one.

    The first one measures some steps to plan the budget.
    """
    asked = {
        "training.minutes": None,
        "training.steps": 10**6,
        "runtime.threads": threads,
        "runtime.device": "cpu",
    }
    with Trainer(build_game(override(config, asked), dataset), dataset) as trainer:
        trainer.step()
        yield trainer.step


def like_the_tutorial(dataset: Dataset, batch: int, width: int, stages: int, norm: bool) -> Config:
    """Return the configuration whose networks are the tutorial's."""
    return override(
        configure("dcgan", dataset, "dcgan-paper"),
        {
            "network.generator_width": width,
            "network.discriminator_width": width,
            "network.stages": stages,
            "network.kernel": KERNEL,
            "network.discriminator_norm": "batch" if norm else "none",
            "latent.size": NOISE,
            "training.batch": batch,
        },
    )


def clock() -> float:
    """Return seconds: of this process alone if it computes in one thread."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def seconds_of(step: Step, seconds: float, each: int = 1) -> float:
    """Return the seconds of a step, over about so many of them and whole rounds of `each` steps."""
    started, count = clock(), 0
    while count == 0 or clock() - started < seconds:
        for _ in range(each):
            step()
        count += each
    return (clock() - started) / count


def product_flops(x: Tensor, weight: Tensor, *_: object, **__: object) -> int:
    """Return the operations of x w^T, x [M, K] and w [N, K]."""
    return 2 * x.numel() * len(weight)


COUNTED = {**flop_registry, torch.ops.mkldnn._linear_pointwise: product_flops}
"""How operations are counted: torch's table, and the product that gankit's convolutions use."""


class Counter(TorchDispatchMode):
    """Counts floating-point operations, in penalties' second passes backward too."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        if (count := COUNTED.get(func.overloadpacket)) is not None:
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def flops(step: Step, each: int = 1) -> float:
    """Return the floating-point operations of the products and convolutions of a step."""
    with Counter() as counter:
        for _ in range(each):
            step()
    return counter.total / each


def limit(seconds: float = 0.3) -> float:
    """Return what this processor can do now, in operations a second: the best turn of some
    convolutions that suit it, each tried for so many seconds."""
    return max(rate(*shape, seconds) for shape in FASTEST)


def rate(
    batch: int, inputs: int, outputs: int, side: int, kernel: int, stride: int, seconds: float
) -> float:
    """Return the operations a second of a convolution's best turn."""
    x = torch.randn(batch, inputs, side, side).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(outputs, inputs, kernel, kernel)
    weight = weight.contiguous(memory_format=torch.channels_last)
    best, work, ends = float("inf"), 0, clock() + seconds
    while not work or clock() < ends:
        started = clock()
        out = F.conv2d(x, weight, None, stride, 1)
        best = min(best, clock() - started)
        work = 2 * out.numel() * weight[0].numel()
    return work / best


def against_tutorial(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Return images a second of both sides in one case, their ratio, and what each computes."""
    side, channels, batch, width, stages, norm = CASES[name]
    torch.manual_seed(0)
    real = torch.rand(batch, channels, side, side) * 2 - 1
    networks = tutorial_networks(side, channels, width, stages, norm)
    theirs = partial(tutorial_step(networks), real)
    dataset = noise(side, side, channels)
    config = like_the_tutorial(dataset, batch, width, stages, norm)
    with stepping(config, dataset, asked.threads) as ours:
        work = flops(theirs), flops(ours)
        pairs = [
            (seconds_of(theirs, asked.seconds), seconds_of(ours, asked.seconds))
            for _ in range(asked.rounds)
        ]
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "case": name,
        "tutorial_images_per_s": round(batch / a, 1),
        "gankit_images_per_s": round(batch / b, 1),
        "ratio": spread([a / b for a, b in pairs], 2),
        "operations_left_out": round(1 - work[1] / work[0], 3),
        "tutorial_gflops": round(work[0] / a / 1e9, 2),
        "gankit_gflops": round(work[1] / b / 1e9, 2),
    }


def of_family(
    family: str, shape: tuple[int, int, int], asked: argparse.Namespace
) -> dict[str, Any]:
    """Return what a step of a family's recipe costs on images of a shape, or why it takes none."""
    line: dict[str, object] = {"family": family, "shape": "x".join(map(str, shape))}
    dataset = noise(*shape)
    config = configure(family, dataset)
    penalised = config.objective.penalty != "none"
    each = config.objective.penalty_interval if penalised else 1
    try:
        with stepping(config, dataset, asked.threads) as step:
            work = flops(step, each)
            took = [seconds_of(step, asked.seconds, each) for _ in range(asked.rounds)]
    except GankitError as error:
        return line | {"refused": str(error)}
    return line | {
        "batch": config.training.batch,
        "ms": spread([1000 * seconds for seconds in took], 1),
        "gflops": round(work / statistics.median(took) / 1e9, 2),
    }


def measured(
    measure: Callable[..., dict[str, Any]], cases: Iterable[tuple[Any, ...]], limits: list[float]
) -> list[dict[str, Any]]:
    """Return what `measure` finds in each case; the limit is measured again after each.

    Each is told on stderr too as soon as it is there, since all of them take minutes.
    """
    found = []
    for case in cases:
        found.append(measure(*case))
        limits.append(limit())
        print(json.dumps(found[-1] | {"limit": limits[-1]}), file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each turn")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--families", help="joined by commas; by default all that make images")
    parser.add_argument(
        "--shapes", type=int, default=len(SHAPES), help="the first so many of these"
    )
    parser.add_argument("--cases", type=int, default=len(CASES), help="the first so many of these")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    images = [name for name in FAMILIES.names() if "images" in FAMILIES[name].kinds]
    families = images if asked.families is None else asked.families.split(",")
    limits = [limit()]
    cases = [(name, asked) for name in list(CASES)[: asked.cases]]
    shaped = [(family, shape, asked) for family in families for shape in SHAPES[: asked.shapes]]
    line = {
        "benchmark": "training_step",
        "rounds": asked.rounds,
        "seconds": asked.seconds,
        "against_tutorial": measured(against_tutorial, cases, limits),
        "families": measured(of_family, shaped, limits),
        "limit_gflops": round(max(limits) / 1e9, 2),
    }
    print(json.dumps(line | machine(asked.threads)))


if __name__ == "__main__":
    main()
