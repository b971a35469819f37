"""The bench on which runs are broken: one for each process that tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

if not sys.platform.startswith("linux"):
    collect_ignore_glob = ["*"]  # what a handle stands for is read from /proc


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from tools.breaking.runs import Bench

    made = Bench(tmp_path_factory.mktemp("bench"))
    yield made
    made.close()
