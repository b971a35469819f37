"""Held-out examples: two parts, neither trained on, and a distance that knows real examples."""

from __future__ import annotations

import numpy as np
import pytest

import gankit
from gankit.data.dataset import Subset
from gankit.errors import ConfigError, DataError
from gankit.racing import judge as module
from gankit.racing.judge import Judge, read_parts
from tests.pages.pages import make_run


def rows(dataset):
    return {row.tobytes() for row in dataset.read(np.arange(len(dataset)))}


@pytest.fixture
def points():
    return gankit.Dataset.of(np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32))


def test_no_example_is_in_two_parts(small, points):
    config, parts = read_parts(small("gan", "toy:ring8", **{"data.holdout": 0.3}), points)
    assert [len(part) for part in (parts.train, parts.seen, parts.unseen)] == [140, 30, 30]
    assert len(rows(parts.train) | rows(parts.seen) | rows(parts.unseen)) == 200
    assert config.data.holdout == 0.3


def test_a_folder_holds_out_its_share_and_says_so(small, image_folder):
    config = small("dcgan", str(image_folder), **{"data.holdout": 0.5, "data.size": 16})
    with pytest.raises(DataError, match="no test split"):
        read_parts(config, None)


def test_the_test_split_of_a_named_set_is_held_out(small):
    config, parts = read_parts(small("cgan"), None)
    assert (len(parts.train), len(parts.seen), len(parts.unseen)) == (10_000, 1000, 1000)
    assert parts.seen.class_names == parts.train.class_names
    assert config.data.source == "digits"


def test_too_few_held_out_examples_are_refused(small, points):
    with pytest.raises(DataError, match="20 examples of 'arrays' are held out, a race needs 40"):
        read_parts(small("gan", "toy:ring8", **{"data.holdout": 0.1}), points)


def test_what_has_no_measure_is_refused(small, points):
    words = Subset(points)
    words.shape, words.symbols = (2,), ("a", "b")
    with pytest.raises(ConfigError, match="no measures of tokens"):
        read_parts(small("gan", "toy:ring8", **{"data.holdout": 0.3}), words)


def test_real_examples_are_nearer_than_an_untrained_network(small, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAMPLES", 100)
    monkeypatch.setattr(module, "MOST", 200)
    config, parts = read_parts(small("cgan"), None)
    run = make_run(tmp_path / "run", config)
    said = []
    judge = Judge(parts, None, "cpu", said.append)
    assert (judge.name, said) == ("digits", [])
    distance = judge.distance(run.folder)
    assert distance == judge.distance(run.folder)
    assert abs(judge.floor) < 0.1 * distance
    final = judge.final_distance(run.folder)
    assert final.low <= final.value <= final.high
    assert final.value == pytest.approx(distance, rel=0.3)


def test_photographs_are_measured_in_pixels_and_that_is_said(small, monkeypatch):
    monkeypatch.setattr(module, "MOST", 200)
    _, parts = read_parts(small("dcgan", "stacked_digits"), None)
    parts.train.name = parts.seen.name = "photos"
    said = []
    assert Judge(parts, None, "cpu", said.append).name == "pixels"
    assert "raw pixels" in said[0]
