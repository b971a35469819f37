"""`gankit export` as it is typed: where it writes, what it says, which options it names."""

from __future__ import annotations

import sys

import pytest

import gankit.cli
from gankit.trained.artifact import save_artifact
from tests.exporting.made import untrained


@pytest.fixture
def command(small, monkeypatch, capsys, tmp_path):
    """command("-o", "x.gif") -> exit code, stdout, stderr of `gankit export runs/mine -o x.gif`."""
    game = untrained(small("cgan")).game
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    path = tmp_path / "runs" / "mine" / "model.safetensors"
    save_artifact(path, game, {"generator": game.generator}, 0)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gankit", "export", "runs/mine", *arguments])
        code = 0
        try:
            gankit.cli.main()
        except SystemExit as ended:
            code = ended.code or 0
        return code, *capsys.readouterr()

    return run


def test_it_is_named_after_the_run(command, tmp_path):
    code, out, err = command("--to", "torch")
    assert (code, err) == (0, "")
    assert out.startswith("mine: ")
    assert "differs from gankit's samples by at most" in out
    assert (tmp_path / "mine" / "generator.py").is_file()
    code, out, _ = command("-o", "film.gif", "--label", "b")
    assert (code, out.partition(":")[0]) == (0, "film.gif")


@pytest.mark.parametrize(
    ("typed", "option"),
    [
        (("-o", "x.pdf"), "--to"),
        (("--to", "torch", "--half"), "--half"),
        (("--to", "gif", "--uint8"), "--uint8"),
        (("-o", "x.gif", "--label", "z"), "--label"),
        (("-o", "runs", "--to", "gif"), "--out"),
    ],
)
def test_a_refusal_names_the_option(command, tmp_path, typed, option):
    code, out, err = command(*typed)
    assert (code, out) == (2, "")
    assert option in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
