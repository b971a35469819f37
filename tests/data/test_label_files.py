"""Labels in a file beside the pictures, or above them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from gankit.data import load_dataset
from gankit.errors import DataError


def save(folder, *names):
    for value, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (16, 16), value).save(path)


def classes(dataset):
    """What class each picture is of, by the value of its pixels."""
    first = dataset.read(np.arange(len(dataset)))[:, 0, 0, 0].tolist()
    return {v: dataset.class_names[n] for v, n in zip(first, dataset.labels, strict=True)}


def notes(dataset):
    return "\n".join(dataset.notes)


def test_stylegans_file_decides_over_sub_folders(tmp_path):
    save(tmp_path, "00000/img0.png", "00000/img1.png", "00001/img2.png")
    labels = [["00000/img0.png", 10], ["00000/img1.png", 9], ["00001/img2.png", 10]]
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    dataset = load_dataset(tmp_path)
    assert dataset.class_names == ("9", "10")
    assert classes(dataset) == {0: "10", 1: "9", 2: "10"}
    assert "labels are read from dataset.json" in notes(dataset)
    for absent in (None, [[path, None] for path, _ in labels], []):
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": absent}))
        dataset = load_dataset(tmp_path)
        assert (dataset.labels, len(dataset)) == (None, 3)
        assert "dataset.json gives no labels" in notes(dataset)


@pytest.mark.parametrize(
    "copy", ["labels (1)", "labels - Copy", "labels - Copy (2)", "labels copy"]
)
def test_a_copy_of_a_table_comes_after_it(tmp_path, copy):
    save(tmp_path, "a.png", "b.png")
    (tmp_path / "labels.csv").write_text("file,label\na.png,new\nb.png,cat\n")
    (tmp_path / f"{copy}.csv").write_text("file,label\na.png,old\nb.png,cat\n")
    dataset = load_dataset(tmp_path)
    assert classes(dataset) == {0: "new", 1: "cat"}
    assert "labels are read from labels.csv" in notes(dataset)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [("file", "label"), ("Filename", "Class"), ("id", "breed"),
                                    ("image_id", "category"), ("path", "TARGET")])  # fmt: skip
@pytest.mark.parametrize("suffix", [".png", ""])
def test_a_table_of_any_usual_kind(tmp_path, delimiter, header, suffix):
    save(tmp_path, "a.png", "b.png", "sub/c.png")
    rows = [header, (f"a{suffix}", "dog"), (f"b{suffix}", "cat"), (f"c{suffix}", "dog")]
    name = "labels.tsv" if delimiter == "\t" else "labels.csv"
    (tmp_path / name).write_text("\n".join(delimiter.join(row) for row in rows) + "\n")
    dataset = load_dataset(tmp_path)
    assert classes(dataset) == {0: "dog", 1: "cat", 2: "dog"}
    assert f"labels are read from {name}" in notes(dataset)
    assert "other file" not in notes(dataset)


@pytest.mark.parametrize("named", ["{}", "images/{}", "./images/{}", "images\\{}", "/home/me/{}"])
def test_a_table_above_the_folder(tmp_path, named):
    save(tmp_path / "images", "a.png", "b.png")
    rows = [
        "name,label",
        *(f"{named.format(n)},{label}" for n, label in (("a.png", 1), ("b.png", 2))),
    ]
    (tmp_path / "labels.csv").write_text("\r\n".join(rows))
    for given in (tmp_path, tmp_path / "images"):
        assert classes(load_dataset(given)) == {0: "1", 1: "2"}
    save(tmp_path / "other", "x.png", "y.png", "z.png")
    assert load_dataset(tmp_path / "other").labels is None


def test_a_file_listed_and_missing_and_a_file_not_listed_are_named(tmp_path):
    save(tmp_path, "a.png", "b.png", "c.png")
    (tmp_path / "labels.csv").write_text("file,label\na.png,x\nc.png,y\ngone.png,x\nb.png,\n")
    dataset = load_dataset(tmp_path)
    assert classes(dataset) == {0: "x", 2: "y"}
    assert "listed in labels.csv and not there: 1 file (gone.png)" in notes(dataset)
    assert "left out, not listed in labels.csv: 1 file (b.png)" in notes(dataset)


def test_tables_of_splits(tmp_path):
    save(tmp_path, "train/1.png", "train/2.png", "test/1.png", "test/2.png")
    (tmp_path / "train.csv").write_text("file,label\n1.png,cat\n2.png,dog\n")
    (tmp_path / "test.csv").write_text("file,label\n1.png,dog\n2.png,cat\n")
    assert classes(load_dataset(tmp_path)) == {0: "cat", 1: "dog"}
    assert classes(load_dataset(tmp_path, split="test")) == {2: "dog", 3: "cat"}
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).unlink()
    (tmp_path / "all.csv").write_text(
        "file,label\ntrain/1.png,a\ntrain/2.png,b\ntest/1.png,b\ntest/2.png,b\n"
    )
    dataset = load_dataset(tmp_path)
    assert classes(dataset) == {0: "a", 1: "b"}
    assert "not there" not in notes(dataset)
    tested = load_dataset(tmp_path, split="test")
    assert (classes(tested), tested.class_names) == ({2: "b", 3: "b"}, ("a", "b"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("dataset.json", b"{", "dataset.json.* cannot be read: it is not JSON"),
        ("dataset.json", b"\xff\xfe", "cannot be read: it is not UTF-8"),
        ("dataset.json", b'{"labels": 3}', "must be null or a list of"),
        ("dataset.json", b'{"labels": [["a.png"]]}', "must be null or a list of"),
        ("dataset.json", b'{"labels": [["a.png", [0.5, 1]]]}', r"no classes, such as \[0.5, 1\]"),
        ("labels.csv", b"file,label\na.png\n", "line 2 has 1 of 2 columns"),
        ("labels.csv", b'file,label\n"a.png,x\n', "labels.csv.* cannot be read"),
        ("labels.csv", b"file,label\n\xff,x\n", "labels.csv.* save it as UTF-8"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, name, content, said):
    save(tmp_path, "a.png", "b.png")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as raised:
        load_dataset(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("file,label\na.png,x\na.png,y\n", "labels.csv is not read: 'a.png' has several labels"),
        ("file,target\n" + "".join(f"{i}.png,0.{i}5\n" for i in range(3)), "such as 0.05"),
        ("file,label\n" + "".join(f"{i}.png,caption {i}\n" for i in range(12)), "label of its own"),
        ("x,y\n1,2\n", "1 other file"),
        ("file,label\nnone.png,x\n", "none of the files that it lists is here: none.png"),
        ("file,label\n" + "".join(f"{i}.png,{[1, 'nan'][i % 2]}\n" for i in range(12)), "as nan"),
        ("", "1 other file"),
    ],
)  # fmt: skip
def test_a_table_that_gives_no_classes_is_called_so(tmp_path, content, said):
    save(tmp_path, "a.png", *(f"{i}.png" for i in range(12)))
    (tmp_path / "labels.csv").write_text(content)
    dataset = load_dataset(tmp_path)
    assert dataset.labels is None
    assert said in notes(dataset)


@pytest.mark.parametrize(
    "content",
    [
        "1.png,dog\n2.png,cat\n",
        "dog\t1.png\ncat\t2.png\n",
        "file,label\r1.png,dog\r2.png,cat\r",
        " File Name ; Class Name \n1.png;dog\n  \n2.png;cat\n\n",
        "file,label\n1.PNG,dog\n2.jpg,cat\n",
        "file,label\n" + "x" * 5000 + ",dog\n 1.png ,dog\n2.png,cat\n",
    ],
    ids=["no header", "label first", "carriage returns", "blanks", "other suffixes", "long"],
)
def test_a_table_as_people_write_it(tmp_path, content):
    save(tmp_path, "1.png", "2.png")
    (tmp_path / "labels.csv").write_bytes(content.encode())
    assert classes(load_dataset(tmp_path)) == {0: "dog", 1: "cat"}


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("1.0", "10.0"), ("1", "10")),
        (("01", "02"), ("01", "02")),
        (("1e300", "2"), ("2", "1e300")),
        (("-1", "1"), ("1", "-1")),
    ],
)
def test_labels_of_a_table_keep_their_spelling(tmp_path, labels, names):
    save(tmp_path, "1.png", "2.png")
    (tmp_path / "labels.csv").write_text(f"file,label\n1.png,{labels[0]}\n2.png,{labels[1]}\n")
    assert set(load_dataset(tmp_path).class_names) == set(names)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [('["1.png", [0.0, 1.0]], ["2.png", [1, 0]]', {0: "1", 1: "0"}), ('["1.png", ""]', None)],
)
def test_labels_of_stylegans_file_of_other_kinds(tmp_path, labels, wanted):
    save(tmp_path, "1.png", "2.png")
    (tmp_path / "dataset.json").write_text(f'{{"labels": [{labels}]}}')
    dataset = load_dataset(tmp_path)
    assert (None if dataset.labels is None else classes(dataset)) == wanted


@pytest.mark.parametrize("memory_gb", [2.0, 0.0])
def test_labels_that_are_no_text(tmp_path, memory_gb):
    save(tmp_path, "1.png", "2.png")
    (tmp_path / "dataset.json").write_text('{"labels": [["1.png", "\\ud800"], ["2.png", "b"]]}')
    dataset = load_dataset(tmp_path, memory_gb=memory_gb)
    assert classes(dataset) == {0: "\ud800", 1: "b"}


def test_file_names_with_spaces_and_backslashes(tmp_path):
    save(tmp_path, " a.png", "a.png", "b\\c.png")
    (tmp_path / "labels.csv").write_text("file,label\n a.png,x\na.png,y\nb\\c.png,z\n")
    assert classes(load_dataset(tmp_path)) == {0: "x", 1: "y", 2: "z"}


def test_labels_that_changed_are_other_data(tmp_path):
    save(tmp_path, "a.png", "b.png")
    prints = set()
    for label in ("x", "y"):
        (tmp_path / "labels.csv").write_text(f"file,label\na.png,{label}\nb.png,z\n")
        prints.add(load_dataset(tmp_path).fingerprint)
    assert len(prints) == 2


def test_a_column_of_splits_is_honoured(tmp_path):
    save(tmp_path, "a.png", "b.png", "c.png", "d.png", "e.png")
    rows = ["file,label,split", "a.png,cat,train", "b.png,dog,train", "c.png,dog,Test"]
    (tmp_path / "labels.csv").write_text("\n".join([*rows, "d.png,cat,val"]))
    train, test = (load_dataset(tmp_path, split=split) for split in ("train", "test"))
    assert classes(train) == {0: "cat", 1: "dog"}
    assert classes(test) == {2: "dog"}
    said = "splits by labels.csv: 'train' is trained on, 'test' is for scores: 2 of 4 pictures"
    assert said in notes(train)


@pytest.mark.parametrize("words", ["train,train,train", "0,1,2", "train,test,seven"])
def test_a_column_that_names_no_splits_is_said_to_be_unused(tmp_path, words):
    save(tmp_path, "a.png", "b.png", "c.png")
    rows = [f"{name}.png,{word}" for name, word in zip("abc", words.split(","), strict=True)]
    (tmp_path / "parts.csv").write_text("\n".join(["file,split", *rows]))
    dataset = load_dataset(tmp_path)
    assert (len(dataset), dataset.labels) == (3, None)
    assert "the splits in parts.csv are not used" in notes(dataset)
    with pytest.raises(DataError, match="has no test split"):
        load_dataset(tmp_path, split="test")
