"""The run directory: begun, read back, locked, and what it refuses."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gankit.storage
from gankit.choose_recipe import configure
from gankit.data import ArrayDataset
from gankit.errors import ConfigError, RunError
from gankit.fitting import fit
from gankit.run import Briefing, Plan, Record, Run, checkpoints, describe
from gankit.settings.config import override

CONFIG = configure("gan", "toy:ring8")


def dataset(fingerprint="f", count=6):
    return ArrayDataset("points", np.zeros((count, 2), np.float32), fingerprint)


@pytest.fixture
def run(tmp_path):
    """A run that has begun."""
    run = Run(tmp_path / "deep" / "run")
    run.begin(Record(CONFIG, describe(dataset()), Plan(50, 1, 0.25)))
    return run


def test_nothing_is_made_by_looking(tmp_path):
    assert Run(tmp_path / "r").record() is None
    assert list(tmp_path.iterdir()) == []


def test_what_was_begun_is_read_back(run):
    record = run.record()
    assert record.config == CONFIG
    assert record.plan == Plan(50, 1, 0.25)
    assert record.task.shape == (2,)
    assert record.data["count"] == 6


def test_what_was_said_of_the_data_is_kept_and_compared_with_nothing(tmp_path):
    run, briefing = Run(tmp_path), Briefing(("6 points", "a\u202eb\udcff"), (2, 4))
    record = Record(CONFIG, describe(dataset()), Plan(50, 1), briefing=briefing)
    run.begin(record)
    assert run.record().briefing == briefing
    before = run.record_path.read_bytes()
    run.begin(replace(record, briefing=Briefing(("other words",))))
    assert run.record_path.read_bytes() == before


def test_a_record_without_it_is_read(run):
    assert "briefing" not in json.loads(run.record_path.read_text())
    assert run.record().briefing is None


def test_the_same_run_goes_on(run):
    longer = override(CONFIG, {"training.steps": 10_000, "output.keep": 7})
    run.check_resumable(run.record(), longer, describe(dataset()))


def test_each_difference_has_a_line(run):
    other = override(CONFIG, {"training.seed": 3, "objective.loss": "hinge"})
    with pytest.raises(RunError) as caught:
        run.check_resumable(run.record(), other, describe(dataset("g", 7)))
    first, *lines = str(caught.value).splitlines()
    assert "choose another folder" in first
    assert [line.strip() for line in lines] == [
        f"objective.loss: {CONFIG.objective.loss!r} in the run, 'hinge' asked",
        "training.seed: 0 in the run, 3 asked",
        "the data itself: 6 examples in the run, 7 other ones now",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{not json", "damaged"),
        ("[]", "damaged"),
        ('{"format": 1}', "damaged"),
        ('{"format": 2}', "format version 2; this gankit reads version 1"),
        ("{}", "format version None"),
    ],
)
def test_a_damaged_or_newer_record_is_refused(run, content, said):
    run.record_path.write_text(content)
    with pytest.raises(RunError, match=said):
        run.record()


def test_a_record_with_unknown_settings_is_refused(run):
    stored = json.loads(run.record_path.read_text())
    stored["config"]["objective"]["los"] = 1
    run.record_path.write_text(json.dumps(stored))
    with pytest.raises(ConfigError, match=r"objective\.los"):  # said as it is, not as damage
        run.record()


def test_a_folder_or_file_of_someone_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "photos").mkdir()
    with pytest.raises(RunError, match="holds no run, but photos and 1 more"):
        Run(tmp_path).record()
    with pytest.raises(RunError, match="is a file"):
        Run(tmp_path / "notes.txt").record()


@pytest.mark.parametrize("name", ["log.txt", "slurm-17.out", "job.err", ".DS_Store", "train.log"])
def test_what_a_batch_system_or_a_desktop_leaves_is_no_hindrance(tmp_path, name):
    (tmp_path / name).write_text("theirs")
    assert Run(tmp_path).record() is None


def test_the_log_forgets_what_will_be_done_again(run):
    for step in (1, 2, 3):
        run.log({"step": step, "d/adversarial": 0.5})
    with run.metrics_path.open("a") as file:
        file.write('{"step": 2, "d/adv')  # torn by a kill
    run.trim_log(2)
    assert run.metrics() == [{"step": s, "d/adversarial": 0.5} for s in (1, 2)]


def test_a_log_that_is_not_there(run):
    run.trim_log(5)
    assert run.metrics() == []
    assert not run.metrics_path.exists()


def test_pictures_and_film(run):
    run.write_timeline()  # of no pictures: none
    assert not run.timeline_path.exists()
    for step in (0, 20):
        path = run.write_picture(step, np.full((8, 8), step, np.uint8))
    assert path.name == "0000020.png"
    assert path.read_bytes() == run.grid_path.read_bytes()
    run.write_timeline()
    assert run.timeline_path.read_bytes()[:3] == b"GIF"


def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(run, monkeypatch):
    run.write_picture(0, np.zeros((8, 8), np.uint8))
    monkeypatch.setattr(Path, "iterdir", refuse(run.samples, run.checkpoints))
    with pytest.raises(RunError, match=f"samples' cannot be read: {os.strerror(errno.EACCES)}"):
        run.pictures()
    with pytest.raises(RunError, match="checkpoints' cannot be read"):
        checkpoints(run)
    with pytest.raises(RunError, match="samples' cannot be read"):
        run.steps_taken()
    (left_out,) = run.write_timeline()
    assert os.strerror(errno.EACCES) in left_out


def refuse(*folders):
    """Return an `iterdir` that may not list these folders."""
    real = Path.iterdir

    def listed(path):
        if path in folders:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path)

    return listed


HOLD = """
import sys, pathlib
from gankit.run import Run
with Run(pathlib.Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_one_process_at_a_time_and_a_killed_one_lets_go(run):
    command = [sys.executable, "-c", HOLD, str(run.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(RunError, match="another process is training"), run.lock():
                pass
        finally:
            other.kill()
    with run.lock():
        assert run.folder.exists()


def test_a_refused_process_leaves_the_record_alone(small, run):
    """The lock comes before run.json is written: the run in progress keeps its own plan."""
    config = small("gan", "toy:ring8", **{"training.steps": 2})
    folder = run.folder.parent / "fresh"
    fit(config, folder)
    before = (folder / "run.json").read_bytes()
    with Run(folder).lock(), pytest.raises(RunError, match="another process"):
        fit(override(config, {"training.steps": 9}), folder)
    assert (folder / "run.json").read_bytes() == before


def test_a_lock_alone_is_no_ones_folder(tmp_path):
    """A process that was killed between the lock and the record leaves a usable folder."""
    with Run(tmp_path / "r").lock():
        pass
    assert [p.name for p in (tmp_path / "r").iterdir()] == [".lock"]
    assert Run(tmp_path / "r").record() is None


@pytest.mark.parametrize(
    "write",
    [
        lambda run: run.begin(Record(CONFIG, {}, Plan(1, 1))),
        lambda run: run.write_picture(1, np.zeros((4, 4), np.uint8)),
        lambda run: run.trim_log(0),
    ],
    ids=["record", "picture", "log"],
)
def test_a_full_disk_is_one_line_and_harms_nothing(run, monkeypatch, write):
    run.log({"step": 1})
    before = {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()}

    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(gankit.storage.os, "fsync", full)
    with pytest.raises(RunError, match="No space left on device") as caught:
        write(run)
    assert "\n" not in str(caught.value)
    assert {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()} == before


def test_events_stay_when_the_log_is_trimmed_and_a_torn_one_is_skipped(tmp_path):
    run = Run(tmp_path)
    assert run.events() == []
    run.log({"step": 3})
    run.note_event("not finite", 3, what="the term d/adversarial")
    run.trim_log(2)
    with run.events_path.open("a") as file:
        file.write('{"event": "no')
    assert run.metrics() == []
    assert run.events() == [{"event": "not finite", "step": 3, "what": "the term d/adversarial"}]


def test_a_folder_in_the_place_of_a_picture_is_kept(run):
    (run.samples / "0000020.png").mkdir()
    (run.samples / "0000020.png/mine").write_text("x")
    run.real_path.mkdir()
    run.write_real(np.zeros((8, 8), np.uint8))
    assert run.real_path.is_file()
    path = run.write_picture(20, np.zeros((8, 8), np.uint8))
    assert path.is_file()
    assert (run.samples / "unreadable-1-0000020.png/mine").read_text() == "x"


@pytest.mark.parametrize(
    "change",
    [
        {"data": {}},
        {"data": []},
        {"plan": None},
        {"plan": {"steps": 0, "threads": 1}},
        {"plan": {"steps": 5, "threads": float("inf")}},
        {"config": []},
        {"config": {"family": ["gan"]}},
    ],
)
def test_a_record_of_strange_values_is_one_line(run, change):
    stored = json.loads(run.record_path.read_text())
    run.record_path.write_text(json.dumps(stored | change))
    with pytest.raises((RunError, ConfigError)) as caught:
        run.record()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b"", b"nul"])
def test_a_record_that_is_no_json_is_one_line(run, content):
    run.record_path.write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json' is damaged"):
        run.record()


def test_a_folder_in_the_place_of_the_record_is_one_line(run):
    run.record_path.unlink()
    run.record_path.mkdir()
    with pytest.raises(RunError, match=r"run\.json' is damaged \(it is a folder\)"):
        run.record()
