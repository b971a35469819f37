"""The doctor at runs that were really trained: tiny, unfinished, old, without their data."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from torch import nn

from gankit.doctor.diagnose import diagnose, examine, read_verdicts
from gankit.doctor.diagnosis import Diagnosis, Verdict, read_diagnosis, write_diagnosis
from gankit.errors import RunError
from gankit.fitting import fit, opened
from gankit.run import Run

VERDICT = Verdict("collapse", "sick", "seen", 50, "means", "--lr-d 0.1")
DIAGNOSIS = Diagnosis(90, (VERDICT,), ("collapse", "repeats"), {"k stuck": "no line"})


def test_a_diagnosis_survives_its_file(tmp_path):
    assert read_diagnosis(tmp_path) is None
    assert read_verdicts(tmp_path) is None
    write_diagnosis(tmp_path, DIAGNOSIS)
    assert read_diagnosis(tmp_path) == DIAGNOSIS
    assert read_verdicts(tmp_path) == [VERDICT]


TEXT = DIAGNOSIS.to_json().encode()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"[]", b"{}", b'{"format": 1}', b'{"format": 99}', b"\xff", b"[" * 99_999),
        TEXT[:99],
        TEXT.replace(b"90", b"null"),
        TEXT.replace(b"90", b"9" * 4000),
        TEXT.replace(b'"sick"', b'"fine"'),
        TEXT.replace(b'"seen": "seen"', b'"seen": ["seen"]'),
        TEXT.replace(b'"no line"', b"{}"),
        TEXT.replace(b'"collapse",', b"7,"),
    ],
)
def test_a_damaged_one_is_named(tmp_path, content):
    (tmp_path / "doctor.json").write_bytes(content)
    with pytest.raises(RunError, match=r"doctor\.json") as caught:
        read_verdicts(tmp_path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_folder_in_its_place_is_named(tmp_path):
    (tmp_path / "doctor.json").mkdir()
    with pytest.raises(RunError, match=r"doctor\.json' cannot be read: it is a folder"):
        read_verdicts(tmp_path)


def test_it_is_readable():
    assert str(DIAGNOSIS).splitlines() == [
        "at step 90: 1 of 2 signs of sickness",
        "sick: collapse, since step 50",
        "  seen:  seen",
        "  means: means",
        "  try:   --lr-d 0.1",
        "not looked for: k stuck: no line",
    ]
    assert (
        str(Diagnosis(90, (), ("a", "b"), {})) == "healthy at step 90: none of 2 signs of sickness"
    )


def test_no_run(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(RunError, match="holds no run"):
            diagnose(folder)


def test_a_run_that_has_only_begun(small, tmp_path):
    with opened(small("gan"), tmp_path / "r"):
        pass
    diagnosis = diagnose(tmp_path / "r")
    assert diagnosis.too_early
    assert not diagnosis.healthy
    assert diagnosis.unseen["repeats"] == "0 lines are logged; 10 are needed"
    assert diagnosis.unseen["low coverage"] == "nothing is trained yet"


@pytest.fixture
def begun(small, tmp_path, monkeypatch):
    """A run of 20 logged steps, which count as many; its data is a file that can be taken away."""
    monkeypatch.setattr("gankit.doctor.case.YOUNG", (0.2, 4, 2000))
    labels = np.arange(60) % 2  # dark and light, so that distances tell them apart
    images = np.random.default_rng(0).integers(0, 128, (60, 16, 16)) + 128 * labels[:, None, None]
    np.savez(tmp_path / "d.npz", images=images.astype(np.uint8), labels=labels)
    fit(small("cgan", str(tmp_path / "d.npz"), **{"training.steps": 20}), tmp_path / "r")
    return tmp_path / "r"


@pytest.mark.slow
def test_every_sign_that_fits_is_looked_for(begun):
    (begun / "doctor.json").unlink()  # of the end of training
    diagnosis = diagnose(begun)
    assert diagnosis.unseen == {"oscillation": "20 lines are logged; 24 are needed"}
    assert {"within-class collapse", "labels ignored", "memorisation"} <= set(diagnosis.looked_for)
    assert not {"k stuck", "dead codes"} & set(diagnosis.looked_for)
    assert examine(begun) == list(diagnosis.verdicts)
    assert not (begun / "doctor.json").exists()


@pytest.mark.slow
def test_data_that_is_gone_or_changed(begun, tmp_path):
    images = np.zeros((60, 16, 16), np.uint8)
    np.savez(tmp_path / "d.npz", images=images, labels=np.arange(60) % 2)
    assert "is not what the run was trained on" in diagnose(begun).unseen["memorisation"]
    (tmp_path / "d.npz").unlink()
    diagnosis = diagnose(begun)
    assert "there is no such folder" in diagnosis.unseen["memorisation"]
    assert "collapse" in diagnosis.looked_for


@pytest.mark.slow
def test_a_log_of_before_there_was_a_doctor(begun):
    run = Run(begun)
    lines = [
        {k: v for k, v in line.items() if not k.startswith(("grad_", "samples/"))}
        for line in run.metrics()
    ]
    run.metrics_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    shutil.rmtree(run.checkpoints)
    diagnosis = diagnose(begun)
    assert diagnosis.unseen["collapse"] == "the log has no 'samples/diversity'"
    assert "D worse than guessing" in diagnosis.looked_for


@pytest.mark.slow
def test_the_log_of_networks_of_ones_own_is_read_without_them(small, tmp_path, monkeypatch):
    monkeypatch.setattr("gankit.doctor.case.YOUNG", (0.2, 4, 2000))
    config = small("gan", **{"training.steps": 20, "latent.size": 4, "objective.penalty": "none"})
    g = nn.Sequential(nn.Linear(4, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    d = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
    fit(config, tmp_path / "r", networks=(g, d))
    diagnosis = diagnose(tmp_path / "r")
    assert {"collapse", "D worse than guessing", "not finite"} <= set(diagnosis.looked_for)
    assert "your own networks, not their code" in diagnosis.unseen["memorisation"]
    (line,) = [line for line in str(diagnosis).splitlines() if "not their code" in line]
    assert f"diagnose('{tmp_path / 'r'}', networks=(G, D))" in line
    whole = diagnose(tmp_path / "r", networks=(g, None))
    assert set(whole.unseen) < set(diagnosis.unseen)
    assert "not their code" not in str(whole)


@pytest.mark.learning
@pytest.mark.slow
def test_runs_made_sick_and_a_healthy_one(small, tmp_path):
    settings = {"training.batch": 128, "training.steps": 1000, "output.log_every": 20}
    sick = {
        "G frozen": {"generator_optimizer.lr": 0.0},
        "D too weak": {"network.discriminator_hidden": "1"},
        None: {},
    }
    for name, changes in sick.items():
        folder = tmp_path / str(name)
        fit(small("gan", "toy:ring8", **settings, **changes), folder)
        found = {verdict.sign for verdict in examine(folder)}
        # 2 seeds, 2 roundings: the sign itself, and none at all in the healthy run.
        assert (name in found) if name else not found, (name, found)
