"""Does what the doctor offers first cure a run? Sick runs are trained again with it.

    python tools/doctor_cures.py --runs runs/doctor --out results/cures.csv
    python tools/doctor_cures.py --runs runs/doctor --only dcgan-minimax --remedy "--lr-d 1e-4"

Each sick run of results/doctor.csv is trained by its recorded settings (`tools/doctor_trials.py`),
and then anew with the first remedy that the doctor offers for it, for as many steps. It is well if
the doctor then finds nothing sick. A line is written as each pair ends, the quickest runs first.
The same command goes on where it was stopped: lines that are there are kept, and a run that is
there is not trained again. `--remedy` tries another one, and prints its line instead.
"""

from __future__ import annotations

import argparse
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from doctor_trials import Trial, settled, sick, write_data
from gankit.cli.app import app
from gankit.cli.train import SETTINGS, by_argument
from gankit.doctor.diagnose import diagnose
from gankit.doctor.diagnosis import Diagnosis, write_diagnosis
from gankit.errors import TrainingError
from gankit.fitting import fit
from gankit.settings.config import Config, override
from gankit.settings.reference import flags_of
from gankit.settings.text import parse_assignments
from table_lines import read_lines, write_lines

TRIALS = Path(__file__).parent.parent / "results/doctor.csv"
QUICKEST = ("gan", "cgan", "dcgan", "modern", "infogan", "began", "seqgan", "gail")
"""Families in the order in which their runs are trained, after those on toys."""


def chosen(only: str) -> list[tuple[Trial, int]]:
    """Return the sick trials of the table with their seeds, the quickest first."""
    known = {trial.name: trial for trial in sick()}
    lines = [line for line in read_lines(TRIALS) if line["made"] == "sick" and only in line["run"]]
    pairs = [(known[line["run"]], int(line["seed"])) for line in lines]
    return sorted(
        pairs, key=lambda p: (not p[0].data.startswith("toy:"), QUICKEST.index(p[0].family))
    )


def treated(config: Config, remedy: str) -> Config:
    """Return the settings of `gankit train` with a remedy's options added."""
    typed = ["train", config.family, config.data.source, *shlex.split(remedy)]
    _, bound, _ = app.parse_args(typed, exit_on_error=False, print_error=False)
    known = {**SETTINGS, **by_argument(flags_of(config.network).values())}
    given = {known[k].key: v for k, v in bound.arguments.items() if k in known}
    return override(override(config, given), parse_assignments(bound.arguments.get("set_") or []))


def examined(config: Config, folder: Path) -> Diagnosis:
    """Train, unless the run is there, and ask the doctor."""
    with suppress(TrainingError):  # a run that gave up is examined like any other
        outcome = fit(config, folder)
        if outcome.signal is not None:  # it goes on there next time
            raise SystemExit(128 + outcome.signal)
    diagnosis = diagnose(folder)
    write_diagnosis(folder, diagnosis)
    return diagnosis


def cure(trial: Trial, seed: int, runs: Path, remedy: str | None) -> dict[str, Any]:
    """Train a trial and, with the remedy, its like. Return a line of the table."""
    data = str(runs / trial.data) if trial.data.endswith(".npz") else trial.data
    config = override(settled(trial.family, data), {"training.seed": seed, **trial.changes})
    before = examined(config, runs / f"{trial.name}-{seed}")
    offered = [verdict for verdict in before.verdicts if verdict.remedy]
    line: dict[str, Any] = {
        "run": trial.name,
        "seed": seed,
        "what": trial.done,
        "found": "; ".join(verdict.sign for verdict in before.verdicts),
        "for": offered[0].sign if offered else "",
        "remedy": remedy or (offered[0].remedy if offered else ""),
    }
    if not line["remedy"]:
        return {**line, "found_after": "", "well": "no remedy", "steps": before.step}
    name = f"{trial.name}-{seed}-with{line['remedy']}".replace(" ", "_").replace("/", "-")
    after = examined(treated(config, line["remedy"]), runs / name)
    ill = any(verdict.severity == "sick" for verdict in after.verdicts)
    return {
        **line,
        "found_after": "; ".join(verdict.sign for verdict in after.verdicts),
        "well": "no" if ill else "yes",
        "steps": after.step,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="runs whose name has this in it")
    parser.add_argument("--remedy", default=None, help="try this one, and write no line")
    parser.add_argument("--runs", type=Path, default=Path("runs/doctor"))
    parser.add_argument("--out", type=Path, default=Path("results/cures.csv"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    write_data(given.runs)
    lines = [] if given.remedy else read_lines(given.out)
    done = {(line["run"], str(line["seed"])) for line in lines}
    for trial, seed in chosen(given.only):
        if (trial.name, str(seed)) in done:
            continue
        lines.append(cure(trial, seed, given.runs, given.remedy))
        print(*(f"{k}={v}" for k, v in lines[-1].items()), sep="  ", flush=True)
        if given.remedy:
            continue
        write_lines(given.out, lines)


if __name__ == "__main__":
    main()
