"""Images per second of a training step: gankit against the plain PyTorch tutorial's way.

    python benchmarks/training_step.py [--rounds 7] [--seconds 4] [--threads N]

Both sides train the same networks on the same batch in memory, in one process, taking turns
(A B A B ...), so that a noisy machine disturbs both alike; the median ratio of neighbouring turns
is printed. gankit's step is the one that `gankit train` takes, with everything around it: batch
order, latents, the averaged generator, the check that every number is finite. The tutorial's step
is that of PyTorch's DCGAN tutorial: sigmoid and binary cross-entropy, D called three times, its
gradients computed in G's step too, Adam as it comes.

How large a ratio can be depends on the processor: where the tutorial's own convolutions run near
its limit, only work that is left out can win, a quarter of it in the simultaneous update and a
twelfth in the alternating one. So the tutorial's share of that limit is printed beside each ratio.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from gankit import Config, configure
from gankit.data import ArrayDataset
from gankit.settings.config import override
from gankit.training.state import build_game
from gankit.training.trainer import Trainer
from tutorial import KERNEL, NOISE, tutorial_networks, tutorial_step

Step = Callable[[], object]

CASES = {  # name: side, channels, batch, widths of D, batch norm in D
    "64x64x3, batch 32, no batch norm in D (simultaneous)": (64, 3, 32, 64, 4, False),
    "28x28x1, batch 128, no batch norm in D (simultaneous)": (28, 1, 128, 64, 2, False),
    "64x64x3, batch 32, batch norm in D (equal mathematics)": (64, 3, 32, 64, 4, True),
    "28x28x1, batch 128, batch norm in D (equal mathematics)": (28, 1, 128, 64, 2, True),
}


@contextmanager
def gankit_step(
    side: int, channels: int, batch: int, width: int, stages: int, norm: bool, threads: int
) -> Iterator[Step]:
    """The step that `gankit train dcgan` takes."""
    pixels = np.random.default_rng(0).integers(0, 256, (2048, channels, side, side), np.uint8)
    config: Config = override(
        configure("dcgan", "noise", "dcgan-paper"),
        {
            "network.generator_width": width,
            "network.discriminator_width": width,
            "network.stages": stages,
            "network.kernel": KERNEL,
            "network.discriminator_norm": "batch" if norm else "none",
            "latent.size": NOISE,
            "training.batch": batch,
            "training.steps": 1_000_000,
            "runtime.threads": threads,
            "runtime.device": "cpu",
        },
    )
    dataset = ArrayDataset("noise", pixels, "noise")
    with Trainer(build_game(config, dataset), dataset) as trainer:
        yield trainer.step


def rate(step: Step, batch: int, seconds: float) -> float:
    """Images per second over about this long."""
    step()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        step()
        count += 1
    return count * batch / (time.perf_counter() - started)


def flops(step: Step) -> int:
    """Floating-point operations of the products and convolutions of a step."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each turn")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"torch {torch.__version__}, {arguments.threads} threads, {platform.machine()}, "
        f"{arguments.rounds} rounds of {arguments.seconds:g} s a side"
    )
    for name, (side, channels, batch, width, stages, norm) in CASES.items():
        torch.manual_seed(0)
        real = torch.rand(batch, channels, side, side) * 2 - 1
        networks = tutorial_networks(side, channels, width, stages, norm)
        theirs = partial(tutorial_step(networks), real)
        work = flops(theirs)
        with gankit_step(side, channels, batch, width, stages, norm, arguments.threads) as ours:
            pairs = [
                (rate(theirs, batch, arguments.seconds), rate(ours, batch, arguments.seconds))
                for _ in range(arguments.rounds)
            ]
        ratios = [b / a for a, b in pairs]
        a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{name}: tutorial {a:,.1f}, gankit {b:,.1f} images/s; median ratio "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); the "
            f"tutorial at {a / batch * work / limit():.0%} of the limit"
        )


if __name__ == "__main__":
    main()
