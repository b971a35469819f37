"""`--evaluate-every`: scores beside a run that trains, which they neither disturb nor end."""

from __future__ import annotations

import json

import pytest

from gankit.errors import ConfigError
from gankit.fitting import fit, opened
from gankit.run import Run
from gankit.scores import while_training
from gankit.scores.score import read_reports
from gankit.scores.while_training import Evaluations


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANKIT_CACHE", str(tmp_path / "cache"))


def lines(folder):
    return [json.loads(line) for line in (folder / "evaluation.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["background", "between"])
def test_the_weights_are_the_same_with_and_without(
    small, newest, equal, tmp_path, where, monkeypatch
):
    monkeypatch.setattr(while_training, "SAMPLES", 100)
    # A family with dropout: it draws from torch's own generator.
    config = small("ssgan", "digits", **{"data.labels_per_class": 10, "training.steps": 4})
    fit(config, tmp_path / "without")
    config = small(
        "ssgan", "digits",
        **{
            "data.labels_per_class": 10, "training.steps": 4,
            "output.evaluate_every": 2, "output.evaluate_in": where,
        },
    )  # fmt: skip
    fit(config, tmp_path / "with")
    assert equal(newest(tmp_path / "without"), newest(tmp_path / "with"))
    reports = read_reports(tmp_path / "with")
    assert reports[-1].step == 4  # the end is always measured
    assert {report.step for report in reports} <= {2, 4}
    done = [line for line in lines(tmp_path / "with") if line["outcome"] == "done"]
    assert {line["step"] for line in done} == {report.step for report in reports}
    assert all(line["seconds"] >= line["held_up"] > 0 for line in done)
    assert not (tmp_path / "with" / ".evaluated.safetensors").exists()


@pytest.mark.slow
def test_a_failing_evaluation_ends_nothing(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(while_training, "SAMPLES", 5)  # refused: at least 20
    for where in ("background", "between"):
        config = small(
            "gan", "toy:ring8", **{"output.evaluate_every": 3, "output.evaluate_in": where}
        )
        assert fit(config, tmp_path / where).finished
        assert "no scores: n must be at least 20" in capsys.readouterr().err
        assert {line["outcome"][:6] for line in lines(tmp_path / where)} == {"failed"}
        assert not read_reports(tmp_path / where)


def test_one_at_a_time_and_none_left_behind(small, tmp_path, monkeypatch):
    """A process that never ends: the next is left out, and closing ends it."""
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 600\n")
    sleeper.chmod(0o755)
    config = small("gan", "toy:ring8", **{"output.evaluate_every": 1})
    said: list[str] = []
    with opened(config, tmp_path / "run") as session:
        monkeypatch.setattr(while_training.sys, "executable", str(sleeper))
        evaluations = Evaluations(Run(tmp_path / "run"), config.output, said.append)
        evaluations.begin(session.state)
        process = evaluations._running.process
        evaluations.begin(session.state)
        evaluations.collect()
        assert process.poll() is None
        evaluations.close()
    assert process.poll() is not None
    assert said == [
        "step 0: its scores were not waited for",
        "1 evaluations left out: each was due while another ran",
    ]
    assert [line["outcome"][:8] for line in lines(tmp_path / "run")] == ["left out"]
    assert not (tmp_path / "run" / ".evaluated.safetensors").exists()


def test_an_unknown_network_is_refused_before_the_run(small, tmp_path):
    config = small(
        "gan", "toy:ring8",
        **{"output.evaluate_every": 1, "output.evaluate_features": "pixel"},
    )  # fmt: skip
    with pytest.raises(ConfigError, match="Did you mean 'pixels'"):
        fit(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
