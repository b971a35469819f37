"""`gankit probe` on the command line."""

from __future__ import annotations

import csv
import json

import pytest

from .conftest import TINY

FEW = ("--labels-per-class", "5", "--draws", "2", "--test-limit", "100", "--centroids", "10")


@pytest.mark.slow
def test_a_table_a_file_and_json(gankit, tmp_path):
    pytest.importorskip("sklearn")
    code, _, err = gankit("train", "cgan", "digits", "--steps", "2", *TINY, "--out", "r")
    assert code == 0, err
    code, out, err = gankit("probe", "r", "digits", *FEW, "-o", "t/table.csv")
    assert code == 0, err
    assert "cgan after 2 steps: 2 convolutions" in out
    assert "discriminator: svm from 5 labels a class" in err
    with (tmp_path / "t/table.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 6
    assert lines[0]["features"] == "discriminator"
    assert f"{float(lines[0]['accuracy']):.2%}" in out
    assert (lines[0]["data"], lines[0]["step"], lines[0]["n_test"]) == ("digits", "2", "100")

    code, out, err = gankit("probe", "r", "digits", *FEW, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [round(row["accuracy"], 4) for row in found["rows"]] == [
        float(line["accuracy"]) for line in lines
    ]
    both = ("--no-baselines", "--classifier", "both", "--json")
    rows = json.loads(gankit("probe", "r", "digits", *FEW, *both)[1])["rows"]
    assert [row["classifier"] for row in rows] == ["svm", "logistic"]


def test_refused_in_one_line(refused):
    assert "holds no run" in refused("probe", "nowhere", "digits")
    assert "joined by commas, got 'x' (--labels-per-class)" in refused(
        "probe", "nowhere", "digits", "--labels-per-class", "x"
    )
    assert "draws must be at least 1, got 0 (--draws)" in refused(
        "probe", "nowhere", "digits", "--draws", "0"
    )
