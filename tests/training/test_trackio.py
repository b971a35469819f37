"""What trackio is given of a run: told by a stand-in that knows its documented calls."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from gankit.errors import MissingExtraError
from gankit.fitting import fit
from gankit.settings.config import override


class Record:
    def __init__(self, about):
        self.about, self.lines, self.finished = about, [], 0

    def log(self, metrics: dict, step: int | None = None) -> None:
        assert not self.finished
        self.lines.append((step, metrics))

    def finish(self) -> None:
        self.finished += 1


@pytest.fixture
def trackio(monkeypatch):
    """A module with those calls of trackio 0.43 that a run makes, and its records."""
    module = ModuleType("trackio")
    module.records, module.current = [], None

    def init(project, name=None, *, config, resume, embed, auto_log_gpu, auto_log_cpu):
        record = Record({"project": project, "name": name, "config": config, "resume": resume})
        module.records.append(record)
        module.current = record
        return record

    def finish():
        module.current.finish()
        module.current = None

    def image(value):
        assert isinstance(value, np.ndarray)
        return value

    module.init, module.Image, module.finish = init, image, finish
    monkeypatch.setitem(sys.modules, "trackio", module)
    yield module
    if module.current is not None:  # as trackio does when the process ends
        module.current.finish()
    assert all(record.finished <= 1 for record in module.records)


def test_numbers_pictures_and_settings(small, tmp_path, trackio):
    config = small("gan", **{"training.steps": 2, "output.trackio": True, "output.log_every": 1})
    fit(config, tmp_path / "ring", quiet=True)
    (record,) = trackio.records
    assert record.about["project"] == "gankit"
    assert record.about["name"] == "ring"
    assert record.about["resume"] == "never"
    assert record.about["config"]["training.steps"] == 2
    assert [step for step, line in record.lines if "d/adversarial" in line] == [1, 2]
    assert any(line["samples"].dtype == np.uint8 for _, line in record.lines if "samples" in line)
    assert record.finished == 1
    fit(override(config, {"training.steps": 3}), tmp_path / "ring", quiet=True)
    assert trackio.records[1].about["resume"] == "allow"
    assert [step for step, line in trackio.records[1].lines if "d/adversarial" in line] == [3]


def test_no_bit_of_the_run_changes(small, tmp_path, trackio, newest, equal):
    config = small("gan", **{"training.steps": 2, "output.sample_every": 1})
    fit(override(config, {"output.trackio": True}), tmp_path / "with", quiet=True)
    fit(config, tmp_path / "without", quiet=True)
    assert len(trackio.records) == 1
    assert equal(newest(tmp_path / "with"), newest(tmp_path / "without"))


def test_a_record_that_fails_ends_and_the_run_goes_on(small, tmp_path, trackio, monkeypatch):
    def full(_self, _metrics, step=None):
        raise OSError("no space left")

    monkeypatch.setattr(Record, "log", full)
    config = small("gan", **{"training.steps": 2, "output.trackio": True, "output.log_every": 1})
    with pytest.warns(UserWarning, match="record ends here: no space left") as said:
        run = fit(config, tmp_path / "ring", quiet=True)
    assert len(said) == 1
    assert (tmp_path / "ring" / "model.safetensors").is_file(), run


def test_without_trackio_one_line_says_what_to_install(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gankit\[trackio\]'"):
        fit(small("gan", **{"output.trackio": True}), tmp_path / "ring", quiet=True)
    assert not (tmp_path / "ring" / "run.json").exists()
