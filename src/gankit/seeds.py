"""`fit_seeds`: train one configuration from several seeds, and measure each run.

FOLDER/seed-0, FOLDER/seed-1, ... are ordinary run directories. The runs have the same number of
steps, even if their budget is in minutes: these become steps once, for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gankit.arguments import typed_arguments
from gankit.data import Dataset
from gankit.doctor.diagnose import diagnose
from gankit.doctor.diagnosis import Diagnosis, read_diagnosis, write_diagnosis
from gankit.errors import ConfigError, GankitError, RunError, TrainingError
from gankit.fitting import fit
from gankit.pages.report import keep, write_run_report
from gankit.run import Run
from gankit.scores.evaluate import evaluate
from gankit.scores.score import read_reports
from gankit.settings.config import Config, override
from gankit.text import from_home
from gankit.training.callbacks import Callback
from gankit.training.loop import Outcome
from gankit.training.processes import check_processes


@dataclass(frozen=True)
class SeedRun:
    """The run of one seed.

    Attributes:
        seed: the seed.
        folder: its run directory.
        outcome: how its training ended; None if an error ended it.
        diagnosis: what the doctor found; None if it did not look.
        problem: what kept the run from being trained or measured; empty if nothing did.
    """

    seed: int
    folder: Path
    outcome: Outcome | None = None
    diagnosis: Diagnosis | None = None
    problem: str = ""

    @property
    def sick(self) -> bool:
        """Whether the doctor found a sign of sickness, more than a warning."""
        verdicts = () if self.diagnosis is None else self.diagnosis.verdicts
        return any(verdict.severity == "sick" for verdict in verdicts)

    @property
    def finished(self) -> bool:
        """Whether every step is trained."""
        return self.outcome is not None and self.outcome.finished


def seed_folder(folder: Path, seed: int) -> Path:
    """Return the run directory of a seed in the folder of them all."""
    return folder / f"seed-{seed}"


@typed_arguments()
def fit_seeds(
    config: Config,
    folder: str | Path,
    seeds: Iterable[int],
    *,
    dataset: object = None,
    init_from: str | Path | None = None,
    callbacks: Sequence[Callback] = (),
    reasons: Sequence[str] = (),
    measure: bool = True,
    say: Callable[[str], None] = lambda _line: None,
) -> list[SeedRun]:
    """Train `config` once from each seed, one run after the other, and measure each.

    The same call again goes on: runs that are finished stay as they are, and scores that are there
    are not measured again. An error in one run does not end the others. A signal such as Ctrl-C
    ends the call after the step in progress; later seeds are then not in what is returned.

    >>> import gankit
    >>> config = gankit.override(gankit.configure("gan", "toy:ring8"), {"training.steps": 2})
    >>> runs = gankit.fit_seeds(config, "runs/rings", [0, 1], measure=False)
    >>> [(run.folder.name, run.finished) for run in runs]
    [('seed-0', True), ('seed-1', True)]

    Args:
        config: a complete configuration; its seed is replaced.
        folder: the folder of the run directories, `seed-0` and so on.
        seeds: the seeds, all different.
        dataset, init_from: as for `fit`, the same for every run.
        callbacks: as for `fit`; every run calls them, from `on_start` to `close`.
        reasons: as for `fit`, the same for every run.
        measure: whether to score each trained run and let the doctor look at it.
        say: is called with a line about each stage of each run.

    Returns:
        a SeedRun for each seed. `gankit compare --group FOLDER` shows mean and interval over them.

    Raises:
        ConfigError, DataError: a setting, an argument or the data cannot work, for any seed.
    """
    folder, seeds = from_home(folder), list(seeds)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds must be one or more, all different, got {seeds}", "seeds")
    if Run(folder).record_path.exists():
        raise ConfigError(
            f"'{folder}' is a run itself: choose another folder for the runs of several seeds",
            "folder",
        )
    check_processes(config.runtime, "runs of several seeds are trained in one process")
    configs = {seed: override(config, {"training.seed": seed}) for seed in seeds}
    given = None if dataset is None else Dataset.of(dataset)  # read once for all runs
    found = []
    for number, seed in enumerate(seeds, 1):
        place = seed_folder(folder, seed)
        say(f"seed {seed}, run {number} of {len(seeds)}: {place}")
        try:
            own = _of_one_length(configs[seed], place)
            outcome = fit(
                own,
                place,
                dataset=given,
                init_from=init_from,
                callbacks=callbacks,
                reasons=reasons,
            )
        except (RunError, TrainingError) as error:
            say(f"seed {seed} failed: {error}")
            found.append(SeedRun(seed, place, problem=str(error)))
            continue
        if outcome.signal is not None:
            return [*found, SeedRun(seed, place, outcome)]
        run = SeedRun(seed, place, outcome)
        found.append(_studied(seed, outcome, given, say) if measure else run)
    return found


def _of_one_length(config: Config, place: Path) -> Config:
    """Return the configuration with the number of steps that another seed's minutes became.

    It stays as it is if its budget is in steps or images, if this run has measured its minutes
    itself, or if no run beside it has measured so many.
    """
    minutes = config.training.minutes
    if minutes is None:
        return config
    beside = sorted(place.parent.glob("seed-*/run.json"))
    for run in (Run(place), *(Run(path.parent) for path in beside)):
        with suppress(GankitError):  # a run that cannot be read is refused when its turn comes
            record = run.record()
            if record is not None and record.config.training.minutes == minutes:
                own = run.folder == place
                return config if own else override(config, {"training.steps": record.plan.steps})
    return config


def _studied(
    seed: int, outcome: Outcome, dataset: Dataset | None, say: Callable[[str], None]
) -> SeedRun:
    """Measure a trained run, and let the doctor look at it, unless both is done already."""
    folder, step, problems = outcome.run.folder, outcome.step, []
    # What has a name is found again, with its test split; what a program holds is not.
    held = dataset if dataset is not None and dataset.source is None else None
    try:
        if not any(report.step == step for report in read_reports(folder)):
            say(f"seed {seed}: measuring")
            keep(folder, evaluate(folder, against=held))
    except GankitError as error:
        problems.append(f"not measured: {error}")
    diagnosis = None
    try:
        diagnosis = read_diagnosis(folder)
        if diagnosis is None or diagnosis.step != step:
            diagnosis = diagnose(folder)
            write_diagnosis(folder, diagnosis)
            write_run_report(folder)
            for found in diagnosis.verdicts:
                say(f"seed {seed}: the doctor: {found.brief}")
    except GankitError as error:
        problems.append(f"not examined: {error}")
    for problem in problems:
        say(f"seed {seed}: {problem}")
    return SeedRun(seed, folder, outcome, diagnosis, "; ".join(problems))
