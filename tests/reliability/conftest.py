"""The bench on which runs are broken: one for each process that tests."""

from __future__ import annotations

import sys

import pytest

if not sys.platform.startswith("linux"):
    collect_ignore_glob = ["*"]  # what a handle stands for is read from /proc


@pytest.fixture(scope="session")
def bench(forks, tmp_path_factory: pytest.TempPathFactory) -> object:
    from tools.breaking.runs import Bench

    return Bench(tmp_path_factory.mktemp("bench"), forks)
