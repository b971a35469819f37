"""What people read and type: nothing hides, runs on, or splits a command."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from gankit.errors import ConfigError
from gankit.text import LONG_REASON, as_file_name, from_home, in_shell, reason, shown, visible


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain, ünïcode, עברית, 日本", None),
        ("two\nlines\tand a tab", None),
        ("a\u202eb", "a\\u202eb"),
        ("\u2066\u2069\u061c\u200e\u200f", "\\u2066\\u2069\\u061c\\u200e\\u200f"),
        ("\x00\x1b[2J\r\x9b", "\\x00\\x1b[2J\\x0d\\x9b"),
        ("odd\udc80name", "odd\\udc80name"),
    ],
)
def test_what_hides_is_shown(text, said):
    assert visible(text) == (text if said is None else said)
    visible(text).encode()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("plain, ünïcode: 日本", None),
        ("../a\\b", ".._a_b"),
        ("two\nlines\0\udce9\ud800", "two_lines___"),
        ("x" * 300, "x" * 200),
        ("日" * 100, "日" * 66),
    ],
)
def test_any_text_is_a_part_of_a_files_name(text, name):
    assert as_file_name(text) == (text if name is None else name)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("abc", "'abc'"),
        (12, "12"),
        (-(10**39), "a number of about 40 digits"),
        ("x" * 10**6, "'" + "x" * 59 + "..."),
        (b"x" * 10**6, "b'" + "x" * 58 + "..."),
    ],
)
def test_a_value_in_few_characters(value, said):
    assert shown(value) == said


def test_numbers_that_python_does_not_print():
    assert shown(10**9999) == "a number of about 10,000 digits"
    assert shown([10**9999]) == "a list too large to show"


@pytest.mark.parametrize("path", ["a b", "it's", "$(x)", "a\nb", "-n", "--out", "plain/run"])
def test_a_path_is_one_word_and_no_option(path):
    (word,) = shlex.split(in_shell(path))
    assert word.removeprefix("./") == path
    assert not word.startswith("-")


def test_another_librarys_error_is_one_short_line():
    assert reason(ValueError("a\nb \x1b c")) == "a b \\x1b c"
    assert reason(ValueError("\x1b[96mstep 3/3\x1b[0m of \x1b[1;31mall")) == "step 3/3 of all"
    assert reason(KeyError()) == "KeyError"
    long = reason(ValueError("x" * 10**6))
    assert len(long) == LONG_REASON + 3


def test_the_home_folder_and_nobodys(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert from_home("~/runs") == tmp_path / "runs"
    assert from_home(Path("runs/~x")) == Path("runs/~x")
    assert from_home("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")


@pytest.mark.parametrize("given", ["", None, 3, 2.5, True, b"runs", ["runs"], "a\0b"])
def test_what_is_no_path(given):
    """An empty text would be the current folder."""
    with pytest.raises(ConfigError, match=r"^a path is (empty: give that|a text or a pathlib)"):
        from_home(given)
