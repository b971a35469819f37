"""What a start says of its data."""

from __future__ import annotations

import numpy as np
import pytest

import gankit
from gankit.data import ArrayDataset
from gankit.game_types import Task
from gankit.training.briefing import MOST_LINES, brief, describe_examples, everything, tell_few
from gankit.training.state import build_game


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (Task((1, 28, 30)), "grey images 28x30"),
        (Task((3, 64, 64)), "colour images 64x64"),
        (Task((4, 8, 8)), "4-channel images 8x8"),
        (Task((2,)), "points of 2 numbers"),
        (Task((9,), symbols=("a", "b")), "texts of 9 tokens, of 2 symbols"),
        (Task((9, 3)), "trajectories of 9 moments, 3 numbers each"),
    ],
)
def test_examples_in_words(task, said):
    assert describe_examples(task) == said


def pictures(notes=()):
    labels = np.array([0, 0, 0, 1])
    images = np.zeros((4, 1, 16, 16), np.uint8)
    return ArrayDataset("pets", images, "pets", labels, ("cat", "dog"), tuple(notes))


def test_what_was_read_and_what_is_ignored(small):
    data = pictures(["3 files were left out"])
    game = build_game(small("dcgan"), data)
    assert brief(data, game) == [
        "data pets: 4 grey images 16x16",
        "2 classes: cat (3), dog (1)",
        "family 'dcgan' makes no use of the classes: train 'cgan' to ask for them",
        "4 images: too few to learn from, expect copies of them; give 30 or more",
        "3 files were left out",
    ]
    assert len(brief(data, build_game(small("cgan"), data))) == 4


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("Cat", "cat", "dog"), "'Cat', 'cat'"),
        (("caf\u00e9", "cafe\u0301"), "'cafe\u0301', 'caf\u00e9'"),
        (("red  car", "Red car ", "a car"), "'Red car ', 'red  car'"),
        (("cat", "cats", "10", "010"), None),
        (("A", "a", "B", "b"), None),  # letters, as in EMNIST
    ],
)
def test_classes_of_nearly_the_same_name_are_told(names, said):
    labels = np.arange(len(names)).repeat(2)
    data = gankit.Dataset.of(np.zeros((len(labels), 16, 16), np.uint8), np.array(names)[labels])
    told = [line for line in everything(data) if "nearly the same name" in line]
    wanted = f"classes of nearly the same name: {said}; if they are one, give it one name"
    assert len(data.class_names) == len(names)
    assert set(told) <= {wanted}
    assert bool(told) == (said is not None)


def test_more_than_a_few_lines_are_counted(small):
    data = pictures([f"note {i}" for i in range(9)])
    game = build_game(small("cgan"), data)
    told = brief(data, game)
    assert len(told) == MOST_LINES
    assert told[-1] == "and 8 more lines about the data"
    assert len(everything(data, game)) == 12


def test_a_start_says_it(small, tmp_path, capfd):
    config = small("gan", **{"training.steps": 1, "training.batch": 4})
    gankit.fit(config, tmp_path / "run", dataset=pictures())
    assert "data pets: 4 grey images 16x16" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "1 image: too few to learn from"),
        (29, "29 images: too few to learn from"),
        (30, "30 images: few, G may copy them"),
        (199, "199 images: few, G may copy them"),
        (200, None),
    ],
)
def test_few_images_are_told_what_to_expect(count, said):
    told = tell_few(gankit.Dataset.of(np.zeros((count, 16, 16), np.uint8)))
    assert told is said is None or told.startswith(said)


def test_points_are_never_few():
    assert tell_few(gankit.Dataset.of(np.zeros((5, 2)))) is None
