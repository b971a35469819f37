"""`gankit evaluate` as a user runs it."""

from __future__ import annotations

import json
import sys

import pytest

from gankit.scores import while_training
from gankit.scores.score import Report

from .conftest import TINY, TINY_MLP

FEW = ("-n", "60", "--draws", "2")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def run(gankit):
    code, _, err = gankit("train", "cgan", "digits", "--steps", "2", *TINY, "--out", "r")
    assert code == 0, err
    return "r"


@pytest.mark.slow
def test_a_table_and_a_report_in_the_run(gankit, run, tmp_path):
    code, out, err = gankit("evaluate", run, *FEW, "--metrics", "frechet,coverage,accuracy")
    assert code == 0, err
    for label in ("FD(digits)", "coverage(digits)", "accuracy(digits)"):
        assert label in out
    assert "60 real ones of digits (test)" in out
    assert "samples of seed 1" in err
    assert "samples of seed" not in out
    (path,) = (tmp_path / "r/scores").iterdir()
    assert path.name == "0000002-digits.json"
    assert len(json.loads(path.read_text())["scores"]) == 3


@pytest.mark.slow
def test_json_stands_alone_on_stdout(gankit, run):
    code, out, err = gankit("evaluate", run, *FEW, "--metrics", "frechet", "--json")
    assert code == 0
    report = Report.from_json(out, "what was printed")
    assert report.scores[0].label == "FD(digits)"
    assert report.protocol.settings["draws"] == 2
    assert "samples of seed 0" in err


@pytest.mark.slow
def test_a_bare_artifact_leaves_nothing(gankit, run, tmp_path):
    before = sorted((tmp_path / "r").rglob("*"))
    arguments = ("--features", "pixels", "--metrics", "recall", "--data", "digits")
    code, out, err = gankit("evaluate", "r/model.safetensors", *FEW, *arguments)
    assert code == 0, err
    assert "recall(pixels)" in out
    assert sorted((tmp_path / "r").rglob("*")) == before


@pytest.mark.slow
def test_points_and_an_unconditional_run(gankit):
    gankit("train", "gan", "toy:grid25", "--steps", "2", *TINY_MLP, "--out", "p")
    code, out, err = gankit("evaluate", "p", *FEW)
    assert code == 0, err
    assert "modes" in out
    assert "accuracy" not in out


@pytest.mark.slow
def test_what_is_refused(refused, run, tmp_path, monkeypatch):
    assert "Did you mean 'digits'" in refused("evaluate", run, "--features", "digit")
    assert "Did you mean 'coverage'" in refused("evaluate", run, "--metrics", "coverag")
    assert "no feature network" in refused("evaluate", run, "--features", "none.onnx")
    assert "at least 20" in refused("evaluate", run, "-n", "3")
    assert "no run" in refused("evaluate", tmp_path)
    (tmp_path / "broken.pt2").write_bytes(b"nothing")
    said = refused("evaluate", run, "--features", "broken.pt2")
    assert "broken.pt2" in said
    assert said.count("\n") == 1
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    assert "gankit[fid]" in refused("evaluate", run, "--features", "inception")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    assert "gankit[onnx]" in refused("evaluate", run, "--features", "broken.onnx")


@pytest.mark.slow
def test_a_broken_onnx_file(refused, run, tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    said = refused("evaluate", run, "--features", "broken.onnx")
    assert "damaged or no ONNX file" in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_scores_while_training(gankit, tmp_path, monkeypatch):
    monkeypatch.setattr(while_training, "SAMPLES", 100)
    code, _, err = gankit(
        "train", "gan", "toy:ring8", "--steps", "4", *TINY_MLP, "--out", "e",
        "--evaluate-every", "2",
    )  # fmt: skip
    assert code == 0, err
    assert "step 4: FD(points)" in err
    assert (tmp_path / "e/scores/0000004-points.json").exists()


def test_list_names_networks_and_metrics(gankit):
    out = gankit("list")[1]
    for name in ("efficientnet", "inception", "train_side", "class_distance"):
        assert name in out
