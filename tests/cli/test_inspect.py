"""`gankit inspect`."""

from __future__ import annotations

import json
import sys

import pytest

import gankit.cli
from gankit.cli.inspect import READING
from tests.inspection.data import save


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["gankit", "inspect", *arguments])
        code = 0
        try:
            gankit.cli.main()
        except SystemExit as ended:
            code = ended.code or 0
        return code, *capsys.readouterr()

    return call


def test_it_says_what_it_found_and_where_the_page_is(run, tmp_path):
    code, out, err = run("digits", "--most", "40", "--size", "16")
    assert (code, err) == (0, "")
    assert out.startswith("data digits: 10,000 grey images 16x16\n")
    assert out.endswith("\ninspect-digits/inspect.html\n")
    assert (tmp_path / "inspect-digits/sheet.png").exists()


def test_what_was_found_is_printed_though_its_page_finds_no_place(run, tmp_path):
    (tmp_path / "taken").write_text("mine")
    code, out, err = run("digits", "--most", "40", "--out", "taken")
    assert code == 2
    assert out.startswith("data digits: ")
    assert err == "gankit: 'taken' cannot be written: File exists\n"
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_folder_of_the_longest_name_has_a_page(run, tmp_path):
    save(tmp_path / ("x" * 255) / "1.png", 1)
    code, out, err = run("x" * 255)
    assert (code, err) == (0, "")
    assert out.endswith(f"\ninspect-{'x' * 200}/inspect.html\n")


def test_json_alone_on_stdout(run):
    code, out, err = run("toy:ring8", "--most", "40", "--json", "-o", "x")
    assert code == 0
    assert json.loads(out)["kind"] == "points"
    assert err == "x/inspect.html\n"


def test_data_is_read_as_training_reads_it(run, tmp_path):
    assert {"size", "fit", "channels", "holdout"} <= READING.keys()
    for i in range(40):
        save(tmp_path / f"data/{i}.png", i)
    out = run("data", "--holdout", "0.5", "--channels", "grey", "--set", "data.memory_gb=0")[1]
    assert "20 grey images 48x40" in out
    assert "splits: train 20, test 20" in out
    assert "read from disk" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("digtis",), "Did you mean 'digits'"),
        (("digits", "--most", "0"), "most must be 1 or more, got 0 (--most)"),
        (("digits", "--size", "2"), "size"),
        (("digits", "--seed", "-1"), "seed must be 0 or more and below 2^48, got -1 (--seed)"),
        (("digits", "--set", "training.batch=3"), "training.batch does not say how data is read"),
        (("digits", "--set", "data.source=data"), "data.source does not say how data is read"),
        (("data", "--out", "data/x"), "lies inside the data"),
    ],
)
def test_a_mistake_is_one_line(run, tmp_path, arguments, said):
    save(tmp_path / "data/1.png", 1)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
