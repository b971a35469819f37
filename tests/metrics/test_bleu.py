"""BLEU by hand, and against the number that NLTK's documentation gives for its example."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit.errors import ConfigError
from gankit.metrics.bleu import bleu, self_bleu


def words(text):
    return text.split()


GUIDE = words(
    "It is a guide to action which ensures that the military always obeys the commands of the party"
)
REFERENCES = [
    words(
        "It is a guide to action that ensures that the military will forever heed Party commands"
    ),
    words(
        "It is the guiding principle which guarantees the military forces always being under the "
        "command of the Party"
    ),
    words("It is the practical guide for the army always to heed the directions of the party"),
]


def test_it_is_nltks_number_for_nltks_example():
    assert bleu([GUIDE], REFERENCES, 4)[0] == pytest.approx(0.5045666840058485, rel=1e-12)


def test_by_hand():
    # 1-grams: 3 of 4; 2-grams: 1 of 3; short by a word.
    expected = math.exp(1 - 5 / 4) * math.sqrt(3 / 4 * 1 / 3)
    assert bleu([words("a b x c")], [words("a b c d e")], 2)[0] == pytest.approx(expected)
    # No pair matches: .1 of 3 stands for none.
    expected = math.sqrt(1 / 4 * 0.1 / 3)
    assert bleu([words("a x y z")], [words("a b c d")], 2)[0] == pytest.approx(expected)
    assert bleu([words("x y"), []], [words("a b")], 2).tolist() == [0, 0]


def test_of_itself_a_sample_does_not_count():
    samples = [list(row) for row in np.random.default_rng(0).integers(0, 4, (6, 5)).tolist()]
    apart = [
        bleu([sample], samples[:i] + samples[i + 1 :], 3)[0] for i, sample in enumerate(samples)
    ]
    assert self_bleu(samples, 3) == pytest.approx(apart)


@pytest.mark.parametrize(("samples", "order"), [([[1]], 2), ([], 1)])
def test_what_cannot_be_measured_is_said(samples, order):
    with pytest.raises(ConfigError, match="BLEU"):
        self_bleu(samples, order)
