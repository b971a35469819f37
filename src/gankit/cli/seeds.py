"""`gankit train --seeds`: what is printed of the runs, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from gankit.cli.streams import go_on, say, telling_how_to_go_on
from gankit.errors import GankitError
from gankit.pages.compare_groups import compare_groups, groups_as_text
from gankit.seeds import SeedRun, fit_seeds
from gankit.settings.config import Config
from gankit.text import in_shell, visible

NOT_ALL_WELL = 1
"""The exit code if every seed had its turn, but a run failed, is not finished, or is sick."""


def train_seeds(
    config: Config,
    folder: Path,
    seeds: Sequence[int],
    init_from: Path | None,
    reasons: Sequence[str] = (),
) -> None:
    """Train from each seed, and print mean and interval of each score over the runs.

    Exits with NOT_ALL_WELL if that is so, and as `gankit train` does if a signal stopped it.
    """
    with telling_how_to_go_on():
        runs = fit_seeds(config, folder, seeds, init_from=init_from, reasons=reasons, say=say)
    last = runs[-1].outcome
    if last is not None and last.signal is not None:
        print(
            f"stopped by {last.signal.name} at step {last.step:,} of {last.steps:,} of seed "
            f"{runs[-1].seed}, {len(runs) - 1} of {len(seeds)} runs done: saved\n{go_on()}"
        )
        sys.exit(128 + last.signal)
    trained = [run.folder for run in runs if run.outcome is not None]
    if trained:
        print(_table(trained))
    unwell = [f"seed {run.seed}: {said}" for run in runs if (said := _unwell(run))]
    if unwell:
        print("\n".join(["", *map(visible, unwell)]))
    print(f"  gankit compare --group {in_shell(folder)}")
    if unwell:
        sys.exit(NOT_ALL_WELL)


def _table(folders: Sequence[Path]) -> str:
    try:
        return groups_as_text(compare_groups(folders))
    except GankitError as error:  # the runs are trained all the same
        return f"no means: {visible(str(error))}"


def _unwell(run: SeedRun) -> str:
    """Return what is wrong with a run; the empty text if nothing is."""
    said = [run.problem] if run.problem else []
    if run.outcome is not None and not run.finished:
        reached = f"{run.outcome.step:,} of {run.outcome.steps:,}"
        said.append(f"the time ran out at step {reached}; the same command again goes on")
    if run.sick and run.diagnosis is not None:
        signs = (v.sign for v in run.diagnosis.verdicts if v.severity == "sick")
        said.append(f"sick: {', '.join(signs)}")
    return "; ".join(said)
