"""The doctor: what is wrong with a run, since when, what it means, what to change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gankit.doctor import log_signs, sample_signs  # noqa: F401 - they register the signs
from gankit.doctor.case import Case
from gankit.doctor.diagnosis import Diagnosis, Verdict, read_diagnosis
from gankit.doctor.samples import Examination, examine_samples
from gankit.doctor.signs import look_for
from gankit.errors import DataError, RunError
from gankit.own_networks import Networks
from gankit.run import Record, Run
from gankit.run_data import find_data, note_other
from gankit.trained.artifact import load

NOTHING_TRAINED = "nothing is trained yet"


def diagnose(
    folder: str | Path, data: str | Path | None = None, *, networks: Networks | None = None
) -> Diagnosis:
    """Look for every sign of sickness in a run, finished or not.

    Args:
        folder: the run's directory.
        data: where the run's data is now; None: where it was. Samples are compared with the
            data only if it has the run's fingerprint.
        networks: (G, D) of a run of your own networks, as for `gankit.load`; without them only
            the log is looked at.

    Raises:
        RunError: there is no run in the folder, or it is damaged; `networks` are of another run.
        DataError: `data` cannot be read.
    """
    run = Run(folder)
    record = run.record()
    if record is None:
        raise RunError(f"'{folder}' holds no run: give the folder of one")
    return look_at(run, record, lambda _: _samples(run, record, data, networks))


Drawn = tuple[Examination | None, str]
"""Samples beside real examples, or None and the reason why there are none."""


def look_at(run: Run, record: Record, draw: Callable[[Case], Drawn]) -> Diagnosis:
    """Look for every sign in the log of a run, and in the samples that `draw` returns."""
    case = Case(record, run.metrics(), run.events(), reached=run.steps_taken())
    examination, why_none = draw(case)
    return look_for(replace(case, examination=examination, why_none=why_none))


def examine(folder: str | Path, data: str | Path | None = None) -> list[Verdict]:
    """Return what is wrong with a run, sick signs first; empty if it is healthy. Writes nothing."""
    return list(diagnose(folder, data).verdicts)


def read_verdicts(folder: str | Path) -> list[Verdict] | None:
    """Return the doctor's last verdicts (RUN/doctor.json); None if it never looked."""
    diagnosis = read_diagnosis(folder)
    return None if diagnosis is None else list(diagnosis.verdicts)


def why_not_drawn(run: Run, record: Record, networks: Networks | None = None) -> str | None:
    """Return why no samples of a run can be looked at; None if they can."""
    if record.networks and networks is None:
        return (
            "the run keeps the weights of your own networks, not their code: give them from "
            f"Python, gankit.doctor.diagnose.diagnose({str(run.folder)!r}, networks=(G, D))"
        )
    if not record.task.is_drawn:
        return f"{record.task.kind} are judged by the log alone"
    return None


def _samples(
    run: Run, record: Record, source: str | Path | None, networks: Networks | None
) -> Drawn:
    """Return samples and the run's data, or None and the reason why there are none."""
    why = why_not_drawn(run, record, networks)
    if why is not None:
        return None, why
    data, shape = record.config.data, record.task.shape
    if source is None and not run.artifact_path.exists():
        return None, NOTHING_TRAINED
    try:
        found = find_data(data, shape, source, run.folder, record)
    except DataError as error:
        if source is not None:
            raise
        return None, str(error)
    if not run.artifact_path.exists():
        return None, NOTHING_TRAINED
    other = note_other(found, data, run.folder, record)
    if other is not None:
        return None, other
    return examine_samples(load(run.folder, networks=networks), found.dataset), ""
