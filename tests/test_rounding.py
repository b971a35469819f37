"""tools/check_rounding.py: what it runs the tests with, and what it says of them."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parent.parent / "tools/check_rounding.py"

SUITE = """
import os
import pytest

@pytest.mark.learning
def test_one_thread():
    assert os.environ["OMP_NUM_THREADS"] == os.environ["GANKIT_TEST_THREADS"] == "1"

@pytest.mark.learning
def test_a_set():
    assert os.environ["ONEDNN_MAX_CPU_ISA"]
    assert os.environ["ATEN_CPU_CAPABILITY"]

def test_of_something_else():
    assert False
"""


def test_a_processor_without_avx_512_has_two_roundings_too():
    plan = runpy.run_path(str(TOOL))["plan"]
    for capability, second in (("AVX512", "AVX512_CORE"), ("AVX2", "SSE41")):
        runs = plan(capability, quick=False)
        assert set(runs) == {(name, n) for name in ("AVX2", second) for n in (1, 2)}


@pytest.mark.parametrize(("capability", "other"), [("AVX512", "AVX2"), ("AVX2", "SSE41")])
def test_quick_is_other_instructions_and_other_threads_than_the_tests_themselves(capability, other):
    plan = runpy.run_path(str(TOOL))["plan"]
    assert plan(capability, quick=True) == [(other, 2)]


@pytest.mark.slow
def test_a_line_for_each_environment_and_the_names_of_what_failed(tmp_path):
    (tmp_path / "test_suite.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, str(TOOL), "--quick", str(tmp_path)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    table = done.stdout[done.stdout.index("instructions") :].splitlines()
    name, *counts = table[1].split()
    assert name in ("AVX2", "SSE41")
    assert counts[:3] == ["2", "1", "1"]
    assert table[2].startswith(f"failed ({name}, threads: 2): ")
    assert table[2].endswith("test_one_thread")
    assert table[3:] == []
