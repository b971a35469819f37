"""The doctor beside a run: it changes nothing, and says each thing once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.fitting import fit, opened
from gankit.run import Run

CURED = {"output.doctor": 0}


@pytest.mark.parametrize(("family", "data"), [("gan", "toy:ring8"), ("cgan", "digits")])
def test_a_run_is_the_same_to_the_bit_with_it_and_without(
    small, tmp_path, newest, equal, family, data
):
    fit(small(family, data), tmp_path / "with")
    fit(small(family, data, **CURED), tmp_path / "without")
    assert equal(newest(tmp_path / "with"), newest(tmp_path / "without"))
    logs = [Run(tmp_path / name).metrics() for name in ("with", "without")]
    for watched, bare in zip(*logs, strict=True):
        assert {k for k in watched if k not in bare} >= {"samples/diversity", "samples/offset"}
        assert all(watched[k] == bare[k] for k in bare if "second" not in k)


def test_samples_are_compared_class_by_class_where_there_are_classes(small, tmp_path):
    for family in ("cgan", "dcgan"):
        fit(small(family, **{"training.steps": 2}), tmp_path / family)
        line = Run(tmp_path / family).metrics()[-1]
        assert ("samples/within" in line) == (family == "cgan")
        assert np.isfinite([v for k, v in line.items() if k.startswith("samples/")]).all()


@pytest.mark.parametrize("update", ["alternating", "simultaneous"])
def test_the_gradients_are_those_of_the_step(small, tmp_path, update):
    config = small("gan", "toy:ring8", **{"objective.update": update})
    with opened(config, tmp_path / "r") as session:
        moves = session.step()
        for player, network in ((k, p.network) for k, p in session.state.players.items()):
            gradients = [p.grad for p in network.parameters() if p.grad is not None]
            norm = torch.cat([g.flatten() for g in gradients]).norm()
            assert moves.gradients[f"grad_{player[0]}"] == pytest.approx(float(norm), rel=1e-5)


@pytest.mark.slow
def test_it_says_each_thing_once_while_the_run_goes_on(small, tmp_path, capfd):
    frozen = {"generator_optimizer.lr": 0.0, "training.steps": 60, "output.doctor": 5}
    fit(small("gan", "toy:ring8", **frozen), tmp_path / "r")
    said = capfd.readouterr().err
    assert said.count("the doctor: G frozen") == 1
    assert (
        "step 15: the doctor: G frozen: G's learning rate is 0 in the last 15 logged lines" in said
    )
    assert "try --lr-g 0.01" in said


@pytest.mark.slow
def test_it_says_nothing_where_it_is_not_asked(small, tmp_path, capfd):
    frozen = {"generator_optimizer.lr": 0.0, "training.steps": 60, **CURED}
    fit(small("gan", "toy:ring8", **frozen), tmp_path / "r")
    assert "the doctor" not in capfd.readouterr().err
