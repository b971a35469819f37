"""Files that anybody may have changed: what is wrong is said in a few words, whatever it is."""

from __future__ import annotations

import math
import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gankit.doctor.diagnosis import Diagnosis
from gankit.scores.score import Report
from gankit.stored import (
    StoredError,
    build,
    check_data,
    logged_numbers,
    parse_json,
    read_json,
    read_lines,
    read_text,
)

DATA = {"name": "d", "fingerprint": "f", "count": 9, "shape": [1, 8, 8], "class_names": ["a"]}
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
ANYTHING = st.recursive(
    LEAVES | st.sampled_from([10**400, 10**39, "sick", "lower"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "not UTF-8 text .byte 0"),
        (b"{", "not JSON"),
        (b"[]", r"holds \[\] in place of an object"),
        (b"[" * 99_999, "nested too deeply"),
        (b'{"a": 1' + b"0" * 9999 + b"}", "a whole number of too many digits"),
    ],
)
def test_what_is_no_object_is_said(tmp_path, content, said):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(StoredError, match=said) as caught:
        read_json(tmp_path / "x.json")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_what_is_no_plain_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, said in ((".", "a folder"), ("pipe", "no plain file"), ("none", "No such file")):
        for read in (read_text, read_json):
            with pytest.raises(StoredError, match=said):
                read(tmp_path / name)
    with pytest.raises(StoredError, match="no plain file"):
        list(read_lines(tmp_path / "pipe"))
    assert list(read_lines(tmp_path / "none")) == []
    (tmp_path / "long").write_bytes(b"x" * 100)
    with pytest.raises(StoredError, match="longer than 99 bytes"):
        read_text(tmp_path / "long", 99)


def test_numbers_of_a_line():
    line = {"step": 3, "a": 0.5, "b": math.nan, "c": 10**400, "d": "x", "e": [1], "f": True}
    assert logged_numbers(line) == {"step": 3, "a": 0.5, "b": None, "c": None}


KEYS = (
    "step",
    "verdicts",
    "looked_for",
    "unseen",
    "run",
    "family",
    "protocol",
    "scores",
    "seconds",
)
OBJECTS = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, ANYTHING))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(given=ANYTHING | OBJECTS)
def test_whatever_json_holds_is_the_object_or_a_stored_error(given):
    for kind in (Report, Diagnosis):
        with suppress(StoredError):
            assert isinstance(build(kind, given), kind)
    with suppress(StoredError):
        check_data(given)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shape": [1, 2, 3, 4]}, "shape must be a list of one to three sizes"),
        ({"symbols": "abc"}, "symbols must be a list of texts"),
        ({"symbols": ["a"]}, "tokens have one size"),
        ({"shape": "abc"}, "shape must be"),
        ({"shape": [1, 8, 0]}, "shape must be"),
        ({"shape": [1, 8, 8.0]}, "shape must be"),
        ({"shape": [10**9]}, "shape must be"),
        ({"class_names": "abc"}, "class_names must be a list of texts"),
        ({"class_names": [1]}, "class_names must be"),
        ({"condition": -1}, "condition must be a count"),
        ({"condition": 10**9}, "condition must be"),
        ({"condition": None}, "condition must be"),
        ({"fingerprint": 3}, "fingerprint must be a text"),
        ({"count": math.inf}, "count must be a whole number"),
        ({"count": None}, "count must be"),
    ],
)
def test_what_is_said_of_the_data_is_checked(changes, said):
    check_data(DATA)
    check_data({**DATA, "shape": [2], "condition": 4, "more": 1})
    with pytest.raises(StoredError, match=said):
        check_data({**DATA, **changes})


def test_data_that_is_no_object():
    for stored in ({}, [], None, "abc", 3):
        with pytest.raises(StoredError):
            check_data(stored)


def test_json_that_is_nested_without_end():
    with pytest.raises(StoredError, match="nested too deeply"):
        parse_json('{"a":' * 99_999)
