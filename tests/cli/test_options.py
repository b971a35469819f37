"""What holds of every option of its kind, whichever the command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import pytest

from gankit.cli import main
from gankit.cli.app import app


def commands():
    """Every command, by its words."""
    for name in app:
        if name.startswith("-"):
            continue
        inner = [(name, word) for word in app[name] if not word.startswith("-")]
        yield from inner or [(name,)]


def path_options():
    """Every option that is a path, with the words that come before it."""
    for words in commands():
        command = app
        for word in words:
            command = command[word]
        found = command.assemble_argument_collection(parse_docstring=False)
        for argument in found:
            if Path in (argument.hint, *get_args(argument.hint)) and argument.names[0][0] == "-":
                yield (*words, argument.names[0])


def refusal(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["gankit", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    return capsys.readouterr().err


def test_there_are_paths_to_try():
    assert {("train", "--out"), ("sample", "--save-latents"), ("compare", "--out")} <= {
        *path_options()
    }
    assert ("latent", "sweep", "--out") in {*path_options()}


@pytest.mark.parametrize("words", [*path_options()], ids=" ".join)
def test_no_path_is_empty(words, monkeypatch, capsys, tmp_path):
    """An empty one would be the current folder, in which a run would then lie."""
    monkeypatch.chdir(tmp_path)
    *command, name = words
    said = refusal(monkeypatch, capsys, *command, "a", "b", name, "")
    assert said == f"gankit: {name} is an empty path: give one, or leave it out\n"
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("words", [("sample", ""), ("doctor", ""), ("compare", "a", "")])
def test_no_run_is_an_empty_path(words, monkeypatch, capsys):
    assert "is an empty path: give one" in refusal(monkeypatch, capsys, *words)
