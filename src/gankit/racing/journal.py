"""The journal of a race: what was tried, and how far it was from the held-out examples.

RACE/journal.log is a journal of Optuna, one JSON object a line, which its own tools read. A trial
is added whole, and every later change is one line, so a kill tears at most one line, which is
skipped when the race goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gankit.errors import MissingExtraError, RunError
from gankit.randomness import Purpose, rng
from gankit.search_space import Among, Between, Space, Value
from gankit.storage import append_line
from gankit.stored import StoredError, parse_json, read_text

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import JournalStorage
    from optuna.trial import FrozenTrial

NAME = "journal.log"
RANDOM = 8
"""So many trials are drawn evenly from the space, before earlier ones say where to look."""
DRAWS = 20
"""How often a proposal is drawn again because it was tried before."""
DIGITS = 3
"""The significant digits of a number that is tried."""


def check_installed() -> None:
    """Raise MissingExtraError if Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise MissingExtraError("a race", "race") from None


@dataclass(frozen=True)
class Entry:
    """A trial, as far as it is known.

    Attributes:
        number: 0 for the default recipe, and then in the order in which they were tried.
        changes: the value of each setting that the race tries, by dotted key.
        distances: the distance at each measurement so far, by its place from 0; infinite if the run
            was sick or not finite.
        ended: whether nothing of it is left to do.
        whole: whether it was trained to its end.
        problem: what was wrong with it; empty if nothing.
        step: the step that it reached.
        seconds: how long it took.
    """

    number: int
    changes: Mapping[str, Value]
    distances: Mapping[int, float] = field(default_factory=dict)
    ended: bool = False
    whole: bool = False
    problem: str = ""
    step: int = 0
    seconds: float = 0.0

    @property
    def distance(self) -> float:
        """The last distance; infinite if there is none."""
        return self.distances[max(self.distances)] if self.distances else float("inf")


class Journal:
    """The trials of a race, in its folder.

    Raises RunError if the file cannot be read or written, or is damaged.
    """

    def __init__(self, folder: Path, space: Space) -> None:
        from optuna.storages import JournalStorage
        from optuna.study import StudyDirection

        self._path = folder / NAME
        self._space = {key: _distribution(part) for key, part in space.items()}
        with _refusing(self._path), _silence():
            self._storage: JournalStorage = JournalStorage(_lines(self._path))
            if not self._storage.get_all_studies():
                self._storage.create_new_study([StudyDirection.MINIMIZE], "race")
            self._study = self._storage.get_study_id_from_name("race")

    def entries(self) -> list[Entry]:
        """Return every trial so far, in order."""
        return [_entry(trial) for trial in self._trials()]

    def propose(self, number: int, seed: int) -> dict[str, Value]:
        """Return what trial `number` tries: a function of the seed and of the trials before it.

        It is something new, if that is found in a few draws.
        """
        before = self._trials()[:number]
        for draw in range(DRAWS):
            drawn = int(rng(seed, Purpose.RACE, number, draw).integers(2**32))
            asked = self._ask(before, drawn)
            if asked not in [trial.params for trial in before]:
                break
        return asked

    def _ask(self, before: Sequence[FrozenTrial], seed: int) -> dict[str, Value]:
        """Ask Optuna, which knows nothing but these trials and this seed, what to try."""
        import optuna

        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM)
        with _silence():
            study = optuna.create_study(sampler=sampler)
        study.add_trials(before)
        asked = study.ask(self._space).params
        return {key: _rounded(asked[key], part) for key, part in self._space.items()}

    def begin(self, changes: Mapping[str, Value]) -> None:
        """Add the next trial."""
        from optuna.trial import TrialState, create_trial

        template = create_trial(
            state=TrialState.RUNNING, params=dict(changes), distributions=self._space
        )
        with _refusing(self._path):
            self._storage.create_new_trial(self._study, template)

    def note(self, number: int, place: int, distance: float, problem: str = "") -> None:
        """Note the distance of a trial at its measurement `place`, and what was wrong with it."""
        if problem:
            self._know(number, "problem", problem)
        with _refusing(self._path):
            self._storage.set_trial_intermediate_value(self._id(number), place, distance)

    def end(self, number: int, *, whole: bool, step: int, seconds: float) -> None:
        """Note that nothing of a trial is left to do. Its last distance is what it is worth."""
        from optuna.trial import TrialState

        state = TrialState.COMPLETE if whole else TrialState.PRUNED
        distance = self.entries()[number].distance
        self._know(number, "step", step)
        self._know(number, "seconds", round(seconds, 2))
        with _refusing(self._path):
            self._storage.set_trial_state_values(self._id(number), state, [distance])

    def _know(self, number: int, key: str, value: object) -> None:
        """Add a fact about a trial, unless it was added before a kill."""
        with _refusing(self._path):
            if key not in self._storage.get_trial(self._id(number)).user_attrs:
                self._storage.set_trial_user_attr(self._id(number), key, value)

    def _id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study, number)

    def _trials(self) -> list[FrozenTrial]:
        with _refusing(self._path):
            return self._storage.get_all_trials(self._study)


def _entry(trial: FrozenTrial) -> Entry:
    from optuna.trial import TrialState

    known = trial.user_attrs
    return Entry(
        number=trial.number,
        changes=trial.params,
        distances=trial.intermediate_values,
        ended=trial.state.is_finished(),
        whole=trial.state == TrialState.COMPLETE,
        problem=str(known.get("problem", "")),
        step=int(known.get("step", 0)),
        seconds=float(known.get("seconds", 0.0)),
    )


def _distribution(part: Between | Among) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(part, Between):
        return FloatDistribution(part.low, part.high, log=True)
    return CategoricalDistribution(part.values)


def _rounded(value: Any, distribution: BaseDistribution) -> Value:
    """Return a number of a range with few digits, for people to read, and still within it."""
    from optuna.distributions import FloatDistribution

    if not isinstance(distribution, FloatDistribution):
        found: Value = value
        return found
    few = float(f"{value:.{DIGITS}g}")
    return float(np.clip(few, distribution.low, distribution.high))


def _lines(path: Path) -> Any:
    """Return what Optuna writes to and reads from: the lines of a file."""
    from optuna.storages.journal import BaseJournalBackend

    class Lines(BaseJournalBackend):
        def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
            return _whole_lines(path)[log_number_from:]

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            for log in logs:
                append_line(path, json.dumps(log))

    return Lines()


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal that no kill has torn. Raises StoredError."""
    if not path.exists():
        return []
    found = []
    for line in read_text(path).splitlines():
        try:
            found.append(parse_json(line))
        except StoredError:
            continue
    return [line for line in found if isinstance(line, dict)]


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what a damaged journal, or a full disk, raises into a RunError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"'{path}' cannot be read or written: {reason}") from None
    except (KeyError, ValueError, TypeError, IndexError, AssertionError) as error:
        raise RunError(
            f"'{path}' is damaged ({type(error).__name__}): bring it back from a copy, or begin a "
            "race in another folder",
            "folder",
        ) from None


@contextmanager
def _silence() -> Iterator[None]:
    """Keep Optuna from saying that it made a study in memory."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(before)
