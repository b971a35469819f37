"""The doctor: what is wrong with a run, since when, what it means, what to change."""

from __future__ import annotations

from pathlib import Path

from gankit.errors import RunError
from gankit.evaluation.verdicts import Diagnosis, Verdict, read_diagnosis
from gankit.run import Run


def diagnose(folder: Path) -> Diagnosis:
    """Look for every sign of sickness in a run, finished or not. Raises RunError for no run."""
    run = Run(folder)
    if run.record() is None:
        raise RunError(f"'{folder}' holds no run: give a folder that `gankit train` wrote")
    lines = run.metrics()
    return Diagnosis(lines[-1]["step"] if lines else 0, (), (), {})


def examine(folder: Path) -> list[Verdict]:
    """What is wrong with a run, the sick first; empty where it is healthy. Writes nothing."""
    return list(diagnose(folder).verdicts)


def read_verdicts(folder: Path) -> list[Verdict] | None:
    """What the doctor last said (RUN/doctor.json); None where it was never asked."""
    diagnosis = read_diagnosis(folder)
    return None if diagnosis is None else list(diagnosis.verdicts)
