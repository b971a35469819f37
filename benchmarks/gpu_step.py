"""Images a second of training steps on a CUDA device, by family, side, batch, precision and form.

    python benchmarks/gpu_step.py [--seconds 3] [--forms plain replayed] [--out gpu.jsonl]

Each line is the median of several turns of a family's default recipe on random colour images, with
everything that `gankit train` does in a step. The device is waited for at the end of each turn. The
forms of one case are measured one after the other in one process: `replayed` is what `gankit train`
runs, as CUDA graphs where the family allows it; the others do without, as `FORMS` says. A line of
JSON is printed for each case; one that does not run says why.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import gankit
from gankit.errors import GankitError
from gankit.training import update
from telling import machine

CASES = [  # family, side, batch; the players of `infogan` take turns, those of the others do not
    ("began", 64, 16),
    ("infogan", 64, 64),
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
WARM = 12
"""Steps before the first turn: penalties come every few steps, and each form of a step is new."""


def plain(trainer: gankit.Trainer) -> None:
    """Launch each operation by itself (`measure` sets runtime.graphs to false)."""


def replayed(trainer: gankit.Trainer) -> None:
    """Replay the passes of a step as CUDA graphs (`measure` sets runtime.graphs to true)."""


def contiguous(trainer: gankit.Trainer) -> None:
    """Lay out weights and images as [N, C, H, W], which torch's own depthwise convolutions need."""
    for network in (trainer.game.generator, trainer.game.discriminator):
        network.to(memory_format=torch.contiguous_format)
        for part in (network, getattr(network, "backbone", None)):
            if part is not None:
                part.register_forward_pre_hook(_laid_out)


def _laid_out(_network: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.contiguous() if isinstance(x, torch.Tensor) else x for x in given)


def tensor_floats(trainer: gankit.Trainer) -> None:
    """Let matrix products round their inputs to TF32, as convolutions may already."""
    torch.backends.cuda.matmul.allow_tf32 = True


def tried_kernels(trainer: gankit.Trainer) -> None:
    """Let cuDNN try its convolutions for each shape, and keep the fastest."""
    torch.backends.cudnn.benchmark = True


def compiled(trainer: gankit.Trainer, mode: str = "default") -> None:
    """Compile both networks; penalties, which need second gradients, pass them as they are."""
    for network in (trainer.game.generator, trainer.game.discriminator):
        network.compile(mode=mode)


def compiled_graphs(trainer: gankit.Trainer) -> None:
    """Compile both networks, each into CUDA graphs of its own."""
    compiled(trainer, "reduce-overhead")


Form = Callable[[gankit.Trainer], None]
FORMS: dict[str, Form] = {
    "plain": plain,
    "replayed": replayed,
    "contiguous": contiguous,
    "tensor_floats": tensor_floats,
    "tried_kernels": tried_kernels,
    "compiled": compiled,
    "compiled_graphs": compiled_graphs,
}


@contextmanager
def penalties_as_they_are() -> Iterator[None]:
    """Keep torch's compiler out of penalties, whose second gradients it does not know."""
    own = update.penalty_terms

    def penalty_terms(*given: Any) -> Any:
        with torch.compiler.set_stance("force_eager"):
            return own(*given)

    update.penalty_terms = penalty_terms
    try:
        yield
    finally:
        update.penalty_terms = own


@contextmanager
def usual_backends() -> Iterator[None]:
    """Set back what a form has set for the whole process."""
    was = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.benchmark
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.benchmark = was
        torch.compiler.reset()


def measure(
    family: str, side: int, batch: int, precision: str, form: str, seconds: float
) -> dict[str, float]:
    """Return images a second, the median of some turns, and the seconds of the first steps."""
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
            "runtime.graphs": form == "replayed",
        },
    )
    with gankit.Trainer(gankit.build_game(config, dataset), dataset) as trainer:
        FORMS[form](trainer)
        began = time.perf_counter()
        for _ in range(WARM):
            step(trainer, form)
        torch.cuda.synchronize()
        warm = time.perf_counter() - began
        rates = []
        for _ in range(TURNS):
            began, steps = time.perf_counter(), 0
            while time.perf_counter() - began < seconds / TURNS:
                step(trainer, form)
                steps += 1
            torch.cuda.synchronize()
            rates.append(steps * batch / (time.perf_counter() - began))
    return {"images_per_second": round(statistics.median(rates), 1), "first_s": round(warm, 1)}


def step(trainer: gankit.Trainer, form: str) -> None:
    """Take a step; what a CUDA graph returned in the last one may be overwritten."""
    if form == "compiled_graphs":
        torch.compiler.cudagraph_mark_step_begin()
    trainer.step()


def case(text: str) -> tuple[str, int, int]:
    """Read a case, `family,side,batch`."""
    family, side, batch = text.split(",")
    return family, int(side), int(batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each case")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=["plain", "replayed"])
    parser.add_argument("--cases", nargs="+", type=case, default=CASES, help="such as dcgan,64,512")
    parser.add_argument("--precisions", nargs="+", default=["32", "bf16"])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    about = {"card": torch.cuda.get_device_name(), **machine(torch.get_num_threads())}
    asked = itertools.product(options.cases, options.precisions, options.forms)
    for (family, side, batch), precision, form in asked:
        line = {"benchmark": "gpu_step", "family": family, "side": side, "batch": batch}
        line |= {"precision": precision, "form": form}
        try:
            with penalties_as_they_are(), usual_backends():
                line |= measure(family, side, batch, precision, form, options.seconds)
            line |= {"gib": round(torch.cuda.max_memory_reserved() / 2**30, 2)}
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
