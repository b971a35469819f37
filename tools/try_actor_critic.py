"""What does each method of the table of arXiv 1610.01945 do to a small game? Try them all.

    python tools/try_actor_critic.py --out results/actor-critic.csv

The plain game on a ring of eight modes, and the same with one method after another, three seeds of
each. A line is written as each run ends. The same
command goes on where it was stopped. Compatible function approximation has no line: it is a
condition on the critic.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import gankit
from gankit.data.toys import modes
from table_lines import read_lines, write_lines

HIDDEN = 64
PLAIN = {
    "network.generator_hidden": f"{HIDDEN},{HIDDEN}",
    "network.discriminator_hidden": f"{HIDDEN},{HIDDEN}",
    "objective.loss": "non_saturating",
    "objective.penalty": "none",
    "generator_optimizer.lr": 5e-3,
    "generator_optimizer.beta1": 0.5,
    "generator_optimizer.decay_from": 0.5,
    "discriminator_optimizer.lr": 5e-3,
    "discriminator_optimizer.beta1": 0.5,
    "discriminator_optimizer.decay_from": 0.5,
    "training.batch": 64,
    "training.ema": 0.0,
    "training.steps": 400,
    "output.log_every": 100,
    "output.sample_every": 0,
    "runtime.threads": 1,
}
"""The game of 2014, of small networks. The rates fall to 0 over the second half."""

METHODS: dict[str, dict[str, Any]] = {
    "none": {},
    "freezing learning": {"stabilise.freeze_d": 0.8},
    "label smoothing": {"objective.real_target": 0.9},
    "historical averaging": {"stabilise.historical": 0.01},
    "minibatch discrimination": {"stabilise.minibatch_kernels": 16},
    "batch normalisation": {},  # by networks of its own: those of `gan` have none
    "target networks": {"stabilise.lagged": 0.9},
    "replay buffers": {"stabilise.replay": 0.25},
    "entropy regularisation": {"stabilise.entropy": 0.01},
}
"""The rows of the table, each with what it changes."""

SEEDS = (0, 1, 2)
SAMPLES = 2000


def normalised(inputs: int, outputs: int) -> nn.Sequential:
    """Return a perceptron with batch normalisation before each activation."""
    layers: list[nn.Module] = []
    for size in (inputs, HIDDEN):
        layers += [nn.Linear(size, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, outputs))


def networks_for(method: str, noise: int, seed: int) -> tuple[nn.Module, nn.Module] | None:
    """Return (G, D) if the method needs others than the family's."""
    if method != "batch normalisation":
        return None
    torch.manual_seed(seed)
    return normalised(noise, 2), normalised(2, 1)


def trial(method: str, seed: int) -> dict[str, Any]:
    """Train with a method. Return a line of the table."""
    changes = {**PLAIN, **METHODS[method], "training.seed": seed}
    config = gankit.override(gankit.configure("gan", "toy:ring8"), changes)
    networks = networks_for(method, config.latent.size, seed)
    with tempfile.TemporaryDirectory() as place:
        outcome = gankit.fit(config, f"{place}/run", networks=networks, quiet=True)
        if outcome.signal is not None:
            raise SystemExit(128 + outcome.signal)
        points = gankit.load(f"{place}/run", networks=networks).sample(SAMPLES, seed=0)
    setting = " ".join(f"{key}={value}" for key, value in METHODS[method].items())
    return {
        "method": method,
        "setting": setting,
        "seed": seed,
        "steps": config.training.steps,
        **measured(points),
    }


def measured(points: NDArray[np.floating]) -> dict[str, float]:
    """Say where samples are, by the papers' rule and by a wider one.

    Returns:
        `modes` with a sample within three deviations, and the share of samples there, `good`;
        modes that are `filled`, by 2 % of the samples within ten deviations, and the share of
        samples that are that near to any mode, `near`.
    """
    centres, deviation = modes("toy:ring8")
    count = gankit.metrics.count_modes(points, centres, deviation)
    away = np.linalg.norm(points[:, None] - centres, axis=2)
    near = away.min(1) < 10 * deviation
    shares = np.bincount(away.argmin(1)[near], minlength=len(centres)) / len(points)
    return {
        "modes": count.found,
        "good": round(count.good, 4),
        "filled": int((shares >= 0.02).sum()),
        "near": round(float(near.mean()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("results/actor-critic.csv"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    lines = read_lines(given.out)
    done = {(line["method"], str(line["seed"])) for line in lines}
    for seed in SEEDS:
        for method in METHODS:
            if (method, str(seed)) in done:
                continue
            lines.append(trial(method, seed))
            print(*lines[-1].values(), sep="  ", flush=True)
            write_lines(given.out, lines)


if __name__ == "__main__":
    main()
