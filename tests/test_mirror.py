"""The tests lie as the source does: tests/<room>/test_x.py tests src/gankit/<room>/x.py."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "gankit"
#: Tests of more than one file: whole folders, and single files.
CROSS_CUTTING = {
    "contract/",
    "e2e/",
    "metrics/test_features.py",
    "metrics/test_memory.py",
    "metrics/test_order.py",
    "metrics/test_torchmetrics.py",
    "reliability/",
    "stabilisers/test_in_games.py",
    "test_api.py",
    "test_benchmarks.py",
    "test_docs.py",
    "test_examples.py",
    "test_imports.py",
    "test_mirror.py",
    "test_rounding.py",
    "training/test_rollback.py",
}


def every_test() -> list[str]:
    return sorted(str(path.relative_to(TESTS)) for path in TESTS.rglob("test_*.py"))


def is_cross_cutting(test: str) -> bool:
    return test in CROSS_CUTTING or f"{test.split('/')[0]}/" in CROSS_CUTTING


@pytest.mark.parametrize("test", every_test())
def test_every_test_lies_beside_what_it_tests(test):
    if is_cross_cutting(test):
        return
    path = Path(test)
    source = SOURCE / path.parent / path.name.removeprefix("test_")
    assert source.exists(), f"tests/{test} tests nothing in src/gankit/{path.parent}"


def test_what_is_listed_is_there():
    missing = [name for name in CROSS_CUTTING if not (TESTS / name).exists()]
    assert not missing, missing


def test_every_folder_is_a_package():
    folders = {path.parent for path in TESTS.rglob("test_*.py")}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").exists()]
