"""What holds for every family on a CUDA device; `pytest -m gpu` runs it where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gankit
from gankit.fitting import fit
from gankit.run import Run
from gankit.training.checkpoint import capture, restore
from gankit.training.runtime import Runtime

from ..conftest import families_of

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
every_family = pytest.mark.parametrize("family", families_of("images"))


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


@pytest.mark.parametrize("update", ["auto", "alternating"])
@pytest.mark.parametrize(
    "family", ["began", "cgan", "dcgan", "gan", "infogan", "modern", "projected", "ssgan"]
)
def test_a_step_replayed_as_a_graph_is_the_step(small, family, update):
    changes = {"objective.penalty": "r1+r2", "objective.penalty_interval": 2}
    config = small(family, **changes, **{"objective.update": update})
    assert replayed_and_plain(config) == 2  # with penalties and without


SEVERAL_TURNS = ({"objective.k": 3}, {"objective.g_steps": 3})
STABILISED = (
    {"stabilise.historical": 0.1},
    {"stabilise.entropy": 0.1},
    {"stabilise.freeze_d": 0.9},
)
WITHOUT_A_BACKBONE = (
    {"stabilise.matching": "l2"},
    {"stabilise.matching": "l2", "objective.update": "simultaneous_coupled"},
    {"stabilise.virtual_batch": 4},
    {"stabilise.lagged": 0.5},
)


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        *(("dcgan", changes) for changes in (*SEVERAL_TURNS, *STABILISED, *WITHOUT_A_BACKBONE)),
        *(("projected", changes) for changes in (*SEVERAL_TURNS, *STABILISED)),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_so_is_one_of_several_turns_or_with_a_stabiliser(small, family, changes):
    config = small(family, **changes, **{"objective.penalty_interval": 1})
    # Several turns of a player: the last of D's and the first of G's are recorded together.
    assert replayed_and_plain(config) == (2 if changes in SEVERAL_TURNS else 1)


def replayed_and_plain(config):
    """Compare steps of the two from one state, so that nothing is amplified.

    They are late enough that `projected` matches. Returns the number of kinds that were replayed.
    """
    dataset = gankit.load_dataset("digits")
    changes = {"runtime.device": "cuda", "training.batch": 64, "training.steps": 40}
    config = gankit.override(config, changes)
    with gankit.Trainer(gankit.build_game(config, dataset), dataset) as trainer:
        for _ in range(12):
            trainer.step()
        assert not trainer.game.notices
        kinds = trainer.runtime.recordings(trainer.state)
        before = capture(trainer.state, copy=True)
        replayed = [dict(trainer.step()) for _ in range(2)]
        restore(trainer.state, *before)
        trainer.runtime = Runtime(torch.device("cuda"))
        plain = [dict(trainer.step()) for _ in range(2)]
    for mine, theirs in zip(replayed, plain, strict=True):
        assert mine == pytest.approx(theirs, rel=5e-3, abs=1e-4)
    return kinds


def test_what_waits_for_the_device_is_told_and_trained_as_it_is(small):
    class Waiting(gankit.Stabiliser):
        only_logits = False
        replays = True

        def g_terms(self, terms, real, fake, examples):
            float(examples.detach().mean())
            return terms

    dataset = gankit.load_dataset("digits")
    game = gankit.build_game(small("gan", **{"runtime.device": "cuda"}), dataset)
    game.stabilisers = (*game.stabilisers, Waiting())
    with gankit.Trainer(game, dataset) as trainer:
        moves = [dict(trainer.step()) for _ in range(6)]
        assert trainer.runtime.recordings(trainer.state) == 0
    assert any("not replayed" in line for line in game.notices)
    assert np.isfinite([move["g/adversarial"] for move in moves]).all()


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
