"""Images a second of training steps on a CUDA device, by family, side, precision and batch.

    python benchmarks/gpu_step.py [--seconds 4] [--out gpu.jsonl]

Each line is the median of several turns of a family's default recipe on random colour images, with
everything that `gankit train` does in a step. The device is waited for at the end of each turn.
A line of JSON is printed for each case; one that does not fit says so.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch

import gankit
from gankit.errors import GankitError
from telling import machine

CASES = [  # family, side, batch
    ("dcgan", 64, 64),
    ("dcgan", 64, 512),
    ("modern", 64, 64),
    ("modern", 64, 256),
    ("modern", 256, 32),
    ("projected", 64, 16),
    ("projected", 64, 64),
    ("projected", 256, 32),
]
TURNS = 5


def measure(family: str, side: int, batch: int, precision: str, seconds: float) -> float:
    """Return images a second, the median of some turns."""
    images = np.random.default_rng(0).integers(0, 256, (1024, side, side, 3), np.uint8)
    dataset = gankit.Dataset.of(images)
    config = gankit.override(
        gankit.configure(family, dataset),
        {
            "training.batch": batch,
            "training.minutes": None,
            "training.steps": 10**6,
            "runtime.device": "cuda",
            "runtime.precision": precision,
        },
    )
    with gankit.Trainer(gankit.build_game(config, dataset), dataset) as trainer:
        for _ in range(10):
            trainer.step()
        torch.cuda.synchronize()
        rates = []
        for _ in range(TURNS):
            began, steps = time.perf_counter(), 0
            while time.perf_counter() - began < seconds / TURNS:
                trainer.step()
                steps += 1
            torch.cuda.synchronize()
            rates.append(steps * batch / (time.perf_counter() - began))
    return statistics.median(rates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each case")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    about = {"card": torch.cuda.get_device_name(), **machine(torch.get_num_threads())}
    for family, side, batch in CASES:
        for precision in ("32", "bf16"):
            line = {"benchmark": "gpu_step", "family": family, "side": side, "batch": batch}
            line |= {"precision": precision}
            try:
                rate = measure(family, side, batch, precision, options.seconds)
                memory = torch.cuda.max_memory_allocated() / 2**30
                line |= {"images_per_second": round(rate, 1), "gib": round(memory, 2)}
            except (GankitError, RuntimeError) as error:
                line |= {"failed": str(error).split("\n")[0]}
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            print(json.dumps(line | about), flush=True)
            if options.out:
                with options.out.open("a") as file:
                    file.write(json.dumps(line | about) + "\n")


if __name__ == "__main__":
    main()
