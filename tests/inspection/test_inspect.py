"""What an inspection tells of a data set."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest

import gankit
from gankit.data import ArrayDataset
from gankit.errors import ConfigError, DataError, RunError
from gankit.inspection.inspect import default_folder
from gankit.inspection.page import write_page
from tests.inspection.data import pets, save
from tests.pages.pages import Page


def names(repeat):
    return [f"{example.split}/{example.name}" for example in repeat.examples]


@pytest.fixture
def found(tmp_path):
    return gankit.inspect(pets(tmp_path / "pets"), folder=tmp_path / "out")


def test_duplicates_within_and_across_the_splits(found):
    assert [names(repeat) for repeat in found.exact] == [
        ["train/dog/2.png", "test/dog/leak.png"],
        ["train/cat/4.png", "train/dog/a cat.png"],
        ["train/cat/1.png", "train/cat/again.png"],
    ]
    assert [repeat.across for repeat in found.exact] == [True, False, False]
    assert [repeat.disagrees for repeat in found.exact] == [False, True, False]
    assert [names(repeat) for repeat in found.near] == [["train/cat/3.png", "test/cat/leak.jpg"]]
    assert found.across == (found.exact[0], found.near[0])


def test_counts_sizes_and_broken_files(found):
    assert [(part.name, part.count, part.class_counts) for part in found.parts] == [
        ("train", 14, (7, 7)),
        ("test", 14, (7, 7)),
    ]
    assert found.class_names == ("cat", "dog")
    assert dict(found.sizes) == {(48, 40): 13, (64, 80): 1}
    assert dict(found.broken) == {"cat/broken.png": "not an image"}
    assert not found.sampled
    assert found.no_test is None


def test_it_fits_on_a_screen(found):
    said = str(found).splitlines()
    assert said[0].endswith("14 colour images 48x40")
    assert len(said) < 20
    for part in (
        "2 classes, 7 of each: cat, dog",
        "splits: train 14, test 14; every example was looked at",
        "sizes of 14 training files: 48 x 40 (13), 64 x 80 (1), height first",
        "values: ",
        "exact duplicates: 3: dog/2.png (train, dog) = dog/leak.png (test, dog); ",
        "near duplicates: 1: cat/3.png (train, cat) = cat/leak.jpg (test, cat)",
        "of these in both splits, 1 of them equal: 2: ",
        "alike, but of different classes: 1: ",
        "cannot be read: 1: cat/broken.png (not an image)",
    ):
        assert any(line.startswith(part) for line in said), (part, said)


def test_all_of_it_is_json(found):
    stored = json.loads(found.to_json())
    assert [len(stored[key]) for key in ("exact", "near", "splits", "lines")] == [
        3, 1, 2, len(found.lines),
    ]  # fmt: skip
    assert stored["exact"][0]["examples"][1] == {
        "split": "test", "name": "dog/leak.png", "label": "dog",
    }  # fmt: skip


def test_the_sheet_has_a_row_for_each_class(found):
    assert [(row.name, len(row.examples)) for row in found.sheet] == [("cat", 7), ("dog", 7)]


def test_arrays_and_their_test_split():
    images = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3)).astype(np.uint8)
    found = gankit.inspect(images, test=images[:2])
    assert [names(repeat) for repeat in found.across] == [
        ["train/example 0", "test/example 0"],
        ["train/example 1", "test/example 1"],
    ]
    assert gankit.inspect(images).no_test == "none was given"


def test_a_config_says_how_to_read():
    config = gankit.override(gankit.configure("dcgan", "digits"), {"data.size": 16})
    assert gankit.inspect(config, most=20).shape == (1, 16, 16)


def test_a_sample_is_said():
    said = str(gankit.inspect("digits", most=50, seed=3))
    assert "looked at 50 of train and 50 of test, drawn with seed 3" in said


OTHERS = {
    "points": ArrayDataset("p", np.array([[0, 1], [2, 3], [0, 1]], np.float32), "f"),
    "trajectories": ArrayDataset("t", np.zeros((3, 4, 2), np.float32), "f"),
    "tokens": ArrayDataset("w", np.array([[0, 1], [1, 1], [0, 1]]), "f", symbols=("a", "<b>")),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_kinds_of_examples(kind, tmp_path):
    found = gankit.inspect(OTHERS[kind], folder=tmp_path)
    assert found.kind == kind
    assert len(found.exact) == 1
    assert "near duplicates" not in str(found)
    assert (tmp_path / "sheet.png").exists() == (kind != "tokens")


def test_a_test_split_of_other_classes(tmp_path):
    for seed, where in enumerate(("train/cat", "train/dog", "test/dog", "test/bird", "test/dog")):
        save(tmp_path / f"data/{where}/{seed}.png", seed)
    found = gankit.inspect(tmp_path / "data", folder=tmp_path / "out")
    assert [(part.class_names, part.class_counts) for part in found.parts] == [
        (("cat", "dog"), (1, 1)),
        (("bird", "dog"), (1, 2)),
    ]
    assert found.unknown == ("bird",)
    assert "classes of the test split alone: bird" in str(found)
    assert "bird 1 dog 2" in Page(tmp_path / "out/inspect.html").text


def test_files_that_were_left_out_do_not_hide_that_examples_were_drawn(tmp_path):
    for i in range(10):
        save(tmp_path / f"{i}.png", i)
        (tmp_path / f"broken {i}.png").write_bytes(b"x")
    found = gankit.inspect(tmp_path, most=5)
    assert found.sampled
    assert "looked at 5 of train, drawn" in str(found)
    assert not gankit.inspect(tmp_path, most=10).sampled


def test_nearly_equal_is_not_called_equal(tmp_path):
    image = np.random.default_rng(0).integers(0, 90, (1, 32, 32)).astype(np.uint8)
    found = gankit.inspect(image, image + 9)
    found = replace(found, near=(replace(found.near[0], likeness=1.0),))  # as rounding may have it
    assert "in both splits, 0 of them equal: 1" in str(found)
    write_page(found, tmp_path)
    text = Page(tmp_path / "inspect.html").text
    assert "equal groups 0, nearly equal pairs 1" in text
    assert "example 0 (test) 1.0000" in text


def test_a_page_inside_the_data_is_refused(tmp_path):
    folder = pets(tmp_path / "pets")
    (tmp_path / "link").symlink_to(folder)
    pattern = f"{folder}/train/*/*.png"
    inside = [(folder, folder), (folder, tmp_path / "link/new"), (pattern, folder / "train/new")]
    for source, target in inside:
        for data in (source, gankit.load_dataset(source)):
            with pytest.raises(ConfigError, match="lies inside the data") as caught:
                gankit.inspect(data, folder=target)
            assert caught.value.about == ("folder",)
    assert not list(folder.rglob("*.html"))


def test_the_usual_folder_is_never_inside_the_data(tmp_path, monkeypatch):
    folder = pets(tmp_path / "pets")
    monkeypatch.chdir(tmp_path)
    assert default_folder("pets") == default_folder("./pets/") == default_folder("pets/*/*/*.png")
    assert str(default_folder("pets")) == "inspect-pets"
    assert str(default_folder("toy:ring8")) == "inspect-toy-ring8"
    monkeypatch.chdir(folder / "train")
    for source, data in ((".", folder / "train"), ("..", folder), ("*/*.png", folder / "train")):
        assert data not in default_folder(source).resolve().parents


def test_a_picture_of_the_users_is_not_overwritten(tmp_path):
    (tmp_path / "sheet.png").write_bytes(b"mine")
    with pytest.raises(ConfigError, match="not gankit's"):
        gankit.inspect("digits", most=20, folder=tmp_path)
    assert (tmp_path / "sheet.png").read_bytes() == b"mine"


def test_what_cannot_be_written_or_read_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match=f"cannot be written: {os.strerror(17)}"):
        gankit.inspect("digits", most=20, folder=tmp_path / "file")
    with pytest.raises(DataError, match="no known data set"):
        gankit.inspect("digtis")
    with pytest.raises(ConfigError, match="most must be 1 or more"):
        gankit.inspect("digits", most=0)
    for seed in (-1, 2**70):
        with pytest.raises(ConfigError, match="seed must be 0 or more and below"):
            gankit.inspect("digits", seed=seed)
    with pytest.raises(ConfigError, match="test split of 'digits' is its own"):
        gankit.inspect("digits", "digits")


def test_a_damaged_test_split_is_said(tmp_path):
    for i in range(4):
        save(tmp_path / f"data/train/{i}.png", i)
    (tmp_path / "data/test").mkdir()
    (tmp_path / "data/test/0.png").write_bytes(b"x")
    found = gankit.inspect(tmp_path / "data")
    assert "none of the 1 images tried can be read" in found.no_test
    assert "no test split (" in str(found)
