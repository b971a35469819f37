"""Measure what the metrics of features need: peak memory and CPU time, each in its own process.

    python tools/measure_metrics_memory.py [--examples 50000] [--dimensions 2048] [--only NAME ...]

Real and fake features are float32 files, mapped into memory and written block by block by a
process that has ended before anything is measured. Peak memory is the process's largest resident
set, which counts the pages of those files too. Prints a row of a markdown table for each metric.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from gankit.metrics.diversity import mean_distance
from gankit.metrics.frechet import frechet_distance, moments
from gankit.metrics.kernel import kernel_distance
from gankit.metrics.manifold import manifold
from gankit.metrics.memorisation import memorisation

BLOCK = 1000
SUBSET = 10_000

Features = np.memmap


def parts(features: Features) -> list[np.ndarray]:
    return [features[i : i + BLOCK] for i in range(0, len(features), BLOCK)]


METRICS: dict[str, Callable[[Features, Features], object]] = {
    "nothing": lambda real, fake: None,
    "frechet": lambda real, fake: frechet_distance(moments(parts(real)), moments(parts(fake))),
    "frechet, one block": lambda real, fake: frechet_distance(moments([real]), moments([fake])),
    "kernel, 100 subsets of 1,000": kernel_distance,
    "manifold of 10,000": lambda real, fake: manifold(real[:SUBSET], fake[:SUBSET]),
    "mean distance, random pairs": lambda real, fake: mean_distance(fake),
    "memorisation of 10,000": lambda real, fake: memorisation(
        fake[:SUBSET], real[SUBSET:], real[:SUBSET]
    ),
    "manifold": manifold,
}


def write(folder: Path, examples: int, dimensions: int) -> None:
    for seed, name in enumerate(("real", "fake")):
        rng = np.random.default_rng(seed)
        file = np.memmap(folder / name, np.float32, "w+", shape=(examples, dimensions))
        for start in range(0, examples, BLOCK):
            block = rng.standard_normal((min(BLOCK, examples - start), dimensions), np.float32)
            file[start : start + BLOCK] = np.maximum(block + 0.1 * seed, 0)
        file.flush()


def measure(name: str, folder: Path, examples: int, dimensions: int, pipe: object) -> None:
    real, fake = (
        np.memmap(folder / side, np.float32, "r", shape=(examples, dimensions))
        for side in ("real", "fake")
    )
    start = time.process_time()  # of a processor, so that other work on the machine does not count
    METRICS[name](real, fake)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KB on Linux
    pipe.send((peak, seconds))  # type: ignore[attr-defined]


def in_a_process(work: Callable[..., None], *arguments: object) -> object:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(*arguments, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, default=50_000)
    parser.add_argument("--dimensions", type=int, default=2048)
    parser.add_argument("--only", nargs="+", choices=METRICS, default=list(METRICS))
    arguments = parser.parse_args()
    size = (arguments.examples, arguments.dimensions)
    if arguments.examples < 2 * SUBSET:
        parser.error(f"--examples must be at least {2 * SUBSET}")
    with tempfile.TemporaryDirectory() as folder:
        writer = multiprocessing.get_context("spawn").Process(
            target=partial(write, Path(folder), *size)
        )
        writer.start()
        writer.join()
        print(f"| metric, {size[0]:,} x {size[1]:,} on both sides | peak MB | CPU seconds |")
        print("|---|---|---|")
        for name in arguments.only:
            peak, seconds = in_a_process(measure, name, Path(folder), *size)  # type: ignore[misc]
            print(f"| {name} | {peak:,.0f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
