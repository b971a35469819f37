"""Run tests with other processors' rounding, which may change no verdict.

    python tools/check_rounding.py [--quick] [--all] [PATHS]

Wider registers and a second thread add numbers in another order: sums differ in their last bits,
and a GAN amplifies that. ONEDNN_MAX_CPU_ISA, ATEN_CPU_CAPABILITY and MKL_ENABLE_INSTRUCTIONS hold
oneDNN, torch and MKL to an instruction set, GANKIT_TEST_THREADS the tests to a number of threads.
A processor without AVX-512 is given SSE4.1 in its place, which rounds differently too.

Runs the tests marked `learning`, or all, in each environment and prints a line for each. Exits
with 1 if a test failed, 2 if none ran.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
VARIABLES = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS")
SETS = {
    "SSE41": ("SSE41", "default", "SSE4_2"),
    "AVX2": ("AVX2", "avx2", "AVX2"),
    "AVX512_CORE": ("AVX512_CORE", "avx512", "AVX512"),
}
"""What each of VARIABLES calls an instruction set."""


@dataclass(frozen=True)
class Outcome:
    passed: int
    failed: tuple[str, ...]
    seconds: float


def plan(capability: str, quick: bool) -> list[tuple[str, int]]:
    """(instruction set, threads) of each run; `capability` is torch's word for the processor's."""
    other = "AVX512_CORE" if capability == "AVX512" else "SSE41"
    if quick:  # farthest from `make test`, which rounds as the processor does, on one thread
        return [("AVX2" if capability == "AVX512" else "SSE41", 2)]
    return [(name, threads) for name in ("AVX2", other) for threads in (1, 2)]


def run(instructions: str, threads: int, arguments: list[str]) -> Outcome:
    environment = {
        **os.environ,
        **dict(zip(VARIABLES, SETS[instructions], strict=True)),
        "OMP_NUM_THREADS": str(threads),
        "GANKIT_TEST_THREADS": str(threads),
        "OMP_WAIT_POLICY": "passive",  # on a busy machine threads that spin take the cores
    }
    processes = os.cpu_count() or 1  # a second thread of networks so small has little to do
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}"]
        if processes > 1:
            command += ["-n", str(processes), "--dist", "worksteal"]
        subprocess.run([*command, *arguments], cwd=ROOT, env=environment, check=False)
        cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
    skipped = [c for c in cases if c.find("skipped") is not None]
    return Outcome(
        passed=len(cases) - len(failed) - len(skipped),
        failed=tuple(f"{case.get('classname')}.{case.get('name')}" for case in failed),
        seconds=time.monotonic() - began,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the one farthest from `make test`")
    parser.add_argument("--all", action="store_true", help="every test, not only these")
    parser.add_argument("paths", nargs="*", default=["tests"], help="what pytest is given")
    asked = parser.parse_args()

    for variable in VARIABLES:  # what the processor can do, not what it is held to here
        os.environ.pop(variable, None)
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    chosen = [] if asked.all else ["-m", "learning"]
    done = {
        (instructions, threads): run(instructions, threads, [*chosen, *asked.paths])
        for instructions, threads in plan(capability, asked.quick)
    }

    if capability not in ("AVX2", "AVX512"):
        print(f"\nthis processor is {capability}: instruction sets are not chosen here")
    elif capability == "AVX2":
        print("\nthis processor has no AVX-512: SSE4.1 stands in for it")
    print(f"\n{'instructions':<14}{'threads':>7}{'passed':>9}{'failed':>9}{'seconds':>10}")
    for (instructions, threads), outcome in done.items():
        counts = f"{outcome.passed:>9}{len(outcome.failed):>9}{outcome.seconds:>10.0f}"
        print(f"{instructions:<14}{threads:>7}{counts}")
    for (instructions, threads), outcome in done.items():
        for name in outcome.failed:
            print(f"failed ({instructions}, threads: {threads}): {name}")
    if any(outcome.failed for outcome in done.values()):
        return 1
    return 0 if all(outcome.passed for outcome in done.values()) else 2


if __name__ == "__main__":
    sys.exit(main())
