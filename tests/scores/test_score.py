"""Scores that can be cited: kept, read back, compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gankit.scores.score import (
    Protocol,
    Report,
    Score,
    find_reports,
    nearest_path,
    read_reports,
    report_path,
    write_report,
)
from tests.pages.pages import PROTOCOL

REPORT = Report(
    run="runs/a",
    family="cgan",
    step=3000,
    protocol=PROTOCOL,
    scores=(
        Score("frechet", "FD(digits)", 12.5, "lower", (12.0, 13.0), 0.4),
        Score("coverage", "coverage(digits)", 0.84, "higher"),
    ),
    seconds=4.2,
)
TEXT = REPORT.to_json().encode()


def test_a_report_is_read_back_as_it_was_written(tmp_path):
    path = write_report(tmp_path, REPORT)
    assert path == report_path(tmp_path, REPORT) == tmp_path / "scores" / "0003000-digits.json"
    write_report(tmp_path, replace(REPORT, step=1000))
    assert [r.step for r in read_reports(tmp_path)] == [1000, 3000]
    assert read_reports(tmp_path)[1] == REPORT


def test_a_network_that_is_a_file_makes_a_name_that_is_no_path(tmp_path):
    report = replace(REPORT, protocol=replace(PROTOCOL, network="../nets/mine.onnx"))
    assert report_path(tmp_path, report).parent == tmp_path / "scores"
    assert read_reports(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{}", b"[]", b"3", b'{"format": 1}', b'{"format": 99}', b"\xff\xfe", b"[" * 99_999),
        TEXT[:200],
        TEXT.replace(b"3000", b"[]"),
        TEXT.replace(b"3000", b"-1"),
        TEXT.replace(b"3000", b"9" * 400),
        TEXT.replace(b"3000", b"9" * 5000),
        TEXT.replace(b"12.5", b"1" + b"0" * 400),
        TEXT.replace(b"12.5", b"null"),
        TEXT.replace(b"12.5", b"true"),
        TEXT.replace(b"12.5", b'"12.5"'),
        TEXT.replace(b'"lower"', b'"sideways"'),
        TEXT.replace(b'"cgan"', b"{}"),
        TEXT.replace(b'"scores"', b'"stores"'),
        TEXT.replace(b'"protocol": {', b'"protocol": 3, "p": {'),
        TEXT.replace(b'"settings": {', b'"settings": [], "s": {'),
    ],
)
def test_a_damaged_report_is_named_and_hides_no_other_one(content, tmp_path):
    write_report(tmp_path, REPORT)
    (tmp_path / "scores" / "0000001-digits.json").write_bytes(content)
    found, unread = find_reports(tmp_path)
    assert found == read_reports(tmp_path) == [REPORT]
    (line,) = unread
    assert "0000001-digits" in line
    assert "\n" not in line
    assert len(line) < 400


def test_a_folder_in_place_of_a_report_is_named(tmp_path):
    (tmp_path / "scores" / "0000001-digits.json").mkdir(parents=True)
    assert ["it is a folder" in line for line in find_reports(tmp_path)[1]] == [True]


def test_reports_are_in_the_order_of_their_steps_whatever_their_files_are_called(tmp_path):
    late = write_report(tmp_path, REPORT)
    late.rename(late.with_name("0.json"))
    write_report(tmp_path, replace(REPORT, step=20))
    assert [report.step for report in read_reports(tmp_path)] == [20, 3000]


def test_a_score_that_is_no_number_is_read_back(tmp_path):
    broken = replace(REPORT, scores=(replace(REPORT.scores[0], value=float("inf")),))
    write_report(tmp_path, broken)
    assert read_reports(tmp_path) == [broken]


def test_protocols_that_differ_say_in_what():
    assert PROTOCOL.differences(PROTOCOL) == []
    assert PROTOCOL.differences(replace(PROTOCOL, n_fake=500, split="train")) == [
        "split: test and train",
        "n_fake: 2000 and 500",
    ]


def test_a_report_reads_as_text():
    protocol = Protocol("digits", "0", "none", "mnist", "1", "test", 2000, 1500, 3, {"draws": 5})
    scores = (
        Score("frechet", "FD(digits)", 12.345, "lower", (12.0, 13.0), 5.5),
        Score("coverage", "coverage", 0.5, "higher"),
    )
    report = Report("r", "gan", 1200, protocol, scores, 2.0)
    assert str(report).splitlines() == [
        "FD(digits) 12.35 (12 to 13 by draws; real examples 5.5; lower is better)",
        "coverage 0.5 (higher is better)",
        report.in_words(),
        "r at step 1,200: 5 x 1,500 samples, seed 3; 2,000 real ones of mnist (test); network "
        "digits, resize none; 2 s",
    ]


def test_an_interval_says_what_it_holds_and_reports_of_before_held_draws(tmp_path):
    share = Score("precision", "precision", 0.5, "higher", (0.4, 0.6), holds="samples")
    report = replace(REPORT, scores=(REPORT.scores[0], share))
    assert "95 % of other draws" in report.intervals_hold()
    assert "the share of all such samples" in report.intervals_hold()
    assert "training seed" in report.intervals_hold()
    assert replace(REPORT, scores=REPORT.scores[1:]).intervals_hold() == ""
    stored = report.to_json()
    assert Report.from_json(stored, "it") == report
    before = stored.replace('"holds": "draws"', '"of": 0').replace('"note": ""', '"of": 0')
    assert Report.from_json(before, "it").scores[0].holds == "draws"


def test_notes_are_said_once():
    noted = tuple(replace(score, note="of 9 of 10") for score in REPORT.scores)
    assert replace(REPORT, scores=noted).notes() == ["FD(digits), coverage(digits): of 9 of 10"]
    assert REPORT.notes() == []


def test_the_picture_of_nearest_examples_is_kept_beside_the_report(tmp_path):
    picture = np.zeros((20, 30), np.uint8)
    report = replace(REPORT, nearest=picture)
    write_report(tmp_path, report)
    assert read_reports(tmp_path) == [REPORT]  # it is no part of the JSON
    with Image.open(nearest_path(tmp_path, report)) as kept:
        assert kept.size == (30, 20)
