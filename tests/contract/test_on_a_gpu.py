"""What holds for every family on a CUDA device; `pytest -m gpu` runs it where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gankit
from gankit.fitting import fit
from gankit.run import Run

from ..conftest import IMAGE_FAMILIES

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
every_family = pytest.mark.parametrize("family", IMAGE_FAMILIES)


@every_family
def test_a_run_is_resumed_there_and_samples_here(small, tmp_path, family):
    run = tmp_path / "run"
    half = small(family, **{"runtime.device": "cuda", "training.steps": 3})
    assert fit(half, run).step == 3
    whole = gankit.override(half, {"training.steps": 6})
    assert fit(whole, run).finished
    lines = Run(run).metrics()
    assert all(np.isfinite(line["g/adversarial"]) for line in lines if "g/adversarial" in line)
    here, there = (gankit.load(run, device).sample(8, seed=0) for device in ("cpu", "cuda"))
    assert np.abs(here.astype(float) - there.astype(float)).max() <= 2  # of 255


@every_family
def test_mixed_precision_trains(small, tmp_path, family):
    config = small(family, **{"runtime.device": "cuda", "runtime.precision": "bf16"})
    assert fit(config, tmp_path / "run").finished


def test_a_step_there_is_the_step_here(small):
    dataset = gankit.load_dataset("digits")
    weights = []
    for device in ("cpu", "cuda"):
        config = small("dcgan", **{"runtime.device": device})
        with gankit.Trainer(gankit.build_game(config, dataset), dataset) as trainer:
            trainer.step()
            weights.append([w.detach().cpu() for w in trainer.game.generator.parameters()])
    for here, there in zip(*weights, strict=True):
        # Adam's first step is the learning rate times the gradient's sign, which may differ at 0.
        assert (here - there).abs().median() < 1e-5
