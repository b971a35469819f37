"""One pass over a split."""

from __future__ import annotations

import numpy as np

from gankit.data import ArrayDataset, load_dataset
from gankit.inspection.scan import scan
from tests.inspection.data import save


def test_values_and_numbers_of_images():
    images = np.zeros((3, 1, 8, 8), np.uint8)
    images[1], images[2] = 200, 100
    found = scan(ArrayDataset("x", images, "f"), "train")
    numbers = found.numbers
    assert (numbers.low, numbers.high, numbers.mean) == ((0.0,), (200.0,), (100.0,))
    assert [numbers.counts[value] for value in (0, 100, 200, 1)] == [64, 64, 64, 0]
    assert [example.name for example in found.examples] == ["example 0", "example 1", "example 2"]


def test_values_of_points_trajectories_and_tokens():
    points = np.array([[0, -1], [2, 5]], np.float32)
    found = scan(ArrayDataset("x", points, "f"), "train").numbers
    assert (found.low, found.high, found.mean) == ((0, -1), (2, 5), (1, 2))
    found = scan(ArrayDataset("x", np.stack([points, points]), "f"), "train").numbers
    assert (found.low, found.high, found.mean) == ((0, -1), (2, 5), (1, 2))
    tokens = np.array([[0, 1, 1], [1, 1, 1]])
    found = scan(ArrayDataset("x", tokens, "f", symbols=("a", "b", "c")), "train").numbers
    assert (found.names, found.counts) == (("a", "b", "c"), (1, 5, 0))


def test_some_of_many_are_drawn_by_the_seed():
    data = ArrayDataset("x", np.arange(90, dtype=np.float32)[:, None], "f")
    a, b, c = (scan(data, "train", 9, seed) for seed in (0, 0, 1))
    assert a.examples == b.examples != c.examples
    assert len(set(a.digests)) == len(a.examples) == 9
    assert a.count == 90


def test_what_stands_in_for_a_broken_file_is_not_looked_at(tmp_path):
    for i in range(4):
        save(tmp_path / f"{i}.png", i)
    whole = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(whole[: len(whole) // 2])
    found = scan(load_dataset(tmp_path, memory_gb=0), "train")
    assert [example.name for example in found.examples] == ["0.png", "1.png", "3.png"]
    assert len(set(found.digests)) == 3
    assert list(found.broken) == ["2.png"]


def test_the_sizes_are_those_of_the_files(tmp_path):
    for i in range(5):
        save(tmp_path / f"{i}.png", i, (20, 30) if i else (50, 20))
    found = scan(load_dataset(tmp_path, size=16), "train")
    assert dict(found.sizes) == {(20, 30): 4, (50, 20): 1}
