"""Scores that can be cited: kept, read back, compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gankit.errors import RunError
from gankit.evaluation.scores import (
    Report,
    Score,
    read_reports,
    report_path,
    write_report,
)

from .pages import PROTOCOL

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


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1}', '{"format": 99}'])
def test_a_damaged_report_is_refused_by_its_name(text, tmp_path):
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "0000001-digits.json").write_text(text)
    with pytest.raises(RunError, match="0000001-digits"):
        read_reports(tmp_path)


def test_protocols_that_differ_say_in_what():
    assert PROTOCOL.differences(PROTOCOL) == []
    assert PROTOCOL.differences(replace(PROTOCOL, n_fake=500, split="train")) == [
        "split: test and train",
        "n_fake: 2000 and 500",
    ]
