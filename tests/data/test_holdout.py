"""What is held out where there is no test split."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gankit.choose_recipe import configure
from gankit.data import decided, load_configured, load_dataset, load_of_shape
from gankit.data.holdout import FEWEST, held_out, rest
from gankit.errors import DataError


def numbered(folder, count, classes=("",)):
    """Pictures that show their number."""
    for number in range(count):
        place = folder / classes[number % len(classes)]
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", (16, 16), number).save(place / f"{number:03}.png")


def shown(dataset):
    return dataset.read(np.arange(len(dataset)))[:, 0, 0, 0].tolist()


def archive(path, count):
    images = np.arange(count, dtype=np.uint8)[:, None, None].repeat(16, 1).repeat(16, 2)
    np.savez(path, images=images, labels=np.arange(count) % 3)


@pytest.fixture(params=["folder", "classes", "pattern", "arrays"])
def source(request, tmp_path):
    if request.param == "arrays":
        archive(tmp_path / "set.npz", 210)
        return str(tmp_path / "set.npz")
    numbered(tmp_path / "set", 210, ("a", "b", "c") if request.param == "classes" else ("",))
    return str(tmp_path / "set") + ("/*.png" if request.param == "pattern" else "")


def test_both_parts_are_the_whole(source):
    whole = load_dataset(source)
    train, test = (load_dataset(source, split=s, holdout=0.1) for s in ("train", "test"))
    assert sorted(shown(train) + shown(test)) == sorted(shown(whole)) == list(range(210))
    assert (len(train), len(test), train.held_out, whole.held_out) == (189, 21, 21, 0)
    assert len({whole.fingerprint, train.fingerprint, test.fingerprint}) == 3
    assert (
        "held out for scores: 21 of 210 examples (data.holdout = 0 holds out none)" in train.notes
    )
    if whole.labels is not None:
        assert test.class_counts == (7, 7, 7)
        assert test.class_names == train.class_names == whole.class_names
        number = dict(zip(shown(whole), whole.labels, strict=True))
        assert [number[n] for n in shown(test)] == test.labels.tolist()
    assert shown(load_dataset(source, split="test", holdout=0.1)) == shown(test)


def test_a_folder_on_disk_never_reads_what_is_held_out(tmp_path):
    numbered(tmp_path, 210)
    memory, disk = (load_dataset(tmp_path, holdout=0.1, memory_gb=gb) for gb in (2, 0))
    assert shown(memory) == shown(disk)
    assert memory.fingerprint == disk.fingerprint


def test_few_examples_are_all_trained_on(tmp_path):
    numbered(tmp_path, 60)
    assert len(load_dataset(tmp_path, holdout=0.1)) == 60
    with pytest.raises(
        DataError, match="has no test split, and 10% of its 60 examples are too few"
    ):
        load_dataset(tmp_path, split="test", holdout=0.1)
    assert len(load_dataset(tmp_path, split="test", holdout=0.4)) == 24
    for share in (-0.1, 0.6, float("nan")):
        with pytest.raises(DataError, match=r"holdout .* is out of range: give 0 to 0.5"):
            load_dataset(tmp_path, holdout=share)


def test_a_test_split_of_its_own_is_used(tmp_path):
    numbered(tmp_path / "train", 210)
    numbered(tmp_path / "val", 9)
    assert len(load_dataset(tmp_path, holdout=0.1)) == 210
    assert len(load_dataset(tmp_path, split="test", holdout=0.1)) == 9
    assert len(load_dataset("digits", holdout=0.1)) == 10_000
    assert len(load_dataset("digits", holdout=0.1, split="test")) == 2_000


def test_no_class_is_held_out_whole():
    for share in (0.1, 0.5):
        labels = np.r_[np.zeros(300, int), np.arange(1, 40), np.repeat(np.arange(40, 60), 2)]
        held = held_out(len(labels), labels, share)
        kept = rest(len(labels), held)
        assert set(labels[kept]) == set(range(60))
        assert len(held) == round(share * 340) >= FEWEST
        assert np.array_equal(np.sort(np.r_[held, kept]), np.arange(len(labels)))


def test_what_is_left_open_is_decided_as_a_run_begins(tmp_path):
    numbered(tmp_path / "many", 210)
    numbered(tmp_path / "few", 60)
    for source, share in ((tmp_path / "many", 0.1), (tmp_path / "few", None), ("digits", None)):
        data = configure("dcgan", str(source)).data
        assert data.holdout is None
        assert decided(data, load_configured(data)).holdout == share


def test_other_images_at_a_runs_shape_are_all_read(tmp_path):
    numbered(tmp_path, 210)
    assert len(load_of_shape(str(tmp_path), (1, 16, 16))) == 210


def test_fewer_examples_to_train_on_are_the_same_every_time(source):
    test = shown(load_dataset(source, split="test", holdout=0.2))
    many, few = (load_dataset(source, holdout=0.2, train_size=size) for size in (60, 20))
    assert len(few) == 20
    assert set(shown(few)) < set(shown(many))
    assert not set(shown(many)) & set(test)
    assert few.fingerprint != many.fingerprint
    assert shown(load_dataset(source, holdout=0.2, train_size=20)) == shown(few)
    assert len(load_dataset(source, split="test", holdout=0.2, train_size=20)) == len(test)
    if few.labels is not None:
        assert few.labels.tolist() == [value % 3 for value in shown(few)]
    every = load_dataset(source, holdout=0.2, train_size=999)
    assert shown(every) == shown(load_dataset(source, holdout=0.2))
    assert any("data.train_size is 999, and there are 168" in note for note in every.notes)


def test_a_share_that_was_asked_for_and_holds_nothing_out_is_told(tmp_path):
    for number in range(30):
        Image.new("L", (16, 16), number).save(tmp_path / f"{number}.png")
    np.savez(tmp_path / "x.npz", images=np.zeros((30, 16, 16), np.uint8))
    for source in (tmp_path, tmp_path / "x.npz"):
        said = [note for note in load_dataset(source, holdout=0.5).notes if "held out" in note]
        assert said == ["nothing is held out for scores: 50% of 30 examples are fewer than 20"]
        for usual in (0, 0.1):
            assert not any("held out" in note for note in load_dataset(source, holdout=usual).notes)
        with pytest.raises(DataError, match="or add more examples"):
            load_dataset(source, split="test", holdout=0.5)
