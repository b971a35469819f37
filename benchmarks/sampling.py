"""Samples per second of gankit, of its ONNX file by onnxruntime, and of plain eager PyTorch.

    python benchmarks/sampling.py runs/digits [--rounds 7] [--seconds 1] [--threads N]

All three run the same network on the same latents, one sample at a time and 64 at a time, in one
process with as many threads each. They take turns, so that a noisy machine disturbs all alike; the
median of the rounds is printed as one line of JSON. Plain PyTorch is the code that
`gankit export --to torch` writes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import torch

import gankit
from gankit.exporting.network import Inputs, example
from gankit.exporting.to_torch import load_code
from telling import machine

BATCHES = (1, 64)
Run = Callable[[Inputs], object]


def runners(gan: gankit.GAN, threads: int) -> dict[str, Run]:
    """Return what is compared, by name."""
    with tempfile.TemporaryDirectory() as folder:
        gankit.export(gan, Path(folder) / "plain")
        gankit.export(gan, Path(folder) / "g.onnx")
        plain = load_code(Path(folder) / "plain")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(
            Path(folder) / "g.onnx", options, providers=["CPUExecutionProvider"]
        )
    names = [one.name for one in session.get_inputs()]

    def by_gankit(inputs: Inputs) -> object:
        return gan(inputs[0], None if len(inputs) == 1 else inputs[1].numpy())

    def by_onnx(inputs: Inputs) -> object:
        return session.run(None, {n: part.numpy() for n, part in zip(names, inputs, strict=True)})

    return {"gankit": by_gankit, "onnxruntime": by_onnx, "pytorch": plain}


def rate(run: Run, inputs: Inputs, seconds: float) -> float:
    """Return samples per second over about so many seconds."""
    run(inputs)
    calls, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        run(inputs)
        calls += 1
    return calls * len(inputs[0]) / passed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    gan = gankit.load(asked.run)
    compared = runners(gan, asked.threads)
    found: dict[str, dict[str, float]] = {}
    for batch in BATCHES:
        inputs = example(gan, batch)
        rounds = [
            {name: rate(run, inputs, asked.seconds) for name, run in compared.items()}
            for _ in range(asked.rounds)
        ]
        found[str(batch)] = {
            name: round(statistics.median(one[name] for one in rounds)) for name in compared
        }
    print(
        json.dumps(
            {
                "samples_per_second": found,
                "family": gan.config.family,
                "shape": gan.shape,
                "parameters": sum(p.numel() for p in gan.generator.parameters()),
                "rounds": asked.rounds,
                "onnxruntime": onnxruntime.__version__,
                **machine(asked.threads),
            }
        )
    )


if __name__ == "__main__":
    main()
