"""The small language: what it says is grammatical, and what is not is seen."""

from __future__ import annotations

import numpy as np
import pytest

import gankit
from gankit.data.grammar import is_sentence
from gankit.game_types import Task


def test_whatever_is_in_it_is_a_sentence():
    dataset = gankit.load_dataset("sentences", split="test")
    task = Task.of(dataset)
    said = [task.text(row) for row in dataset.read(np.arange(len(dataset))).tolist()]
    assert len(said) == 500
    assert all(map(is_sentence, said))
    assert dataset.symbols == gankit.load_dataset("sentences").symbols


@pytest.mark.parametrize(
    "said",
    [
        "",
        ".",
        "the fox",
        "the fox sees.",
        "the fox sings by the sea",
        "a owl sings.",
        "an fox sings.",
        "the fox and the cat wait.",
        "the fox sings sings.",
        "the small small fox sings.",
        "the fox sees the cat by the sea.",
        "the fox sings today again.",
        "the fox  sings.",
    ],
)
def test_what_is_no_sentence(said):
    assert not is_sentence(said)


@pytest.mark.parametrize(
    "said",
    [
        "the old man sleeps under the tree at night.",
        "an old man and the happy owl wait by the sea.",
        "the fox sees a cat again.",
    ],
)
def test_what_is_one(said):
    assert is_sentence(said)
