"""Running the command as a user does: in a process of its own, or (faster) in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from tools.breaking.processes import Child, command

from ..conftest import THREADS

TINY = [
    *("--threads", str(THREADS), "--batch", "8", "--device", "cpu"),
    *("--set", "network.generator_width=4", "--set", "network.discriminator_width=4"),
]
TINY_MLP = [
    *("--threads", str(THREADS), "--batch", "8", "--device", "cpu"),
    *("--set", "network.generator_hidden=16", "--set", "network.discriminator_hidden=8"),
]
CONSTANT = [f"--set={player}.schedule=constant" for player in ("generator", "discriminator")]
"""Rates that do not depend on the budget, so that a run extended to it is one of that length."""


def environment() -> dict[str, str]:
    """Of a process beside this one: what it is here, with as many threads."""
    return {**os.environ, "OMP_NUM_THREADS": str(THREADS), "PYTHONWARNINGS": "default"}


@pytest.fixture
def gankit(monkeypatch, capfd, tmp_path) -> Callable[..., tuple[int, str, str]]:
    """gankit("train", "cgan", ...) -> exit code, stdout, stderr; run inside tmp_path."""
    from gankit.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gankit", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def process(tmp_path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """The command in a process of its own, which ends with the test."""
    with ExitStack() as started:

        def start(*arguments: object, launcher: tuple[str, ...] = ()) -> subprocess.Popen[str]:
            module = [*launcher, "-m", "gankit"] if launcher else [sys.executable, "-m", "gankit"]
            child = subprocess.Popen(
                [*module, *map(str, arguments)],
                cwd=tmp_path,
                env=environment(),
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            started.enter_context(child)
            started.callback(child.kill)
            return child

        yield start


@pytest.fixture
def quick(forks, tmp_path) -> Callable[..., Child]:
    """The same, begun as a fork of a process that has imported torch: three seconds sooner."""

    def start(*arguments: object) -> Child:
        return forks.start(partial(command, *arguments), folder=tmp_path)

    return start


@pytest.fixture
def refused(gankit, tmp_path) -> Callable[..., str]:
    """Asserts that a command ends with one clear line and exit code 2, and changes no file."""

    def files() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in Path(tmp_path).rglob("*") if p.is_file()}

    def run(*arguments: object) -> str:
        before = files()
        code, out, err = gankit(*arguments)
        assert code == 2, (code, out, err)
        assert "Traceback" not in err
        assert out == ""
        assert files() == before
        return err

    return run
