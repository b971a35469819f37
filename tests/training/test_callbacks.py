"""Callbacks are told everything, in order, and change nothing."""

from __future__ import annotations

import pytest
import torch

import gankit
from gankit.fitting import usual_callbacks
from gankit.run import Run
from gankit.settings.config import override
from gankit.training.callbacks import Callback
from gankit.training.display import Display

from ..conftest import families_of


class Told(Callback):
    """Remembers what it was told, and draws random numbers all along."""

    def __init__(self):
        self.events = []

    def note(self, event, step):
        torch.rand(3)
        self.events.append((event, step))

    def on_start(self, trainer):
        self.note("start", trainer.state.step)

    def before_step(self, trainer):
        self.note("before", trainer.state.step)

    def after_step(self, trainer, moves):
        assert max(moves.gradients.values()) > 0
        self.note("after", trainer.state.step)

    def numbers(self, trainer):
        self.note("numbers", trainer.state.step)
        return {"mine": 2.0 * trainer.state.step}

    def on_checkpoint(self, trainer):
        self.note("checkpoint", trainer.state.step)

    def on_end(self, trainer):
        self.note("end", trainer.state.step)

    def close(self):
        self.note("close", None)


@pytest.mark.parametrize("family", families_of("images"))
def test_a_run_ends_in_the_same_bits_with_callbacks_and_without(
    small, tmp_path, newest, equal, family, monkeypatch
):
    """With none at all: no log, no pictures, no doctor, no page."""
    config = small(family, **{"output.checkpoint_every": 3, "output.sample_every": 3})
    gankit.fit(config, tmp_path / "with", callbacks=[Told()])
    monkeypatch.setattr("gankit.fitting.usual_callbacks", lambda *_, **__: [])
    gankit.fit(config, tmp_path / "without")
    assert not (tmp_path / "without/metrics.jsonl").exists()
    assert equal(newest(tmp_path / "with"), newest(tmp_path / "without"))


def test_it_is_told_everything_in_order(small, tmp_path):
    told = Told()
    config = small("gan", "toy:ring8", **{"training.steps": 2, "output.checkpoint_every": 0})
    gankit.fit(config, tmp_path / "r", callbacks=[told])
    assert told.events == [
        ("start", 0),
        ("checkpoint", 0),
        ("before", 0),
        ("numbers", 1),
        ("after", 1),
        ("before", 1),
        ("numbers", 2),
        ("after", 2),
        ("checkpoint", 2),
        ("end", 2),
        ("close", None),
    ]
    assert [line["mine"] for line in Run(tmp_path / "r").metrics()] == [2.0, 4.0]


def test_one_that_fails_ends_the_run_and_loses_nothing(small, tmp_path):
    class Fails(Callback):
        closed = False

        def after_step(self, trainer, moves):
            if trainer.state.step == 4:
                raise ZeroDivisionError("mine")

        def close(self):
            Fails.closed = True

    config = small("gan", "toy:ring8", **{"output.checkpoint_every": 0})
    with pytest.raises(ZeroDivisionError, match="mine"):
        gankit.fit(config, tmp_path / "r", callbacks=[Fails()])
    assert Fails.closed
    newest = max((tmp_path / "r/checkpoints").glob("step-*"))
    assert newest.name == "step-00000004.safetensors"
    assert gankit.fit(config, tmp_path / "r").trained == 2


def test_the_page_is_the_last_of_the_usual_ones(small, tmp_path):
    dataset = gankit.load_dataset("toy:ring8")
    game = gankit.build_game(small("gan", "toy:ring8"), dataset)
    with Display(quiet=True) as display:
        names = [
            type(c).__name__ for c in usual_callbacks(game, dataset, Run(tmp_path / "r"), display)
        ]
    assert names == ["Log", "Unreadable", "Pictures", "Evaluations", "Watch", "ReportPage"]


def test_the_doctor_looks_five_times_in_a_short_run_and_at_its_end(small, tmp_path, monkeypatch):
    looks = []
    monkeypatch.setattr(
        "gankit.doctor.while_training.Watch.news",
        lambda _self, _record, run: looks.append(run.metrics()[-1]["step"]) or [],
    )
    config = small("gan", "toy:ring8", **{"training.steps": 23, "output.log_every": 50})
    gankit.fit(override(config, {"output.doctor": 10}), tmp_path / "r")
    assert looks == [5, 10, 15, 20, 23]


def test_where_the_doctor_is_not_wanted_it_is_not_there(small, tmp_path):
    dataset = gankit.load_dataset("toy:ring8")
    game = gankit.build_game(small("gan", "toy:ring8", **{"output.doctor": 0}), dataset)
    with Display(quiet=True) as display:
        usual = usual_callbacks(game, dataset, Run(tmp_path / "r"), display)
    assert "Watch" not in [type(c).__name__ for c in usual]
