"""A race finds what was hidden, survives every kill, and says what went wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from signal import SIGINT

import numpy as np
import pytest

import gankit
from gankit.doctor.diagnosis import Diagnosis, Verdict
from gankit.errors import ConfigError, MissingExtraError, RunError, TrainingError
from gankit.owner import own
from gankit.racing import agreement
from gankit.racing import journal as journal_module
from gankit.racing import race as module
from gankit.racing.judge import Distance
from gankit.racing.plan import Pace, Plan
from gankit.racing.race import race
from gankit.racing.record import read_record
from gankit.run import Run
from gankit.search_space import Among
from gankit.settings.config import override
from gankit.settings.text import read_toml

RATE = {"generator_optimizer.lr": Among((1e-3, 1e-2, 3e-2))}


@pytest.fixture
def given(small):
    """The arguments of a race of tiny networks on points around (4, 4)."""
    points = np.random.default_rng(0).normal(4, 0.5, (120, 2)).astype(np.float32)
    tiny = {"network.generator_hidden": "8", "network.discriminator_hidden": "8"}
    changes = {**tiny, "data.holdout": 0.4, "output.doctor": 0, "generator_optimizer.lr": 1e-3}
    return {
        "config": small("gan", "toy:ring8", **changes),
        "dataset": points,
        "space": RATE,
        "trials": 3,
        "steps": 9,
    }


def results(folder):
    """What a race found, but for its times."""
    record = read_record(folder)
    stored = json.loads((folder / "race.json").read_text())["trials"]
    plain = [{key: trial[key] for key in trial if key != "seconds"} for trial in stored]
    return [replace(final, seconds=0.0) for final in record.finals], record.chosen, plain


@pytest.mark.slow
def test_a_good_setting_is_found_where_the_default_is_bad(given, tmp_path):
    rates = {"generator_optimizer.lr": 1e-7, "discriminator_optimizer.lr": 0.1}
    given["config"] = override(given["config"], rates)
    given["space"] = {"generator_optimizer.lr": Among((1e-7, 0.1))}
    said = []
    found = race(folder=tmp_path / "race", **{**given, "trials": 2, "steps": 45}, say=said.append)
    assert found.signal is None
    assert found.chosen.changes == {"generator_optimizer.lr": 0.1}
    default, best = found.record.finals
    assert best.distance < default.distance / 5
    assert found.best.distance < found.trials[0].distance
    told = ["default", "trial 1", "final run, default", "final run, trial 1"]
    assert said[0].startswith("trials: 2 of 45 steps of the default's cost")
    assert [line.split(":")[0] for line in said[1:]] == told
    recipe = override(given["config"], read_toml(found.recipe_path))
    assert recipe.generator_optimizer.lr == 0.1
    assert recipe.training.steps == best.steps == 135
    assert (tmp_path / "race" / "race.html").exists()
    assert gankit.load(tmp_path / "race" / "final-1").step == 135


class Killed(BaseException):
    """The end of the process, as far as Python can play it."""


@pytest.mark.slow
def test_a_race_that_is_killed_again_and_again_ends_as_if_it_had_not(
    given, tmp_path, monkeypatch, newest, equal
):
    """It is killed before and after every line of its journal, and within every run."""
    race(folder=tmp_path / "calm", **given)
    append, after_step, kills = journal_module.append_line, module.StopAt.after_step, set()

    def kill_once(*where):
        if where not in kills:
            kills.add(where)
            raise Killed

    def appending(path, line):
        size = path.stat().st_size if path.exists() else 0
        kill_once("before", size)
        append(path, line)
        kill_once("after", size)

    def stepping(self, trainer, moves):
        after_step(self, trainer, moves)
        if trainer.state.step in (2, 20):
            kill_once("within", str(trainer.run.folder))

    monkeypatch.setattr(journal_module, "append_line", appending)
    monkeypatch.setattr(module.StopAt, "after_step", stepping)
    for _ in range(200):
        try:
            race(folder=tmp_path / "wild", **given)
            break
        except Killed:
            continue
    assert len(kills) > 30
    assert results(tmp_path / "wild") == results(tmp_path / "calm")
    for run in ("trial-0", "final-0"):
        assert equal(newest(tmp_path / "wild" / run), newest(tmp_path / "calm" / run))
    names = {path.name for path in (tmp_path / "calm").iterdir()}
    assert names == {path.name for path in (tmp_path / "wild").iterdir()}


@pytest.fixture
def stub(monkeypatch):
    """Replace training and measuring: the distance of a trial is its own, by `far(folder)`."""
    trained = []

    class Outcome:
        signal, seconds = None, 1.0

        def __init__(self, step):
            self.step = step

    def make(far=lambda name: 1.0):
        def fit(config, place, *, dataset, callbacks=(), quiet=False):
            far(place.name)
            trained.append((place.name, callbacks[0]._step))
            return Outcome(callbacks[0]._step)

        monkeypatch.setattr(module, "fit", fit)
        monkeypatch.setattr(module.Judge, "distance", lambda self, place: far(place.name))
        monkeypatch.setattr(
            module.Judge,
            "final_distance",
            lambda self, place: Distance(far(place.name), 0.0, 9.0),
        )
        monkeypatch.setattr(
            module, "evaluate", lambda *a, **k: type("Report", (), {"scores": ()})()
        )
        monkeypatch.setattr(module, "keep", lambda *a: None)
        return trained

    return make


def test_what_falls_behind_is_not_trained_on(given, tmp_path, stub):
    trained = stub(lambda name: {"trial-0": 1.0, "trial-1": 2.0}.get(name, 0.5))
    found = race(folder=tmp_path, **given)
    assert [name for name, _ in trained].count("trial-0") == 3
    assert [name for name, _ in trained].count("trial-1") == 1
    assert [entry.whole for entry in found.trials] == [True, False, True]
    assert found.best.number == 2


def test_the_default_is_kept_if_the_winner_loses_on_what_it_did_not_see(given, tmp_path, stub):
    stub(lambda name: {"trial-0": 2.0, "final-0": 1.0}.get(name, 1.5))
    found = race(folder=tmp_path, **given)
    assert found.best.number == 1
    assert found.chosen.number == 0
    recipe = override(given["config"], read_toml(found.recipe_path))
    assert recipe.generator_optimizer.lr == 1e-3


def test_if_nothing_is_nearer_only_the_default_is_trained_again(given, tmp_path, stub):
    trained = stub(lambda name: 1.0 if name == "trial-0" else 2.0)
    found = race(folder=tmp_path, **given)
    assert [name for name, _ in trained if name.startswith("final")] == ["final-0"]
    assert found.chosen.number == 0


def test_a_sick_trial_is_infinitely_far_and_told(given, tmp_path, stub, monkeypatch):
    stub(lambda name: 1.0 if name == "trial-0" else 0.5)

    def read_diagnosis(place):
        verdict = Verdict("collapse", "sick", "one picture", 2, "it collapsed", "")
        step = 1 if place.name == "trial-1" else -1
        return Diagnosis(step, (verdict,), ("collapse",), {})

    monkeypatch.setattr(module, "read_diagnosis", read_diagnosis)
    said = []
    found = race(folder=tmp_path, **given, say=said.append)
    sick = found.trials[1]
    assert (sick.distance, sick.whole, sick.problem) == (
        float("inf"),
        False,
        "sick at step 1: collapse",
    )
    assert said[2].startswith("trial 1: infinite; sick at step 1: collapse; best 1 (default)")
    assert found.best.number == 2
    stored = json.loads((tmp_path / "race.json").read_text())["trials"]
    assert (stored[1]["distance"], stored[1]["problem"]) == (None, "sick at step 1: collapse")


@pytest.mark.parametrize("bad", ["trial-0", "trial-1"])
def test_a_trial_that_is_not_finite_leaves_the_others(bad, given, tmp_path, stub):
    def far(name):
        if name == bad:
            raise TrainingError("stopped at step 2: d is not finite")
        return 1.0

    stub(far)
    found = race(folder=tmp_path, **given)
    failed = found.trials[int(bad[-1])]
    assert (failed.distance, failed.problem) == (float("inf"), "stopped at step 2: d is not finite")
    assert len(found.trials) == 3
    assert found.best is not None


def test_if_everything_fails_the_default_is_kept(given, tmp_path, stub):
    def far(name):
        raise TrainingError("stopped at step 2")

    stub(far)
    found = race(folder=tmp_path, **given)
    assert found.best is None
    assert found.chosen.number == 0
    assert found.record.finals[0].problem == "stopped at step 2"


def test_settings_that_do_not_go_together_are_one_lost_trial(given, tmp_path, stub):
    stub()
    given["space"] = {"objective.update": Among(("simultaneous", "alternating")), **RATE,
                      "objective.k": Among((1, 2))}  # fmt: skip
    given["config"] = override(given["config"], {"objective.update": "simultaneous"})
    found = race(folder=tmp_path, **{**given, "trials": 8})
    assert len(found.trials) == 8


@pytest.mark.slow
def test_a_signal_stops_it_and_the_same_call_goes_on(given, tmp_path, monkeypatch):
    after_step = module.StopAt.after_step

    def stepping(self, trainer, moves):
        after_step(self, trainer, moves)
        if trainer.run.folder.name == "trial-1":
            trainer.signals.received = SIGINT

    monkeypatch.setattr(module.StopAt, "after_step", stepping)
    found = race(folder=tmp_path, **given)
    assert found.signal is SIGINT
    assert [entry.ended for entry in found.trials] == [True, False]
    assert found.chosen is None
    monkeypatch.setattr(module.StopAt, "after_step", after_step)
    assert race(folder=tmp_path, **given).chosen is not None


def test_a_larger_budget_adds_trials_and_keeps_the_others(given, tmp_path, stub):
    trained = stub(lambda name: 1.0)
    first = race(folder=tmp_path, **given)
    count = len(trained)
    assert race(folder=tmp_path, **given).record == first.record
    assert len(trained) == count
    more = race(folder=tmp_path, **{**given, "trials": 4, "steps": None})
    assert [entry.changes for entry in more.trials[:3]] == [e.changes for e in first.trials]
    assert len(more.trials) == 4
    assert {name for name, _ in trained[count:]} == {"trial-3"}
    assert len(race(folder=tmp_path, **{**given, "trials": None, "steps": None}).trials) == 4
    assert len(race(folder=tmp_path, **{**given, "trials": None}).trials) == 4
    with pytest.raises(RunError, match="holds a race of trials of 9 steps"):
        race(folder=tmp_path, **{**given, "steps": 10})


def test_a_budget_in_minutes_is_measured_once_and_ends_the_trials(
    given, tmp_path, stub, monkeypatch
):
    stub(lambda name: 1.0)
    paces = iter([Pace(per_step=0.1, per_stop=1.0)])  # far more time than the trials take
    monkeypatch.setattr(agreement, "_rehearse", lambda *_: next(paces))
    timed = {**given, "minutes": 20.0, "trials": None, "steps": None}
    found = race(folder=tmp_path / "a", **timed)
    again = []
    assert found.record.plan == race(folder=tmp_path / "a", **timed, say=again.append).record.plan
    assert not [line for line in again if line.startswith("trials:")]  # nothing is to come
    assert len(found.trials) == found.record.plan.trials
    monkeypatch.setattr(agreement, "_rehearse", lambda *_: Pace(0.001, 0.01))
    monkeypatch.setattr(agreement, "_plan", lambda *_: Plan(9, 9, seconds=0.0))
    said = []
    short = race(folder=tmp_path / "b", **timed, say=said.append)
    assert len(short.trials) == 1
    assert "the time for trials is over after 1 of 9" in said


def test_a_rehearsal_measures_and_keeps_nothing(given, tmp_path, monkeypatch):
    monkeypatch.setattr(agreement, "REHEARSAL", 0.005)
    config = override(given["config"], {"training.steps": 1})
    config, parts = module.read_parts(config, gankit.Dataset.of(given["dataset"]))
    pace = agreement._rehearse(config, parts, module.Judge(parts, None, "cpu", print))
    assert pace.per_step > 0
    assert pace.per_stop > 0
    assert not list(tmp_path.iterdir())


def test_other_settings_other_data_and_other_ranges_are_refused(given, tmp_path, stub):
    stub()
    race(folder=tmp_path, **given)
    batch = override(given["config"], {"training.batch": 4})
    wider = {"generator_optimizer.lr": Among((1e-3, 3e-2, 1e-1))}
    for change, said in (
        ({"config": batch}, "training.batch: 8 in the run, 4 asked"),
        ({"seed": 1}, "training.seed"),
        ({"dataset": given["dataset"] + 1}, "the data itself"),
        ({"space": wider}, "tried for generator_optimizer.lr: 0.001, 0.01, 0.03 in the race"),
    ):
        with pytest.raises(RunError, match="holds a race with other settings") as caught:
            race(folder=tmp_path, **{**given, **change})
        assert said in str(caught.value)


def test_two_races_in_one_folder(given, tmp_path, stub):
    stub()
    with own(tmp_path), pytest.raises(RunError, match="another process"):
        race(folder=tmp_path, **given)
    assert not (tmp_path / "race.json").exists()


def test_a_folder_that_holds_something_else(given, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match=r"holds no race, but notes.txt"):
        race(folder=tmp_path, **given)
    with pytest.raises(RunError, match="is a file"):
        race(folder=tmp_path / "notes.txt", **given)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    gankit.fit(override(given["config"], {"training.steps": 1}), tmp_path / "run")
    with pytest.raises(RunError, match="holds no race"):
        race(folder=tmp_path / "run", **given)


def test_a_journal_that_is_lost_is_not_begun_anew_over_its_runs(given, tmp_path):
    race(folder=tmp_path, **{**given, "trials": 2, "steps": 3})
    (tmp_path / "journal.log").unlink()
    with pytest.raises(RunError, match=r"further than the race's journal says: bring"):
        race(folder=tmp_path, **{**given, "trials": 2, "steps": 3})


def test_a_damaged_record_is_one_line(given, tmp_path):
    (tmp_path / "race.json").write_text('{"format": 1, "config": 3}')
    with pytest.raises(RunError, match="is damaged"):
        race(folder=tmp_path, **given)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"space": {"training.bach": Among((1,))}}, "unknown setting 'training.bach'"),
        ({"space": {"training.batch": Among((4, 16))}}, "training.batch = 8 is not among"),
        ({"fixed": ["generator_optimizer.lr"]}, "nothing is left to try"),
        ({"trials": 1}, "trials must be from 2"),
        ({"minutes": -1.0}, "minutes must be above 0"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(given, tmp_path, change, said):
    with pytest.raises(ConfigError, match=said):
        race(folder=tmp_path / "race", **{**given, **change})
    assert not (tmp_path / "race").exists()


def test_what_is_fixed_and_what_does_not_fit_is_not_tried(given, tmp_path, stub):
    stub()
    given["space"] = {**RATE, "training.batch": Among((8, 32, 640)), "training.ema": Among((0.9,))}
    given["config"] = override(given["config"], {"training.ema": 0.9})
    found = race(folder=tmp_path, **given, fixed=["training.ema"])
    assert found.record.space == {
        "generator_optimizer.lr": "0.001, 0.01, 0.03",
        "training.batch": "8, 32",
    }


def test_a_race_needs_optuna(given, tmp_path, monkeypatch):
    def missing():
        raise MissingExtraError("a race", "race")

    monkeypatch.setattr(module, "check_installed", missing)
    with pytest.raises(MissingExtraError, match=r"gankit\[race\]"):
        race(folder=tmp_path / "race", **given)
    assert not (tmp_path / "race").exists()


@pytest.mark.slow
def test_the_runs_of_a_folder_know_what_was_held_out(small, tmp_path):
    """A trial is a run like any other: it is scored on the examples that the race held out."""
    from PIL import Image

    pictures = np.random.default_rng(0).integers(0, 256, (100, 16, 16), dtype=np.uint8)
    (tmp_path / "photos").mkdir()
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / "photos" / f"{i}.png")
    config = small("dcgan", str(tmp_path / "photos"), **{"data.holdout": 0.4, "output.doctor": 0})
    space = {"training.ema": Among((config.training.ema, 0.5))}
    found = race(config, tmp_path / "race", trials=2, steps=1, space=space)
    assert found.record.held_out == (20, 20)
    record = Run(tmp_path / "race" / "trial-0").record()
    assert (record.data["count"], record.config.data.holdout) == (60, 0.4)
    report = gankit.evaluate(tmp_path / "race" / "trial-0", metrics=["coverage"], draws=1)
    assert (report.protocol.split, report.protocol.n_real) == ("test", 40)
