"""The log of a run: a line every so many steps, and every so many seconds."""

from __future__ import annotations

import pytest

from gankit.fitting import fit
from gankit.run import Run
from gankit.settings.config import override
from gankit.training.clock import Clock


@pytest.fixture
def rarely(small):
    """A run of 12 steps that logs by its steps only a few of them."""
    return small("gan", "toy:ring8", **{"training.steps": 12, "output.log_every": 50})


def logged(folder):
    return [line["step"] for line in Run(folder).metrics()]


def test_slow_steps_are_all_logged_and_no_bit_changes(rarely, tmp_path, monkeypatch, newest, equal):
    monkeypatch.setattr(Clock, "line_is_old", lambda _: False)
    fit(rarely, tmp_path / "by-steps")
    assert logged(tmp_path / "by-steps") == [3, 6, 9, 12]  # whenever the doctor looks
    monkeypatch.setattr(Clock, "line_is_old", lambda _: True)
    fit(rarely, tmp_path / "by-time")
    assert logged(tmp_path / "by-time") == list(range(1, 13))
    assert equal(newest(tmp_path / "by-steps"), newest(tmp_path / "by-time"))


def test_a_run_that_goes_on_keeps_its_lines(small, rarely, tmp_path, monkeypatch):
    monkeypatch.setattr(Clock, "line_is_old", lambda _: True)
    fit(small("gan", "toy:ring8", **{"training.steps": 7, "output.log_every": 50}), tmp_path / "r")
    fit(rarely, tmp_path / "r")
    assert logged(tmp_path / "r") == list(range(1, 13))


def test_histograms_are_written_for_tensorboard_and_no_bit_changes(small, tmp_path, newest, equal):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = small("dcgan", **{"training.steps": 2, "output.tensorboard": True})
    fit(config, tmp_path / "with", quiet=True)
    fit(override(config, {"output.tensorboard": False}), tmp_path / "without", quiet=True)
    events = EventAccumulator(str(tmp_path / "with/tensorboard"), {"histograms": 0})
    events.Reload()
    for name, count in (("z", 8 * config.latent.size), ("D(x)", 8), ("D(G(z))", 8)):
        seen = events.Histograms(name)
        assert [event.step for event in seen] == [1, 2]
        assert seen[-1].histogram_value.num == count
    assert 0 < seen[-1].histogram_value.min <= seen[-1].histogram_value.max < 1
    assert equal(newest(tmp_path / "with"), newest(tmp_path / "without"))
