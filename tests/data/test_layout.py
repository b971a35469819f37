"""What sub-folders are taken for: splits, classes, two sides of the same pictures."""

from __future__ import annotations

import pytest
from PIL import Image

from gankit.data import load_dataset
from gankit.data.layout import by_nature, split_of
from gankit.errors import DataError


def save(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (16, 16), value).save(path)


def first_pixels(dataset):
    return dataset.read(range(len(dataset)))[:, 0, 0, 0].tolist()


def notes(dataset):
    return "\n".join(dataset.notes)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "val"), ("train", "test"), ("Train", "Valid"), ("TRAINING", "validation"),
        ("training_set", "test_set"), ("train", "dev"), ("train", "eval"), ("train", "holdout"),
        ("train-images", "hold-out"), ("train2017", "val2017"), ("seg_train", "seg_test"),
        ("trainset", "testset"), ("images_train", "images_val"), ("training", "testing"),
        ("mnist_train", "mnist_test"), ("train_64x64", "valid_64x64"), ("01_train", "02_test"),
        ("stage1_train", "stage1_test"), ("trainval", "test"), ("trn", "tst"),
        ("bounding_box_train", "bounding_box_test"), ("DIV2K_train_HR", "DIV2K_valid_HR"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("above", ["", "pets"])
def test_folders_of_splits_are_no_classes(tmp_path, train, test, above):
    for value, name in enumerate([f"{train}/cat", f"{train}/dog", f"{test}/cat", f"{test}/dog"]):
        save(tmp_path / above / name / "1.png", value)
    dataset = load_dataset(tmp_path)
    assert (dataset.class_names, first_pixels(dataset)) == (("cat", "dog"), [0, 1])
    tested = load_dataset(tmp_path, split="test")
    assert (tested.class_names, first_pixels(tested)) == (("cat", "dog"), [2, 3])
    assert train in notes(dataset)


@pytest.mark.parametrize("only", ["train", "Training", "val", "test"])
def test_a_split_alone_is_a_split(tmp_path, only):
    save(tmp_path / only / "cat" / "1.png", 1)
    save(tmp_path / only / "dog" / "1.png", 2)
    (tmp_path / "annotations").mkdir()
    dataset = load_dataset(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert f"'{only}'" in notes(dataset)


def test_of_several_test_splits_the_test_is_taken_and_the_others_are_named(tmp_path):
    for value, name in enumerate(["train", "val", "test", "unlabelled"]):
        save(tmp_path / name / "1.png", value)
    assert first_pixels(load_dataset(tmp_path)) == [0]
    assert first_pixels(load_dataset(tmp_path, split="test")) == [2]
    assert "not used: val" in notes(load_dataset(tmp_path))
    assert "beside the splits: unlabelled (1)" in notes(load_dataset(tmp_path))


def test_a_class_may_be_called_as_a_split_is(tmp_path):
    for name in ("train", "bus", "car"):
        save(tmp_path / name / "1.png")
    assert load_dataset(tmp_path).class_names == ("bus", "car", "train")


def test_two_domains_are_refused_with_what_to_give(tmp_path):
    for name in ("trainA", "trainB", "testA", "testB"):
        save(tmp_path / name / "1.png")
    with pytest.raises(DataError, match=r"two domains and no classes.*such as 'testA'"):
        load_dataset(tmp_path)
    assert len(load_dataset(tmp_path / "trainA")) == 1


@pytest.mark.parametrize(
    "pair",
    [
        ("images", "masks"),
        ("JPEGImages", "SegmentationClass"),
        ("img", "labels"),
        ("images", "annotations"),
        ("rgb", "depth"),
    ],
)
def test_masks_are_no_class(tmp_path, pair):
    for value, name in enumerate(pair):
        save(tmp_path / name / "1.png", value)
        save(tmp_path / name / "2.png", value)
    dataset = load_dataset(tmp_path)
    assert dataset.labels is None
    assert first_pixels(dataset) == [0, 0]
    assert f"no classes: {pair[1]}" in notes(dataset)


def test_masks_within_splits(tmp_path):
    for split in ("train", "val"):
        for name in ("images", "masks"):
            save(tmp_path / split / name / "1.png")
    assert load_dataset(tmp_path).labels is None
    assert len(load_dataset(tmp_path, split="test")) == 1


def test_classes_of_the_same_file_names_are_asked_about(tmp_path):
    for name in ("clean", "noisy"):
        save(tmp_path / name / "house.png")
        save(tmp_path / name / "tree.png")
    assert "clean, noisy hold files of the same names" in notes(load_dataset(tmp_path))
    for name in ("cat/img1", "cat/img2", "dog/img1", "dog/img2"):
        save(tmp_path / "numbered" / f"{name}.png")
    assert "same names" not in notes(load_dataset(tmp_path / "numbered"))


def test_classes_are_in_natural_order(tmp_path):
    for number in range(12):
        save(tmp_path / str(number) / "1.png", number)
    dataset = load_dataset(tmp_path)
    assert dataset.class_names == tuple(map(str, range(12)))
    assert dataset.labels.tolist() == first_pixels(dataset)


def test_natural_order_of_names_of_any_kind():
    names = ["10", "9", "a10b", "a9b", "B", "a", "010", "x2-1", "x2", "", "٣", "9" * 5000]
    ordered = by_nature(names)
    assert by_nature(reversed(names)) == ordered
    assert ordered.index("9") < ordered.index("10") < ordered.index("9" * 5000)
    assert ordered.index("a9b") < ordered.index("a10b")


@pytest.mark.parametrize(
    "name", ["trains", "trainer", "tests", "latest", "value", "1", "", "device"]
)
def test_names_that_only_begin_as_a_split_does(name):
    assert split_of(name) is None


@pytest.mark.parametrize("above", ["PetImages", "data/PetImages"])
def test_classes_in_a_single_folder_are_found(tmp_path, above):
    for value, name in enumerate(("Cat", "Dog")):
        save(tmp_path / above / name / "1.png", value)
    dataset = load_dataset(tmp_path)
    assert (dataset.class_names, first_pixels(dataset)) == (("Cat", "Dog"), [0, 1])
    assert f"the classes are the sub-folders of '{above}'" in notes(dataset)
    assert load_dataset(tmp_path, tables=False).labels is None


def test_classes_in_a_single_folder_of_each_split(tmp_path):
    for value, name in enumerate(("train/train/a", "train/train/b", "test/test/a", "test/test/b")):
        save(tmp_path / name / "1.png", value)
    assert load_dataset(tmp_path).class_names == ("a", "b")
    tested = load_dataset(tmp_path, split="test")
    assert (tested.labels.tolist(), first_pixels(tested)) == ([0, 1], [2, 3])


@pytest.mark.parametrize("inner", ["", "inner/"])
def test_a_test_split_may_lack_a_class_and_have_others(tmp_path, inner):
    for value, name in enumerate(("train/a", "train/b", f"test/{inner}b")):
        save(tmp_path / name / "1.png", value)
    tested = load_dataset(tmp_path, split="test")
    assert (tested.class_names, tested.labels.tolist()) == (("a", "b"), [1])
    save(tmp_path / f"test/{inner}c" / "1.png")
    assert "does not know: c" in notes(load_dataset(tmp_path, split="test"))


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("Training", "Validation")])
def test_splits_within_each_class(tmp_path, train, test):
    names = (f"cat/{train}", f"dog/{train}", f"cat/{test}", f"dog/{test}", "cat/more")
    for value, name in enumerate(names):
        save(tmp_path / name / "1.png", value)
    dataset, tested = load_dataset(tmp_path), load_dataset(tmp_path, split="test")
    assert (dataset.class_names, first_pixels(dataset)) == (("cat", "dog"), [0, 1])
    assert (tested.class_names, first_pixels(tested)) == (("cat", "dog"), [2, 3])
    assert "2 of 5 pictures are read" in notes(dataset)


@pytest.mark.parametrize("first", ["cat", "dog"])
def test_splits_within_each_class_but_some_have_no_test_split(tmp_path, first):
    second = "dog" if first == "cat" else "cat"
    for value, name in enumerate((f"{first}/train", f"{first}/test", f"{second}/train")):
        save(tmp_path / name / "1.png", value)
    dataset, tested = load_dataset(tmp_path), load_dataset(tmp_path, split="test")
    assert (dataset.class_names, sorted(first_pixels(dataset))) == (("cat", "dog"), [0, 2])
    assert (tested.class_names, first_pixels(tested)) == (("cat", "dog"), [1])
    assert tested.class_counts == ((1, 0) if first == "cat" else (0, 1))
    assert "'train', which is trained on, and 'test', which is for scores" in notes(dataset)


@pytest.mark.parametrize("masks", [("labels/train", "labels/val"), ("masks",), ("gt/all", "depth")])
@pytest.mark.parametrize("above", ["", "road/"])
def test_splits_of_pictures_beside_their_masks(tmp_path, masks, above):
    for value, name in enumerate(("images/train2017", "images/val2017", *masks)):
        save(tmp_path / above / name / "1.png", value)
    dataset = load_dataset(tmp_path)
    assert (first_pixels(dataset), dataset.class_names) == ([0], ())
    assert first_pixels(load_dataset(tmp_path, split="test")) == [1]
    folder = masks[0].partition("/")[0]
    assert f"left out, beside the splits: {above}{folder} (" in notes(dataset)


@pytest.mark.parametrize(
    "names",
    [
        ("fold1", "fold2", "fold3"),
        ("Fold_1", "Fold_2"),
        ("train1", "train2"),
        ("cat_train", "cat_test", "dog_train", "dog_test"),
        ("cat_train", "cat_test", "dog_train"),
    ],
)
def test_parts_of_one_set_are_no_classes(tmp_path, names):
    for name in names:
        save(tmp_path / name / "1.png")
    with pytest.raises(DataError, match=r"parts of one set and no classes: put them into"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("names", [("test tube", "train station"), ("fold", "part1"), ("a1", "a2")])
def test_classes_that_are_called_nearly_so(tmp_path, names):
    for name in names:
        save(tmp_path / name / "1.png")
    assert load_dataset(tmp_path).class_names == names


def test_classes_beside_masks_for_each(tmp_path):
    for value, name in enumerate(("images/a", "images/b", "masks/a", "masks/b")):
        save(tmp_path / name / "1.png", value)
    dataset = load_dataset(tmp_path)
    assert (dataset.class_names, first_pixels(dataset)) == (("a", "b"), [0, 1])
    assert "without pictures" not in notes(dataset)


def test_loose_pictures_in_the_way_of_classes_are_named_with_the_mend(tmp_path):
    for number in range(4):
        save(tmp_path / "mixed" / f"{number}.png")
        save(tmp_path / "mixed" / "ab"[number % 2] / f"{number}.png")
    assert "4 pictures lie beside them: move what is loose" in notes(
        load_dataset(tmp_path / "mixed")
    )


def test_a_class_folder_without_pictures_is_named(tmp_path):
    for name in ("a", "c"):
        save(tmp_path / name / "1.png")
    (tmp_path / "b").mkdir()
    dataset = load_dataset(tmp_path)
    assert dataset.class_names == ("a", "c")
    assert "without pictures, which are no classes: b" in notes(dataset)


SYSTEM = ["@eaDir/x.jpg/SYNOPHOTO_THUMB_M.jpg", ".thumbnails/1.png", "#recycle/1.png",
          "$RECYCLE.BIN/1.png", ".Trash-1000/files/1.png", "lost+found/1.png", "__MACOSX/1.png",
          "._1.png", ".ipynb_checkpoints/1-checkpoint.png", ".git/1.png", ".dvc/1.png",
          ".picasaoriginals/1.png", "Thumbs/1.png", "@Recycle/1.png"]  # fmt: skip


@pytest.mark.parametrize("where", ["", "cat/", "cat/deep/"])
@pytest.mark.parametrize("wild", ["", "/**/*.*"])
def test_what_file_systems_put_there_is_passed_over_and_said(tmp_path, where, wild):
    for name in ("cat/1.png", "dog/1.png", "cat/deep/1.png"):
        save(tmp_path / name, 1)
    before = load_dataset(f"{tmp_path}{wild}")
    for name in SYSTEM:
        save(tmp_path / where / name, 99)
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
        (tmp_path / where / name).write_bytes(b"x")
    after = load_dataset(f"{tmp_path}{wild}")
    assert after.class_names == ("cat", "dog")
    assert first_pixels(after) == [1, 1, 1]
    assert after.fingerprint == before.fingerprint
    assert "17 names that are hidden or a system's" in notes(after)
