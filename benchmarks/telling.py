"""What every benchmark says: the middle of its numbers, and the machine that they come from."""

from __future__ import annotations

import os
import platform
import shlex
import statistics
import subprocess
from collections.abc import Sequence

import torch

import gankit


def output(command: Sequence[str]) -> str:
    """Run a command and return what it printed; end with what it said if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Return the median of some numbers, the least and the largest of them."""
    return {
        "median": round(statistics.median(values), digits),
        "least": round(min(values), digits),
        "most": round(max(values), digits),
    }


def machine(threads: int) -> dict[str, object]:
    """Return what a number depends on beside the code: processor, threads, load and versions.

    `isa` is what torch's own code uses; oneDNN, which has the convolutions, is held to it by
    ONEDNN_MAX_CPU_ISA=AVX2 and the like.
    """
    return {
        "threads": threads,
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "machine": platform.machine(),
        "isa": torch.backends.cpu.get_cpu_capability(),
        "onednn": os.environ.get("ONEDNN_MAX_CPU_ISA", "all"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "gankit": gankit.__version__,
    }
