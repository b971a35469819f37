"""Scores in words: beside real examples where those are known, and never more than is known."""

from __future__ import annotations

import pytest

from gankit.scores.score import Score
from gankit.scores.words import in_words


def said(metric, value, floor=None, interval=None, better="higher"):
    return in_words([Score(metric, metric, value, better, interval, floor)])


def test_a_distance_is_a_multiple_of_that_of_real_examples():
    assert "26.9 times as far" in said("frechet", 313.9, 11.65, (310.0, 317.0), "lower")
    assert "no further" in said("frechet", 12.0, 11.65, (11.0, 13.0), "lower")
    assert "no further" in said("frechet", 11.0, 11.65, None, "lower")
    assert "not known" in said("frechet", 12.0, None, None, "lower")
    below = said("kernel", 3.0, -0.1, None, "lower")  # an unbiased distance may be below 0
    assert "-0.1 for real examples" in below
    assert "times" not in below


@pytest.mark.parametrize(
    ("metric", "floor", "expected"),
    [
        ("coverage", 0.968, "34 % of the real examples have a sample near (97 % of other real"),
        ("coverage", None, "about 97 % if samples were real"),
        ("precision", None, "not known for real ones"),
        ("too_near", None, "about 5 % if none is copied"),
        ("accuracy", 0.997, "34 % of the samples are read as the class asked for (99.7 % of"),
    ],
)
def test_a_share_stands_beside_that_of_real_examples(metric, floor, expected):
    assert expected in said(metric, 0.336, floor)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 % of"),
        (1e-7, "under 0.01 % of"),
        (0.00048, "0.05 % of"),
        (0.5, "50 % of"),
        (0.9996, "99.96 % of"),
        (0.9999999, "over 99.99 % of"),
        (1, "100 % of"),
    ],
)
def test_only_none_and_all_are_called_so(share, text):
    assert text in said("precision", share)


def test_what_has_no_phrase_is_said_by_its_number():
    assert "IS is 6 (9.8 for real" in in_words([Score("x", "IS", 6.0, "higher", None, 9.8)])


def test_one_distance_is_enough():
    both = [Score(name, name, 2.0, "lower", None, 1.0) for name in ("frechet", "kernel")]
    assert in_words(both).count("times") == 1
