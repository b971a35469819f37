"""`race`: try recipes around the default one within a budget, and keep the best.

RACE/race.json     what was asked for and decided, and what was found (racing/record.py)
RACE/journal.log   the trials, as Optuna keeps them (racing/journal.py)
RACE/trial-0       the run of the default recipe; trial-1 and so on are the others
RACE/final-0       the default again, longer and from another seed; final-N the best trial's recipe
RACE/recipe.toml   the settings of the recipe that is kept
RACE/race.html     all of it on one page (racing/page.py)

All of it is a function of the data, the configuration, the seed and the plan, and each piece is
written when it is done. So the same call goes on after a kill, and ends as if there had been none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from signal import Signals

from gankit.arguments import typed_arguments
from gankit.data import Dataset
from gankit.doctor.diagnosis import read_diagnosis
from gankit.errors import ConfigError, RunError, TrainingError
from gankit.families import Task
from gankit.fitting import fit
from gankit.owner import own
from gankit.pages.report import keep
from gankit.racing.agreement import agree, allowed_space
from gankit.racing.cost import cost_of_step, steps_at_equal_cost
from gankit.racing.journal import NAME as JOURNAL
from gankit.racing.journal import Entry, Journal, check_installed
from gankit.racing.judge import Judge, Parts, read_parts
from gankit.racing.page import PAGE, write_page
from gankit.racing.plan import check_budget, goes_on, rungs
from gankit.racing.record import (
    Budget,
    Final,
    Record,
    read_record,
    write_record,
)
from gankit.racing.words import RECIPE, best_of, final_line, plan_line, trial_line
from gankit.scores.evaluate import evaluate
from gankit.search_space import Space, Value
from gankit.settings.config import Config, override
from gankit.settings.schema import flatten
from gankit.settings.text import settings_toml
from gankit.storage import write_atomically
from gankit.text import from_home
from gankit.training.callbacks import Callback
from gankit.training.loop import Outcome
from gankit.training.processes import check_processes
from gankit.training.session import Session

Say = Callable[[str], None]


@dataclass(frozen=True)
class Race:
    """A race, as far as it is.

    Attributes:
        folder: where it lies.
        record: what was asked for, decided and found.
        trials: the trials so far.
        signal: the signal that stopped it early, if one did.
    """

    folder: Path
    record: Record
    trials: tuple[Entry, ...]
    signal: Signals | None = None

    @property
    def best(self) -> Entry | None:
        """The trial that came nearest, of those trained to their end; None if none is finite."""
        return best_of(self.trials)

    @property
    def chosen(self) -> Entry | None:
        """The trial whose recipe is kept; None if the race is not at its end."""
        number = self.record.chosen
        return None if number is None else self.trials[number]

    @property
    def recipe_path(self) -> Path:
        """The TOML file of the recipe that is kept."""
        return self.folder / RECIPE

    @property
    def page_path(self) -> Path:
        return self.folder / PAGE


class Stopped(Exception):  # noqa: N818 - no error
    """A signal asked the race to stop, and what was trained is saved."""

    def __init__(self, signal: Signals) -> None:
        super().__init__(signal.name)
        self.signal = signal


class StopAt(Callback):
    """Ends a call of `fit` at a step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_start(self, trainer: Session) -> None:
        if trainer.state.step >= self._step:
            trainer.stop()

    def after_step(self, trainer: Session, moves: object) -> None:
        self.on_start(trainer)


@typed_arguments()
def race(
    config: Config,
    folder: str | Path,
    *,
    minutes: float | None = None,
    trials: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    dataset: object = None,
    features: str | Path | None = None,
    space: Space | None = None,
    fixed: Collection[str] = (),
    say: Say = lambda _line: None,
) -> Race:
    """Find the recipe that fits a data set best: try others around `config`, and keep the best.

    The first trial is `config` itself. Optuna's TPE proposes the others; a trial that is far
    behind after a ninth or a third of its steps is not trained on. At the end the best recipe and
    `config` are trained from another seed, three times as long and at equal cost, and measured
    against examples that no trial was measured against: the better of the two is kept.

    The same call again goes on, also after a kill, and ends as if there had been none. A larger
    budget adds trials.

    >>> import gankit
    >>> config = gankit.configure("gan", "toy:ring8")
    >>> found = gankit.race(config, "runs/race", trials=2, steps=1)
    >>> len(found.trials), found.recipe_path.name
    (2, 'recipe.toml')

    Args:
        config: the default recipe; its budget and its seed are replaced.
        folder: the folder of the race, created if it is missing.
        minutes: the budget of the whole race, final runs included; unless anything is said, 60.
        trials: how many recipes are tried, `config` among them; None: as the budget allows.
        steps: the length of a trial, in steps of `config`; None: as the budget allows. With
            `trials` and `steps` the race is the same on a slower machine.
        seed: everything random follows from it.
        dataset: data that a program holds, as for `fit`; a share of it is held out from training
            (`data.holdout`). None: what `config.data` names.
        features: the feature network in which distances are measured; None: chosen by the data.
        space: what is tried for which settings (`gankit.search_space`); None: what the family says.
        fixed: settings that are left as they are.
        say: is called with a line about the plan, then about each trial and each final run.

    Returns:
        what was tried, and what is kept.

    Raises:
        ConfigError: a setting or an argument cannot work.
        DataError: the data cannot be read, or too little of it is held out.
        MissingExtraError: Optuna is not installed.
        RunError: the folder holds something else or another race, or one that runs at this moment.
    """
    check_installed()
    check_budget(trials, steps, None if minutes is None else 60 * minutes)
    check_processes(config.runtime, "the trials of a race are trained in one process")
    config = override(config, {"training.seed": seed, "training.steps": 1})
    folder = from_home(folder)
    read_record(folder)  # a refusal leaves no file behind
    given = None if dataset is None else Dataset.of(dataset)
    config, parts = read_parts(config, given)
    allowed = allowed_space(space, config, parts.train, fixed)
    judge = Judge(parts, features, _device(config), say)
    with _owned(folder, say):
        begun = read_record(folder)
        record = agree(folder, begun, config, parts, judge, allowed, Budget(minutes, trials, steps))
        if record != begun:
            write_record(folder, record, [])
        return _Racing(folder, record, parts, judge, Journal(folder, allowed), say).run()


class _Racing:
    """A race under way, in a folder that this process owns."""

    def __init__(
        self,
        folder: Path,
        record: Record,
        parts: Parts,
        judge: Judge,
        journal: Journal,
        say: Say,
    ) -> None:
        self.folder, self.record, self.parts = folder, record, parts
        self.judge, self.journal, self.say = judge, journal, say
        self.seed = record.config.training.seed
        self.task = Task.of(parts.train)
        self.cost = cost_of_step(record.config, self.task)

    def run(self) -> Race:
        """Run all trials, then the final runs. A signal ends it early."""
        try:
            self._search()
            finals = self._finals()
        except Stopped as stopped:
            return self._result(stopped.signal)
        chosen = min(finals, key=lambda final: (final.far, final.number)).number
        self.record = replace(self.record, finals=finals, chosen=chosen)
        self._write_recipe(chosen)
        return self._result()

    def _result(self, signal: Signals | None = None) -> Race:
        entries = self.journal.entries()
        write_record(self.folder, self.record, entries)
        write_page(self.folder, self.record, entries)
        return Race(self.folder, self.record, tuple(entries), signal)

    def _search(self) -> None:
        plan = self.record.plan
        if sum(entry.ended for entry in self.journal.entries()) < plan.trials:
            self.say(plan_line(plan))
        for number in range(plan.trials):
            entries = self.journal.entries()
            if number < len(entries) and entries[number].ended:
                continue
            spent = sum(entry.seconds for entry in entries)
            if number and plan.seconds is not None and spent > plan.seconds:
                self.say(f"the time for trials is over after {number} of {plan.trials}")
                return
            if number == len(entries):
                self.journal.begin(self._changes(number))
            self._try(number)
            entries = self.journal.entries()
            self.say(trial_line(entries, number))
            write_record(self.folder, self.record, entries)
            write_page(self.folder, self.record, entries)

    def _changes(self, number: int) -> Mapping[str, Value]:
        """Return what a trial tries: the default first, then what the earlier trials suggest."""
        if number == 0:
            flat = flatten(self.record.config)
            return {key: flat[key] for key in self.record.space}
        return self.journal.propose(number, self.seed)

    def _try(self, number: int) -> None:
        """Train a trial from where it is, to its end or until it falls behind."""
        began, entry = time.monotonic(), self.journal.entries()[number]
        reached, whole = 0, False
        try:
            config, steps = self._trial(entry, self.record.plan.steps, self.seed)
            stops = rungs(steps)
            for place, step in enumerate(stops):
                if place not in entry.distances:
                    distance, problem = self._measured(config, self._place("trial", number), step)
                    self.journal.note(number, place, distance, problem)
                if math.isinf(self._distance(number, place)):
                    break
                reached, whole = step, step == stops[-1]
                if not whole and not self._goes_on(number, place):
                    break
        except (ConfigError, TrainingError) as error:
            if number == 0 and isinstance(error, ConfigError):
                raise
            known = self.journal.entries()[number].distances
            if math.inf not in known.values():
                self.journal.note(number, len(known), math.inf, str(error))
        self.journal.end(number, whole=whole, step=reached, seconds=time.monotonic() - began)

    def _goes_on(self, number: int, place: int) -> bool:
        """Return whether a trial goes on after a measurement; the default always does."""
        earlier = self.journal.entries()[:number]
        before = [entry.distances[place] for entry in earlier if place in entry.distances]
        return number == 0 or goes_on(self._distance(number, place), before)

    def _distance(self, number: int, place: int) -> float:
        return self.journal.entries()[number].distances[place]

    def _measured(self, config: Config, place: Path, step: int) -> tuple[float, str]:
        """Train a run up to a step; return its distance, infinite if it is sick, and why it is."""
        outcome = self._fit(config, place, step)
        if outcome.step > step:
            raise RunError(
                f"'{place}' is at step {outcome.step:,}, further than the race's journal says: "
                f"bring {self.folder / JOURNAL} back from a copy, or choose another folder",
                "folder",
            )
        if why := _sickness(place, outcome.step):
            return math.inf, why
        return self.judge.distance(place), ""

    def _fit(self, config: Config, place: Path, step: int) -> Outcome:
        outcome = fit(config, place, dataset=self.parts.train, callbacks=[StopAt(step)], quiet=True)
        if outcome.signal is not None:
            raise Stopped(outcome.signal)
        return outcome

    def _trial(self, entry: Entry, steps: int, seed: int) -> tuple[Config, int]:
        """Return the configuration of a trial and its steps, as many as cost the default's."""
        config = override(self.record.config, entry.changes)
        own = steps_at_equal_cost(steps, self.cost, cost_of_step(config, self.task))
        changes = {"training.steps": own, "training.seed": seed, "output.keep": 1}
        return override(config, {"output.sample_every": 0, **changes}), own

    def _place(self, kind: str, number: int) -> Path:
        return self.folder / f"{kind}-{number}"

    def _finals(self) -> tuple[Final, ...]:
        """Return the final runs of the default and of the best trial, unless they are the same."""
        entries = self.journal.entries()
        best = best_of(entries)
        known = {(final.number, final.steps): final for final in self.record.finals}
        found = []
        for number in dict.fromkeys((0, 0 if best is None else best.number)):
            wanted = self.record.plan.final_steps
            config, steps = self._trial(entries[number], wanted, (self.seed + 1) % 2**48)
            final = known.get((number, steps)) or self._final(number, config, steps)
            found.append(final)
            self.say(final_line(final))
        return tuple(found)

    def _final(self, number: int, config: Config, steps: int) -> Final:
        """Train and measure a final run."""
        place = self._place("final", number)
        try:
            outcome = self._fit(config, place, steps)
        except TrainingError as error:
            return Final(number, steps, 0.0, None, None, None, problem=str(error))
        seconds = round(outcome.seconds, 2)
        if why := _sickness(place, outcome.step):
            return Final(number, steps, seconds, None, None, None, problem=why)
        distance = self.judge.final_distance(place)
        report = evaluate(
            place, against=self.parts.unseen, features=self.judge.given, n=len(self.parts.unseen),
            metrics=("frechet", "coverage"),
        )  # fmt: skip
        keep(place, report)
        scores = tuple(str(score) for score in report.scores)
        return Final(
            number, steps, seconds, distance.value, distance.low, distance.high, scores=scores
        )

    def _write_recipe(self, number: int) -> None:
        """Write the settings of a trial, with the length of its final run as budget."""
        entry = self.journal.entries()[number]
        config, steps = self._trial(entry, self.record.plan.final_steps, self.seed)
        plain = {
            key: flatten(self.record.config)[key] for key in ("output.sample_every", "output.keep")
        }
        config = override(config, {**plain, "training.steps": steps})
        said = "the default recipe, which nothing beat" if number == 0 else f"trial {number}"
        head = f"# {said}, of a race of {len(self.journal.entries())} trials on these data\n"
        try:
            content = (head + settings_toml(config) + "\n").encode(errors="replace")
            write_atomically(self.folder / RECIPE, content)
        except OSError as error:
            reason = error.strerror or error
            raise RunError(f"'{self.folder / RECIPE}' cannot be written: {reason}") from None


def _sickness(place: Path, step: int) -> str:
    """Return the signs of sickness that the doctor sees in a run; the empty text if there are none.

    What is a warning, or too early to say, is none.
    """
    found = read_diagnosis(place)
    if found is None or found.step != step:
        return ""
    signs = ", ".join(v.sign for v in found.verdicts if v.severity == "sick")
    return f"sick at step {step:,}: {signs}" if signs else ""


def _device(config: Config) -> str:
    device = config.runtime.device
    return "cpu" if device == "auto" else device


@contextmanager
def _owned(folder: Path, say: Say) -> Iterator[None]:
    """Keep every other race out of this folder, which is created if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with own(folder, say):
            yield
    except OSError as error:
        raise RunError(f"'{folder}' cannot be written: {error.strerror or error}") from None
