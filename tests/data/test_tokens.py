"""Lines and their tokens."""

from __future__ import annotations

import pytest

from gankit.data.tokens import END, put_together, take_apart


@pytest.mark.parametrize("tokens", ["words", "characters", "bytes"])
@pytest.mark.parametrize(
    "line", ["Don't go, Tom!", "a well-known man (old)", "naïve café — “yes”…", "42 men; 3 owls."]
)
def test_what_is_taken_apart_can_be_put_together(tokens, line):
    assert put_together([*take_apart(line, tokens), END, END, "x"], tokens) == line


def test_bytes_that_are_no_text_are_shown_as_such():
    assert put_together(["\xc3", "a", "\x1b"], "bytes") == "\ufffda\ufffd"


def test_symbols_that_were_no_text_stand_apart():
    assert put_together(["12", "3"], None) == "12 3"
