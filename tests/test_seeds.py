"""One configuration from several seeds: each run is whole, and none takes another one down."""

from __future__ import annotations

from functools import partial
from signal import SIGINT

import numpy as np
import pytest

import gankit
from gankit import seeds as module
from gankit.doctor.diagnosis import Diagnosis, Verdict
from gankit.errors import ConfigError, DataError, TrainingError
from gankit.run import Run
from gankit.scores.score import Report, Score, read_reports
from gankit.seeds import fit_seeds
from tests.pages.pages import PROTOCOL


@pytest.fixture
def measured(monkeypatch):
    """Which runs were measured; measuring itself is made quick."""
    found = []

    def evaluate(folder, **given):
        found.append(folder.name)
        score = Score("frechet", "FD(digits)", 20.0, "lower")
        return Report(folder.name, "gan", 4, PROTOCOL, (score,), 1.0)

    monkeypatch.setattr(module, "evaluate", evaluate)
    monkeypatch.setattr(module, "diagnose", lambda folder: Diagnosis(4, (), ("collapse",), {}))
    return found


@pytest.fixture
def ring(small):
    def make(**changes):
        steps = {} if "training.minutes" in changes else {"training.steps": 4}
        # Training has no doctor of its own, so that all findings are those of `diagnose`.
        return small("gan", "toy:ring8", **steps, **{"output.doctor": 0}, **changes)

    return make


def test_each_seed_has_a_run_as_if_trained_alone(ring, tmp_path, measured, newest, equal):
    runs = fit_seeds(ring(), tmp_path / "runs", [0, 3])
    assert [(run.seed, run.folder.name, run.finished) for run in runs] == [
        (0, "seed-0", True),
        (3, "seed-3", True),
    ]
    assert measured == ["seed-0", "seed-3"]
    gankit.fit(ring(**{"training.seed": 3}), tmp_path / "alone")
    assert equal(newest(tmp_path / "runs" / "seed-3"), newest(tmp_path / "alone"))
    assert not equal(newest(tmp_path / "runs" / "seed-0"), newest(tmp_path / "alone"))
    assert read_reports(tmp_path / "runs" / "seed-0")[0].scores[0].value == 20.0


def test_the_same_call_again_trains_and_measures_what_is_left(ring, tmp_path, measured):
    fit_seeds(ring(), tmp_path, [0])
    runs = fit_seeds(ring(), tmp_path, [0, 1])
    assert [run.outcome.trained for run in runs] == [0, 4]
    assert measured == ["seed-0", "seed-1"]
    assert all(run.diagnosis.healthy for run in runs)


def test_a_run_that_fails_leaves_the_others(ring, tmp_path, measured):
    (tmp_path / "seed-1").write_text("in the way")
    said = []
    runs = fit_seeds(ring(), tmp_path, [0, 1, 2], say=said.append)
    assert [run.finished for run in runs] == [True, False, True]
    assert "is a file" in runs[1].problem
    assert any("seed 1 failed" in line for line in said)
    assert measured == ["seed-0", "seed-2"]


def test_a_run_whose_numbers_are_not_finite_leaves_the_others(
    ring, tmp_path, measured, monkeypatch
):
    fit = module.fit

    def failing(config, *given, **more):
        if config.training.seed == 0:
            raise TrainingError("stopped at step 2")
        return fit(config, *given, **more)

    monkeypatch.setattr(module, "fit", failing)
    runs = fit_seeds(ring(), tmp_path, [0, 1])
    assert [(run.problem, run.finished) for run in runs] == [
        ("stopped at step 2", False),
        ("", True),
    ]


def test_a_record_that_cannot_be_read_is_that_runs_own_problem(ring, tmp_path, measured):
    config = ring(**{"training.minutes": 0.01})
    fit_seeds(config, tmp_path, [0])
    (tmp_path / "seed-0" / "run.json").write_text("{")
    runs = fit_seeds(config, tmp_path, [0, 1])
    assert [run.outcome is not None for run in runs] == [False, True]
    assert "damaged" in runs[0].problem


def test_a_run_that_cannot_be_measured_says_so(ring, tmp_path, measured, monkeypatch):
    def refuse(folder, **given):
        raise DataError("too few examples")

    monkeypatch.setattr(module, "evaluate", refuse)
    (run,) = fit_seeds(ring(), tmp_path, [0])
    assert run.finished
    assert run.problem == "not measured: too few examples"


def test_minutes_become_one_number_of_steps_for_all(ring, tmp_path, measured):
    config = ring(**{"training.minutes": 0.005})
    fit_seeds(config, tmp_path, [0, 1])
    fit_seeds(config, tmp_path, [0, 1, 2])
    records = [Run(tmp_path / f"seed-{seed}").record() for seed in range(3)]
    assert len({record.plan.steps for record in records}) == 1
    assert records[0].config.training.minutes == 0.005


def test_a_sick_run_is_told(ring, tmp_path, measured, monkeypatch):
    def verdict(severity):
        return Verdict("collapse", severity, "one picture", 2, "it collapsed", "")

    for severity, sick in (("sick", True), ("warning", False)):
        found = Diagnosis(4, (verdict(severity),), ("collapse",), {})
        monkeypatch.setattr(module, "diagnose", lambda folder, found=found: found)
        (run,) = fit_seeds(ring(), tmp_path / severity, [0])
        assert run.sick is sick


def test_what_the_doctor_says_is_said_once(ring, tmp_path, measured, monkeypatch):
    early = Verdict("too early to say", "too early", "4 of about 500 steps", None, "wait", "")
    found = Diagnosis(4, (early,), ("collapse",), {})
    monkeypatch.setattr(module, "diagnose", lambda folder: found)
    said = []
    fit_seeds(ring(), tmp_path, [0], say=said.append)
    assert said[-1] == "seed 0: the doctor: too early to say: 4 of about 500 steps"
    fit_seeds(ring(), tmp_path, [0], say=said.append)  # doctor.json holds it already
    assert sum("too early" in line for line in said) == 1


def test_data_of_a_program_is_measured_too(small, tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "evaluate", partial(module.evaluate, metrics=["frechet"]))
    points = np.random.default_rng(0).normal(size=(60, 2))
    config = small("gan", "toy:ring8", **{"training.steps": 2})
    (run,) = fit_seeds(config, tmp_path / "runs", [0], dataset=points)
    assert run.problem == ""
    assert read_reports(run.folder)[0].scores[0].metric == "frechet"


def test_a_signal_ends_the_call_and_the_same_call_goes_on(ring, tmp_path, measured):
    class Stop(gankit.Callback):
        def after_step(self, trainer, moves):
            if trainer.config.training.seed == 1 and trainer.state.step == 2:
                trainer.signals.received = SIGINT

    runs = fit_seeds(ring(), tmp_path, [0, 1, 2], callbacks=[Stop()])
    assert [run.seed for run in runs] == [0, 1]
    assert (runs[1].outcome.signal, runs[1].outcome.step) == (SIGINT, 2)
    assert measured == ["seed-0"]
    runs = fit_seeds(ring(), tmp_path, [0, 1, 2])
    assert [run.outcome.trained for run in runs] == [0, 2, 4]


@pytest.mark.parametrize(
    ("seeds", "changes", "said"),
    [
        ([], {}, "one or more, all different"),
        ([1, 1], {}, "one or more, all different"),
        ([-1], {}, "training.seed must be"),
        ([0, 1], {"runtime.devices": 2}, "in one process: set runtime.devices to 1"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    ring, tmp_path, seeds, changes, said
):
    with pytest.raises(ConfigError, match=said):
        fit_seeds(ring(**changes), tmp_path / "runs", seeds)
    assert not (tmp_path / "runs").exists()


def test_a_run_itself_holds_no_runs(ring, tmp_path):
    gankit.fit(ring(), tmp_path / "run")
    with pytest.raises(ConfigError, match="is a run itself"):
        fit_seeds(ring(), tmp_path / "run", [0])
