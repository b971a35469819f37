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
twelfth in the alternating one. So the share of that limit, the rate of the processor's fastest
convolution, stands beside each number.

With one thread, seconds are the process's own on the processor, which other programs on the machine
disturb less than the clock; with several they are the clock's. One line of JSON is printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

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


def noise(*shape: int) -> Dataset:
    """Return 2,048 images of noise, [H, W, C], in ten classes."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2048, *shape), np.uint8)
    return Dataset.of((pixels, np.arange(2048) % 10))


@contextmanager
def stepping(config: Config, dataset: Dataset, threads: int) -> Iterator[Step]:
    """The step that `gankit train` takes by this configuration."""
    asked = {
        "training.minutes": None,
        "training.steps": 10**6,
        "runtime.threads": threads,
        "runtime.device": "cpu",
    }
    with Trainer(build_game(override(config, asked), dataset), dataset) as trainer:
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


def seconds_of(step: Step, seconds: float, each: int = 1) -> float:
    """Return the seconds of a step, over about so many of them and whole rounds of `each` steps."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    started, count = clock(), 0
    while count == 0 or clock() - started < seconds:
        for _ in range(each):
            step()
        count += each
    return (clock() - started) / count


def flops(step: Step, each: int = 1) -> float:
    """Return the floating-point operations of the products and convolutions of a step."""
    with FlopCounterMode(display=False) as counter:
        for _ in range(each):
            step()
    return counter.get_total_flops() / each


@cache
def limit() -> float:
    """What this processor can do: the rate of a convolution that suits it, in operations a second;
    the best of many turns."""
    x = torch.randn(32, 128, 16, 16).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(256, 128, 4, 4).contiguous(memory_format=torch.channels_last)
    best = float("inf")
    for _ in range(50):
        started = time.perf_counter()
        out = F.conv2d(x, weight, None, 2, 1)
        best = min(best, time.perf_counter() - started)
    return 2 * out.numel() * weight[0].numel() / best


def against_tutorial(name: str, asked: argparse.Namespace) -> dict[str, object]:
    """Return images a second of both sides in one case, and their ratio."""
    side, channels, batch, width, stages, norm = CASES[name]
    torch.manual_seed(0)
    real = torch.rand(batch, channels, side, side) * 2 - 1
    networks = tutorial_networks(side, channels, width, stages, norm)
    theirs = partial(tutorial_step(networks), real)
    work = flops(theirs)
    dataset = noise(side, side, channels)
    config = like_the_tutorial(dataset, batch, width, stages, norm)
    with stepping(config, dataset, asked.threads) as ours:
        ours()
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
        "tutorial_share_of_limit": round(work / a / limit(), 2),
    }


def of_family(
    family: str, shape: tuple[int, int, int], asked: argparse.Namespace
) -> dict[str, object]:
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
        "share_of_limit": round(work / statistics.median(took) / limit(), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each turn")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--families", help="joined by commas; by default all that make images")
    parser.add_argument("--cases", type=int, default=len(CASES), help="the first so many of these")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    images = [name for name in FAMILIES.names() if "images" in FAMILIES[name].kinds]
    families = images if asked.families is None else asked.families.split(",")
    line = {
        "benchmark": "training_step",
        "rounds": asked.rounds,
        "seconds": asked.seconds,
        "against_tutorial": [against_tutorial(name, asked) for name in list(CASES)[: asked.cases]],
        "families": [of_family(family, shape, asked) for family in families for shape in SHAPES],
    }
    print(json.dumps(line | machine(asked.threads)))


if __name__ == "__main__":
    main()
