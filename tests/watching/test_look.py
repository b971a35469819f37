"""What is shown of a run: while it trains, when it has ended, and whatever its files hold."""

from __future__ import annotations

import json
import shutil

import pytest

from gankit.owner import ask_to_stop, own
from gankit.pages.report import write_run_report
from gankit.run import Run
from gankit.watching.look import READ, Look


@pytest.fixture
def run(made, tmp_path):
    return Run(shutil.copytree(made, tmp_path / "run"))


def test_a_run_that_has_not_begun_then_begins_and_vanishes(made, tmp_path):
    look = Look(tmp_path / "run")
    waiting = {"state": "waiting", "said": "no run has begun here yet"}
    assert look.now() == waiting
    shutil.copytree(made, tmp_path / "run")
    assert look.now()["state"] == "finished"
    shutil.rmtree(tmp_path / "run")
    assert look.now() == waiting


def test_what_a_run_shows_while_it_trains_and_when_it_has_ended(run):
    run.trim_log(3)
    (run.samples / "0000006.png").unlink()
    look = Look(run.folder)
    with own(run.folder):
        now = look.now()
        assert now["state"] == "training"
        assert now["share"] == 0.5
        assert now["pictures"] == ["0000000", "0000003"]
        assert "3 of 6" in now["head"]
        assert "Time left" in now["head"]
        assert "D(real)" in now["curves"]
        assert "too early to say" in now["doctor"]
        assert "<li" in now["columns"]
        run.log({"step": 4, "seconds": 2.0, "d_real": 0.5, "d_fake": 0.5})
        assert "4 of 6" in look.now()["head"]
        ask_to_stop(run.folder)
        assert look.now()["state"] == "stopping"
    now = look.now()
    assert now["state"] == "ended"
    assert "goes on from step 4" in now["said"]
    assert "Time left" not in now["head"]


def test_a_run_without_a_line_or_a_picture(run):
    run.metrics_path.unlink()
    shutil.rmtree(run.samples)
    with own(run.folder):
        now = Look(run.folder).now()
    assert now["pictures"] == []
    assert "0 of 6" in now["head"]
    assert "2 s" in now["head"]  # 6 steps of the 0.25 s that were measured


@pytest.mark.parametrize("name", [*READ, "metrics.jsonl/", "run.json/", "doctor.json/"])
def test_a_damaged_file_ends_nothing(run, name):
    write_run_report(run.folder)
    look, path = Look(run.folder), run.folder / name.strip("/")
    for content in ("", "{", '{"step": "x"}\n', '{"step": 1e999}\n[]\n', "\xff"):
        assert look.now()["said"]
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_bytes(content.encode("latin-1"))
        now = look.now()
        json.dumps(now)
        assert now["state"] in ("unreadable", "finished", "ended")
        assert now["said"]


def test_text_from_files_is_no_markup(run):
    look = Look(run.folder)
    run.log({"step": 7, "seconds": 4.0, "<script>alert(1)</script>": 1.0})
    now = look.now()
    assert now["state"] != "unreadable"
    assert "<script>" not in json.dumps(now)
