"""Runs that lie inside their own data, and the name of the default run directory."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from pathlib import Path

import pytest

from gankit.cli.train import _default_folder

from .conftest import TINY
from .test_bad_input import save_pictures

STEPS = ("--steps", "2", "--size", "16", *TINY)


@pytest.mark.slow
def test_in_a_folder_of_pictures_the_same_command_twice(gankit, tmp_path, monkeypatch):
    save_pictures(tmp_path / "photos", 9)
    monkeypatch.chdir(tmp_path / "photos")
    code, out, err = gankit("train", "dcgan", ".", *STEPS)
    assert code == 0, err
    told = shlex.split(out.splitlines()[-1])
    assert told[:2] == ["gankit", "sample"]
    code, _, err = gankit(*told[1:])  # whose picture is no data
    assert code == 0, err
    code, out, err = gankit("train", "dcgan", ".", *STEPS)
    assert code == 0, err
    assert "nothing to do" in out
    assert "left out: 1 run directory (runs/dcgan-photos)" in err
    record = json.loads(Path("runs/dcgan-photos/run.json").read_text())
    assert record["data"]["count"] == 9


@pytest.mark.slow
def test_in_a_folder_of_classes_runs_are_no_class(gankit, tmp_path, monkeypatch):
    for name in ("cat", "dog"):
        save_pictures(tmp_path / "pets" / name, 9)
    monkeypatch.chdir(tmp_path / "pets")
    for out in ((), (), ("--out", "mine"), ("--out", "cat/mine"), ("--out", "mine"), ()):
        code, said, err = gankit("train", "cgan", ".", *STEPS, *out)
        assert code == 0, err
    assert "nothing to do" in said
    for folder in ("runs/cgan-pets", "mine", "cat/mine"):
        data = json.loads(Path(folder, "run.json").read_text())["data"]
        assert (data["class_names"], data["count"]) == (["cat", "dog"], 18)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (".", "photos"),
        ("./", "photos"),
        ("..", "above"),
        ("../", "above"),
        ("../photos", "photos"),
        ("~/above/photos/", "photos"),
        ("$HOME/above/photos", "photos"),
        ("*.jpg", "photos"),
        ("./**/*.jpg", "photos"),
        ("../photos/*.jpg", "photos"),
        ("../photos [2024]/*.jpg", "photos [2024]"),
        ("../photos [2024]/", "photos [2024]"),
        ("sub/../", "photos"),
        ("/", "data"),
        ("sub", "sub"),
        ("sub//", "sub"),
        ("x.npz", "x.npz"),
        ("sub/x.npz", "x.npz"),
        ("digits", "digits"),
        ("toy:ring8", "toy-ring8"),
        ("x" * 255, "x" * 200),
        ("two\nlines", "two_lines"),
    ],
)
def test_the_default_run_directory_has_the_folders_name(tmp_path, monkeypatch, source, name):
    for folder in ("above/photos/sub", "above/photos [2024]"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "above" / "photos")
    assert _default_folder("gan", source) == Path("runs") / f"gan-{name}"


def test_the_absolute_path_too(tmp_path):
    assert _default_folder("gan", str(tmp_path)) == Path("runs") / f"gan-{tmp_path.name}"
    assert _default_folder("gan", f"{tmp_path}/") == Path("runs") / f"gan-{tmp_path.name}"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_a_killed_worker_costs_a_run_nothing(gankit, process, tmp_path, newest, equal):
    save_pictures(tmp_path / "photos", 12)
    command = ("train", "dcgan", "./photos", "--steps", "40", "--size", "16", *TINY,
               "--checkpoint-every", "5", "--set", "data.memory_gb=0",
               "--set", "runtime.workers=2")  # fmt: skip
    child = process(*command, "--out", "killed")
    while child.poll() is None and not list(tmp_path.glob("killed/checkpoints/step-*05.*")):
        time.sleep(0.01)
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    assert len(children) == 2
    os.kill(int(children[0]), signal.SIGKILL)
    _, err = child.communicate(timeout=300)
    assert child.returncode == 0, err
    assert err.count("a process that reads images died (SIGKILL): another takes its place") == 1
    assert "Traceback" not in err
    assert gankit(*command, "--out", "whole")[0] == 0
    assert equal(newest(tmp_path / "killed"), newest(tmp_path / "whole"))


@pytest.mark.slow
def test_data_that_was_moved(gankit, refused, tmp_path):
    save_pictures(tmp_path / "photos", 40)
    assert gankit("train", "dcgan", "./photos", *STEPS, "--out", "r")[0] == 0
    (tmp_path / "photos").rename(tmp_path / "moved")
    few = ("-n", "20", "--draws", "1", "--metrics", "frechet")
    assert "give data, the path where it is now (--data)" in refused("evaluate", "r", *few)
    code, _, err = gankit("evaluate", "r", *few, "--data", "moved")
    assert code == 0, err
    assert "not what the run was trained on" not in err
    assert "give data, the path" in gankit("doctor", "r")[1]
    code, out, err = gankit("doctor", "r", "--data", "./moved/")
    assert code == 0, err
    assert "give data" not in out
    assert "nowhere" in refused("doctor", "r", "--data", "nowhere")
    pytest.importorskip("sklearn")
    assert "where it is now (--data)" in refused("probe", "r")
    assert "has no test split" in refused("probe", "r", "--data", "moved")
