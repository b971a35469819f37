"""Two processes play the game of one: the same losses, one set of files."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from gankit.storage import read_tensors

from ..conftest import THREADS
from .conftest import CONSTANT

STEPS = 20
DOUBLE = [
    *("--precision", "64", "--threads", str(THREADS), "--batch", "16", "--device", "cpu"),
    *("--set", "output.log_every=1", "--sample-every", "0", "--checkpoint-every", "10"),
]
PERCEPTRONS = [
    *("--set", "network.activation=leaky", "--set", "network.dropout=0,0"),
    *("--set", "network.generator_hidden=16", "--set", "network.discriminator_hidden=8"),
    *("--penalty", "r1+r2", "--set", "objective.penalty_interval=2"),
]
TORCHRUN = (
    *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
    *("--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"),
)


def command(out: str, update: str, *more: str, steps: int = STEPS) -> list[str]:
    budget = ["--steps", str(steps), "--update", update, "--out", out]
    return ["train", "gan", "digits", *budget, *DOUBLE, *PERCEPTRONS, *CONSTANT, *more]


def losses(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [
        {k: v for k, v in line.items() if k[:2] in ("d/", "g/", "d_") or k == "step"}
        for line in lines
    ]


def assert_same(tmp_path, a: str, b: str) -> None:
    one, two = losses(tmp_path / a), losses(tmp_path / b)
    assert [line["step"] for line in one] == list(range(1, STEPS + 1))
    assert len(one) == len(two)
    for x, y in zip(one, two, strict=True):
        assert x == pytest.approx(y, rel=1e-5, abs=1e-9)


def finish(child) -> tuple[str, str]:
    out, err = child.communicate(timeout=600)
    assert child.returncode == 0, err
    return out, err


@pytest.mark.slow
def test_two_processes_play_the_game_of_one(gankit, process, tmp_path):
    """From another run's weights, which every process begins with."""
    assert gankit(*command("old", "alternating", "--seed", "5", steps=2))[0] == 0
    code, _, err = gankit(*command("one", "alternating", "--init-from", "old"))
    assert code == 0, err
    more = ("--init-from", "old", "--devices", "2")
    out, err = finish(process(*command("two", "alternating", *more)))
    assert out.count("trained 20 steps") == 1  # only the first process speaks
    assert (out + err).count("begins with all of the generator") == 1
    assert_same(tmp_path, "one", "two")


@pytest.mark.slow
def test_under_torchrun(gankit, process, tmp_path):
    assert gankit(*command("one", "simultaneous"))[0] == 0
    finish(process(*command("two", "simultaneous"), launcher=TORCHRUN))
    assert_same(tmp_path, "one", "two")
    assert len(list((tmp_path / "two/checkpoints").iterdir())) == 2


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(gankit, process, tmp_path):
    """With one, then two, then one again."""
    assert gankit(*command("whole", "simultaneous"))[0] == 0
    assert gankit(*command("parts", "simultaneous", steps=6))[0] == 0
    finish(process(*command("parts", "simultaneous", "--devices", "2", steps=14)))
    assert gankit(*command("parts", "simultaneous"))[0] == 0
    assert_same(tmp_path, "whole", "parts")
    header = read_tensors(tmp_path / "parts/model.safetensors", "artifact")[1]
    assert header["step"] == STEPS


@pytest.mark.slow
def test_what_cannot_work_is_refused_by_every_process_at_once(process, gankit):
    code, _, err = gankit(*command("r", "simultaneous", "--devices", "3"))
    assert code == 2
    assert "batch 16 cannot be shared by 3 processes" in err
    child = process("train", "dcgan", "./nowhere", "--steps", "2", launcher=TORCHRUN)
    _, err = child.communicate(timeout=600)
    assert child.returncode != 0
    assert "nowhere" in err


@pytest.mark.slow
def test_mixed_precision_takes_steps(gankit, tmp_path):
    arguments = ["--precision", "bf16", "--threads", THREADS, "--batch", "8", "--device", "cpu"]
    narrow = ["--set", "network.generator_width=4", "--set", "network.discriminator_width=4"]
    code, _, err = gankit(
        "train", "cgan", "digits", "--steps", "2", "--out", "r", *arguments, *narrow
    )
    assert code == 0, err
    assert gankit("sample", "r", "-n", "4", "-o", "x.npz")[0] == 0


@pytest.mark.slow
def test_a_process_whose_first_is_gone_before_they_met_does_not_wait_for_it(process, tmp_path):
    first = process(*command("lost", "simultaneous", "--devices", "2"))
    children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
    until = time.monotonic() + 300
    while not (others := children.read_text().split()) and time.monotonic() < until:
        time.sleep(0.02)
    first.kill()
    first.communicate()
    assert others
    while any(Path(f"/proc/{pid}").exists() for pid in others) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{pid}").exists() for pid in others)
