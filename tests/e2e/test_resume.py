"""A run that is stopped, in whatever way, ends as if nothing had happened."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from gankit.storage import read_tensors

from ..conftest import SMALL, THREADS
from .conftest import CONSTANT

STEPS = 400


def command(family: str, out: str, data: str = "digits", steps: int = STEPS) -> list[str]:
    tiny = ["--threads", str(THREADS), "--batch", "8"]
    if not data.startswith("toy:"):
        for key, value in SMALL[family].items():
            tiny += ["--set", f"{key}={value}"]
    every = ["--checkpoint-every", "20", "--sample-every", "0", "--set", "output.log_every=20"]
    return ["train", family, data, "--steps", str(steps), "--out", out, *every, *tiny]


def wait_for_step(folder: Path, step: int, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if any(int(p.stem.split("-")[1]) >= step for p in folder.glob("checkpoints/step-*")):
            return
        time.sleep(0.01)
    raise AssertionError(f"no checkpoint of step {step} after {seconds} s")


def newest_step(folder: Path) -> int:
    return int(max(folder.glob("checkpoints/step-*")).stem.split("-")[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "data"),
    [
        ("cgan", "digits"),
        ("gan", "toy:ring8"),
        ("seqgan", "sentences"),
        ("gail", "expert:CartPole-v1"),
    ],
)
def test_killed_and_resumed_is_the_same_to_the_bit(
    gankit, process, quick, tmp_path, newest, equal, family, data
):
    """One family of each kind of example; the last two bring their own update.

    Every family goes on to the bit in tests/contract, test_every_family.py and test_acting.py.
    """
    steps = STEPS if family == "gan" else 160  # the kill must land before the end
    start = process if family == "cgan" else quick
    child = start(*command(family, "killed", data, steps))
    wait_for_step(tmp_path / "killed", 40)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert 40 <= newest_step(tmp_path / "killed") < steps, "the kill was meant to land mid-run"
    code, _, err = gankit(*command(family, "killed", data, steps))
    assert code == 0, err
    assert gankit(*command(family, "whole", data, steps))[0] == 0
    assert newest_step(tmp_path / "killed") == steps
    assert equal(newest(tmp_path / "killed"), newest(tmp_path / "whole"))
    models = [
        read_tensors(tmp_path / n / "model.safetensors", "artifact") for n in ("killed", "whole")
    ]
    assert models[0][1]["digest"] == models[1][1]["digest"]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_asked_to_stop_it_saves_and_says_so(gankit, process, tmp_path, newest, equal, number, code):
    child = process(*command("gan", "stopped"))
    wait_for_step(tmp_path / "stopped", 40)
    child.send_signal(number)
    out, err = child.communicate(timeout=300)
    assert child.returncode == code, err
    assert f"stopped by {number.name} at step" in out
    assert "Traceback" not in err
    stopped = newest_step(tmp_path / "stopped")
    assert 40 <= stopped < STEPS
    assert f"{stopped:,}" in out
    assert (tmp_path / "stopped/grid.png").exists()
    assert gankit(*command("gan", "stopped"))[0] == 0
    assert gankit(*command("gan", "whole"))[0] == 0
    assert equal(newest(tmp_path / "stopped"), newest(tmp_path / "whole"))


@pytest.mark.slow
def test_a_torn_checkpoint_is_skipped_by_name(gankit, tmp_path, newest, equal):
    assert gankit(*command("gan", "torn", steps=60), *CONSTANT)[0] == 0
    last = max((tmp_path / "torn/checkpoints").glob("step-*"))
    last.write_bytes(last.read_bytes()[:-100])
    code, _, err = gankit(*command("gan", "torn", steps=80), *CONSTANT)
    assert code == 0
    assert f"skipping checkpoint {last.name}" in err
    assert gankit(*command("gan", "whole", steps=80), *CONSTANT)[0] == 0
    assert equal(newest(tmp_path / "torn"), newest(tmp_path / "whole"))


@pytest.mark.slow
def test_a_finished_run_is_left_alone_and_a_larger_budget_extends_it(gankit, tmp_path):
    assert gankit(*command("gan", "r", steps=20))[0] == 0
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "r/checkpoints").iterdir()}
    code, out, _ = gankit(*command("gan", "r", steps=20))
    assert code == 0
    assert "nothing to do" in out
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "r/checkpoints").iterdir()}
    code, out, _ = gankit(*command("gan", "r", steps=40))
    assert code == 0
    assert "trained 40 steps" in out


@pytest.mark.slow
def test_two_processes_cannot_train_in_one_folder(gankit, quick, tmp_path):
    child = quick(*command("gan", "r", steps=100_000))
    wait_for_step(tmp_path / "r", 20)
    code, _, err = gankit(*command("gan", "r", steps=100_000))
    child.send(signal.SIGKILL)
    child.wait()
    assert code == 2
    assert "another process" in err


@pytest.mark.slow
def test_a_stopped_reproduction_ends_as_its_signal_says(process, tmp_path):
    """So that a script which reproduces one result after the other stops too."""
    often = ("--set", "output.checkpoint_every=20")
    child = process("reproduce", "ring-modes", "--steps", "30000", "--threads", "1", *often)
    wait_for_step(tmp_path / "runs/reproduce/ring-modes-0", 20)
    child.send_signal(signal.SIGINT)
    assert child.wait(60) == 128 + signal.SIGINT
    assert not (tmp_path / "results/ring-modes.csv").exists()
