"""The doctor beside a run: it changes nothing, and says each thing once."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
import torch
from torch import nn

import gankit
from gankit.choose_recipe import FEW
from gankit.doctor import samples
from gankit.doctor.diagnose import diagnose, read_verdicts
from gankit.doctor.diagnosis import read_diagnosis
from gankit.errors import RunError, TrainingError
from gankit.fitting import fit, opened
from gankit.run import Run
from gankit.training import clock
from gankit.training.session import Session
from gankit.training.update import NotFiniteError

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


@pytest.mark.parametrize("shape", [(16, 16), (20, 24, 3)])
@pytest.mark.parametrize("most", [samples.MOST_WATCHED, 1000])
def test_copies_of_few_images_are_counted_whatever_their_size(monkeypatch, shape, most):
    monkeypatch.setattr(samples, "MOST_WATCHED", most)
    rng = np.random.default_rng(0)
    images, others = rng.integers(0, 256, (2, 12, *shape)).astype(np.uint8)
    copies = samples.Copies(gankit.Dataset.of(images))
    assert copies.share(images) == 1
    assert copies.share(others) == 0
    assert copies.share(np.concatenate([images[:3], others[:9]])) == 0.25


@pytest.mark.parametrize("most", [samples.MOST_WATCHED, 1000])
def test_mirror_images_are_copies_where_d_sees_them(monkeypatch, most):
    monkeypatch.setattr(samples, "MOST_WATCHED", most)
    images = np.random.default_rng(0).integers(0, 256, (12, 20, 25, 3)).astype(np.uint8)
    turned = images[:, :, ::-1]
    assert samples.Copies(gankit.Dataset.of(images)).share(turned) == 0
    seen = samples.Copies(gankit.Dataset.of(images), mirrored=True)
    assert seen.share(turned) == seen.share(images) == 1


def test_samples_are_examined_in_a_mirror_where_d_sees_it(small, tmp_path):
    data = gankit.Dataset.of(np.random.default_rng(0).integers(0, 256, (20, 16, 16), np.uint8))
    for augment in ("translation", "translation+flip"):
        config = small("dcgan", **{"training.steps": 1, "stabilise.augment": augment})
        fit(config, tmp_path / augment, dataset=data)
        found = samples.examine_samples(gankit.load(tmp_path / augment), data)
        assert (found.mirrored is not None) == (augment == "translation+flip")
    assert found.mirrored is not None
    turned = found.fake.reshape(-1, 16, 16)[:, :, ::-1]
    assert (found.mirrored.reshape(-1, 16, 16) == turned).all()


def test_copies_are_watched_while_few_images_train(small, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16)).astype(np.uint8)
    for count in (20, FEW):
        data = gankit.Dataset.of(np.resize(images, (count, 16, 16)))
        fit(small("dcgan", **{"training.steps": 1}), tmp_path / f"{count}", dataset=data)
        line = Run(tmp_path / f"{count}").metrics()[-1]
        assert line.get("samples/copied") == (0 if count == 20 else None)


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
        "step 10: the doctor: G frozen: G's learning rate is 0 in the last 10 logged lines" in said
    )
    assert "try --lr-g 0.01" in said


@pytest.mark.slow
def test_it_says_nothing_where_it_is_not_asked(small, tmp_path, capfd):
    frozen = {"generator_optimizer.lr": 0.0, "training.steps": 60, **CURED}
    fit(small("gan", "toy:ring8", **frozen), tmp_path / "r")
    assert "the doctor" not in capfd.readouterr().err


def interrupt(monkeypatch, at):
    """Make Ctrl-C arrive while step number `at` is taken."""
    original = Session.step

    def step(self):
        if self.state.step == at - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self)

    monkeypatch.setattr(Session, "step", step)


@pytest.mark.parametrize("end", ["finished", "interrupted", "out of time"])
def test_it_looks_at_every_end(small, tmp_path, monkeypatch, capfd, end):
    changes = {}
    if end == "interrupted":
        interrupt(monkeypatch, 4)
    if end == "out of time":
        monkeypatch.setattr(clock, "OVERTIME", 0.0)
        changes = {"training.minutes": 0.05}
    outcome = fit(small("gan", "toy:ring8", **changes), tmp_path / "r")
    assert outcome.finished == (end == "finished")
    (verdict,) = read_verdicts(tmp_path / "r")
    assert verdict.seen.startswith(f"{outcome.step} of about 500 steps")
    assert capfd.readouterr().err.count("the doctor: too early to say") == 1
    page = (tmp_path / "r/report.html").read_text()
    assert "too early to say" in page
    assert "ot examined" not in page


def test_it_looks_at_a_run_that_gives_up(small, tmp_path, monkeypatch):
    def fails(self):
        raise NotFiniteError("the term d/adversarial")

    monkeypatch.setattr(Session, "step", fails)
    with pytest.raises(TrainingError):
        fit(small("gan", "toy:ring8"), tmp_path / "r")
    (verdict,) = read_verdicts(tmp_path / "r")
    assert (verdict.sign, verdict.severity) == ("not finite", "sick")
    assert verdict.remedy


def test_the_page_says_that_it_is_turned_off(small, tmp_path):
    fit(small("gan", "toy:ring8", **CURED), tmp_path / "r")
    assert not (tmp_path / "r/doctor.json").exists()
    page = (tmp_path / "r/report.html").read_text()
    assert "turned off" in page.lower()
    assert "ot examined" not in page


def test_a_diagnosis_that_cannot_be_kept_loses_nothing(small, tmp_path, monkeypatch, capfd):
    (tmp_path / "r").mkdir()
    monkeypatch.setattr("gankit.doctor.while_training.write_diagnosis", refuse)
    assert fit(small("gan", "toy:ring8"), tmp_path / "r").finished
    assert "no diagnosis: the disk is full" in capfd.readouterr().err


def refuse(folder, diagnosis):
    raise RunError("the disk is full")


def test_finished_samples_are_looked_at_unless_a_signal_waits(small, tmp_path, monkeypatch):
    monkeypatch.setattr("gankit.doctor.case.YOUNG", (0.0, 1, 1))
    config = small("gan", "toy:ring8", **{"training.steps": 20})
    fit(config, tmp_path / "whole")
    diagnosis = read_diagnosis(tmp_path / "whole")
    assert "low coverage" in diagnosis.looked_for
    assert diagnosis == diagnose(tmp_path / "whole")
    interrupt(monkeypatch, 15)
    fit(config, tmp_path / "stopped")
    why = read_diagnosis(tmp_path / "stopped").unseen["low coverage"]
    assert why == "training was stopped by SIGINT"


def test_samples_of_your_own_networks_are_looked_at_too(small, tmp_path, monkeypatch):
    monkeypatch.setattr("gankit.doctor.case.YOUNG", (0.0, 1, 1))
    own = Constant(), nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    fit(small("gan", "toy:ring8", **{"training.steps": 20}), tmp_path / "r", networks=own)
    diagnosis = read_diagnosis(tmp_path / "r")
    assert "low coverage" in [verdict.sign for verdict in diagnosis.verdicts]
    assert diagnosis == diagnose(tmp_path / "r", networks=own)
    assert "give them from Python" in diagnose(tmp_path / "r").unseen["low coverage"]


class Constant(nn.Module):
    """A generator that makes one sample, whatever the noise."""

    def __init__(self):
        super().__init__()
        self.point = nn.Parameter(torch.zeros(2))

    def forward(self, noise):
        return self.point.expand(len(noise), 2)


@pytest.mark.slow
def test_a_collapse_is_said_while_a_short_run_goes_on(small, tmp_path, capfd):
    plain = {"objective.penalty": "none", "training.steps": 341, "output.log_every": 50}
    d = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    fit(small("gan", "toy:ring8", **plain), tmp_path / "r", networks=(Constant(), d))
    said = [line for line in capfd.readouterr().err.splitlines() if "the doctor: collapse" in line]
    assert len(said) == 1
    assert int(said[0].split(":")[0].removeprefix("step ")) < 341
    assert [v.sign for v in read_verdicts(tmp_path / "r")] == ["collapse"]


@pytest.mark.slow
def test_a_healthy_short_run_is_not_called_sick(small, tmp_path, capfd):
    usual = {"training.steps": 341, "training.batch": 32, "output.log_every": 10}
    fit(small("gan", "toy:ring8", **usual), tmp_path / "r")
    said = [line for line in capfd.readouterr().err.splitlines() if "the doctor" in line]
    assert said == [
        "step 341: the doctor: too early to say: 341 of about 500 steps: a verdict needs 159 more"
    ]
    assert not any(verdict.remedy for verdict in read_verdicts(tmp_path / "r"))
