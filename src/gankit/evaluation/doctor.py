"""The doctor: what is wrong with a run, since when, what it means, what to change."""

from __future__ import annotations

from pathlib import Path

# Imported for what they register.
from gankit.artifact import load
from gankit.data import load_configured
from gankit.errors import DataError, RunError
from gankit.evaluation import log_signs, sample_signs  # noqa: F401
from gankit.evaluation.examination import Examination, examine_samples
from gankit.evaluation.signs import Case, look_for
from gankit.evaluation.verdicts import Diagnosis, Verdict, read_diagnosis
from gankit.run import Record, Run, describe


def diagnose(folder: Path) -> Diagnosis:
    """Look for every sign of sickness in a run, finished or not. Raises RunError for no run."""
    run = Run(folder)
    record = run.record()
    if record is None:
        raise RunError(f"'{folder}' holds no run: give a folder that `gankit train` wrote")
    examination, why_none = _samples(run, record)
    return look_for(Case(record, run.metrics(), run.events(), examination, why_none))


def examine(folder: Path) -> list[Verdict]:
    """What is wrong with a run, the sick first; empty where it is healthy. Writes nothing."""
    return list(diagnose(folder).verdicts)


def read_verdicts(folder: Path) -> list[Verdict] | None:
    """What the doctor last said (RUN/doctor.json); None where it was never asked."""
    diagnosis = read_diagnosis(folder)
    return None if diagnosis is None else list(diagnosis.verdicts)


def _samples(run: Run, record: Record) -> tuple[Examination | None, str]:
    """Samples beside the run's data, or why there are none."""
    if not run.artifact_path.exists():
        return None, "nothing is trained yet"
    data = record.config.data
    try:
        dataset = load_configured(data)
    except DataError as error:
        return None, str(error)
    if describe(dataset)["fingerprint"] != record.data["fingerprint"]:
        return None, f"the data '{data.source}' is no longer what the run was trained on"
    return examine_samples(load(run.folder), dataset), ""
