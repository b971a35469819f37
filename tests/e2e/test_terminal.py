"""Terminals that cannot show a name, outputs that are full or closed: a line and a code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import TINY_MLP, environment

FULL = Path("/dev/full")


def command(arguments, folder, **more):
    variables = {**environment(), **more.pop("env", {})}
    line = [sys.executable, "-m", "gankit", *arguments]
    return subprocess.run(
        line, cwd=folder, env=variables, stderr=subprocess.PIPE, check=False, **more
    )


@pytest.mark.slow
@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_a_full_output_is_said_in_one_line(tmp_path):
    with FULL.open("w") as full:
        ended = command(["list"], tmp_path, stdout=full)
    assert ended.returncode == 2
    assert ended.stderr.decode().splitlines() == [
        "gankit: the system refused: No space left on device"
    ]


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    ended = command(["list"], tmp_path, stdout=writer)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_name_that_the_terminal_cannot_show(tmp_path, encoding):
    folder = "läuft-עברית-\udcff" if os.name == "posix" else "läuft"
    arguments = ["train", "gan", "toy:ring8", "--steps", "2", *TINY_MLP, "--out", folder]
    ended = command(arguments, tmp_path, stdout=subprocess.PIPE, env={"PYTHONIOENCODING": encoding})
    assert ended.returncode == 0, ended.stderr
    assert b"Traceback" not in ended.stderr
    assert b"trained 2 steps" in ended.stdout
    assert b"uft" in ended.stdout


def test_the_command_that_is_printed_can_be_pasted(gankit, tmp_path):
    code, out, _ = gankit(
        "train", "gan", "toy:ring8", "--steps", "2", *TINY_MLP, "--out", "my runs/it's"
    )
    assert code == 0
    assert """gankit sample 'my runs/it'"'"'s' -n 64 -o samples.png""" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--steps", 10**39),
        ("--minutes", "1e400"),
        ("--z-dim", 10**9),
        ("--lr-g", "1e39"),
        ("--set", "network.generator_hidden=" + "9" * 5000),
        ("--set", "stabilise.virtual_batch=1000000000"),
        ("--set", "training.seed=" + "9" * 5000),
    ],
)
def test_numbers_that_can_only_be_slips(refused, arguments):
    budget = () if {"--steps", "--minutes"} & set(arguments) else ("--steps", 2)
    said = refused("train", "gan", "toy:ring8", *budget, *arguments)
    assert said.count("\n") == 1
    assert "must be" in said
    assert len(said) < 300
