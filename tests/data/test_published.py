"""Sets in files of the form in which their authors publish them, made here."""

from __future__ import annotations

import io
import pickle
from typing import ClassVar

import numpy as np
import pytest
from scipy.io import savemat

from gankit.data import load_dataset
from gankit.errors import DataError

RANDOM = np.random.default_rng(0)


class Python2(pickle._Pickler):
    """Writes bytes as the texts of Python 2, in which CIFAR-10 was pickled."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_bytes(self, content):
        self.write(b"T" + len(content).to_bytes(4, "little") + content)
        self.memoize(content)

    dispatch[bytes] = save_bytes


def pickled(content):
    out = io.BytesIO()
    Python2(out, protocol=2).dump(content)
    return out.getvalue()


def pixels(count, side=32):
    return RANDOM.integers(0, 256, (count, 3, side, side), np.uint8)


def cifar(folder, binary):
    """Two images a batch; returns those for training and for testing, and their labels."""
    folder.mkdir()
    images, labels = pixels(12), np.arange(12) % 10
    for number in range(6):
        part = slice(2 * number, 2 * number + 2)
        rows = images[part].reshape(2, -1)
        name = f"data_batch_{number + 1}" if number < 5 else "test_batch"
        if binary:
            both = np.concatenate([labels[part, None].astype(np.uint8), rows], 1)
            (folder / f"{name}.bin").write_bytes(both.tobytes())
        else:
            batch = {b"data": rows, b"labels": labels[part].tolist(), b"batch_label": b"x"}
            (folder / name).write_bytes(pickled(batch))
    return images, labels


@pytest.mark.parametrize("binary", [False, True])
def test_cifar(tmp_path, binary):
    images, labels = cifar(tmp_path / "c", binary)
    train, test = (load_dataset(tmp_path / "c", split=split) for split in ("train", "test"))
    assert np.array_equal(train.read(np.arange(10)), images[:10])
    assert np.array_equal(test.read(np.arange(2)), images[10:])
    assert train.labels.tolist() == labels[:10].tolist()
    assert train.class_names == test.class_names
    assert train.class_names[6] == "frog"
    small = load_dataset(tmp_path / "c", size=16, crop=24, channels="grey", train_size=4)
    assert (len(small), small.shape) == (4, (1, 16, 16))
    (tmp_path / "c/test_batch").unlink(missing_ok=True)
    (tmp_path / "c/test_batch.bin").unlink(missing_ok=True)
    with pytest.raises(DataError, match="test_batch"):
        load_dataset(tmp_path / "c", split="test")


def test_labels_of_one_batch_are_never_those_of_another(tmp_path):
    cifar(tmp_path / "c", binary=False)
    for number, labels in ((2, [1]), (3, [1, 2, 3])):
        batch = {b"data": pixels(2).reshape(2, -1), b"labels": labels}
        (tmp_path / f"c/data_batch_{number}").write_bytes(pickled(batch))
    with pytest.raises(DataError, match=r"data_batch_2' holds 1 labels for 2 images"):
        load_dataset(tmp_path / "c")


@pytest.mark.parametrize("missing", ["data_batch_1", "data_batch_4"])
@pytest.mark.parametrize("suffix", ["", ".bin"])
def test_a_set_that_lacks_a_file_is_never_taken_for_other_data(tmp_path, missing, suffix):
    cifar(tmp_path / "c", binary=bool(suffix))
    (tmp_path / "c/batches.meta.txt").write_text("deer\nfrog\n")
    (tmp_path / f"c/{missing}{suffix}").unlink()
    with pytest.raises(DataError, match=missing):
        load_dataset(tmp_path / "c")


def test_names_beside_arrays_of_an_unknown_set_are_no_texts(tmp_path):
    (tmp_path / "train.bin").write_bytes(b"\0" * 3074)
    (tmp_path / "fine_label_names.txt").write_text("apple\nbear\n")
    with pytest.raises(DataError, match="no images"):
        load_dataset(tmp_path)


def test_what_is_left_out_of_a_folder_is_said(tmp_path):
    cifar(tmp_path / "c", binary=True)
    cifar(tmp_path / "other", binary=False)
    for file in (tmp_path / "other").iterdir():
        file.rename(tmp_path / "c" / file.name)
    (note,) = load_dataset(tmp_path / "c").notes
    assert note.endswith("data_batch_1.bin beside it is left out")
    for number in range(1, 6):
        (tmp_path / f"c/data_batch_{number}").unlink()
    (tmp_path / "c/test_batch.bin").unlink()
    (note,) = load_dataset(tmp_path / "c", holdout=0.5).notes
    assert note.startswith("nothing is held out for scores: test_batch.bin")
    assert load_dataset(tmp_path / "c").notes == ()


def test_names_of_the_classes_are_the_files(tmp_path):
    cifar(tmp_path / "c", binary=False)
    names = [f"class {number}".encode() for number in range(10)]
    (tmp_path / "c/batches.meta").write_bytes(pickled({b"label_names": names}))
    assert load_dataset(tmp_path / "c").class_names[3] == "class 3"


def test_an_array_as_python_3_pickles_it(tmp_path):
    images, labels = cifar(tmp_path / "c", binary=False)
    for protocol in (2, 4):
        batch = {"data": images[:2].reshape(2, -1), "labels": labels[:2].tolist()}
        (tmp_path / "c/test_batch").write_bytes(pickle.dumps(batch, protocol))
        test = load_dataset(tmp_path / "c", split="test")
        assert np.array_equal(test.read(np.arange(2)), images[:2])


class Shell:
    def __reduce__(self):
        import os

        return os.system, ("touch pwned",)


class Sized:
    def __reduce__(self):
        return np.ndarray, ((10**12,),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pickle.dumps(Shell()), "system, which is no part of an array and could run code"),
        (pickle.dumps({"data": Shell()}), "could run code"),
        (pickle.dumps({"data": Sized()}), "cannot be read"),
        (b"cbuiltins\neval\n(S'1'\ntR.", "builtins.eval"),
        (pickle.dumps([1, 2]), "no dictionary"),
        (pickle.dumps({"data": np.zeros((2, 3072)), "labels": [1, 2]}, 2), "not of bytes"),
        (pickle.dumps({"data": np.zeros((2, 30), np.uint8), "labels": [1, 2]}, 2), "no batch"),
        (pickle.dumps({"labels": [1, 2]}, 2), "no batch"),
        (pickled({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2]})[:4000], "read"),
        (pickled({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 77]}), "10 classes"),
        (pickled({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}), "1 labels for 2"),
        (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f", "cannot be read"),
        (b"", "cannot be read"),
        (b"no pickle", "cannot be read"),
    ],
)
def test_a_hostile_pickle_runs_nothing_and_ends_in_one_line(tmp_path, monkeypatch, content, said):
    monkeypatch.chdir(tmp_path)
    cifar(tmp_path / "c", binary=False)
    (tmp_path / "c/test_batch").write_bytes(content)
    with pytest.raises(DataError, match=said) as failure:
        load_dataset("c", split="test")
    assert "\n" not in str(failure.value)
    assert not (tmp_path / "pwned").exists()


def test_svhn(tmp_path):
    images, labels = pixels(5), np.array([10, 1, 2, 9, 10], np.uint8)
    matlab = {"X": images.transpose(2, 3, 1, 0), "y": labels[:, None]}
    for split in ("train", "test"):
        savemat(tmp_path / f"{split}_32x32.mat", matlab, do_compression=True)
    train = load_dataset(tmp_path)
    assert np.array_equal(train.read(np.arange(5)), images)
    assert train.labels.tolist() == [0, 1, 2, 9, 0]
    assert train.class_names == tuple("0123456789")
    assert load_dataset(tmp_path, split="test").fingerprint == train.fingerprint
    savemat(tmp_path / "test_32x32.mat", {"X": images})
    with pytest.raises(DataError, match="no array X of 32x32"):
        load_dataset(tmp_path, split="test")


@pytest.mark.parametrize("labels", [[1, 2, 11], [1, -2, 3], [1.0, float("nan"), 2.0], [1, 2.5, 3]])
def test_impossible_labels_are_no_digits(tmp_path, labels):
    images = pixels(3).transpose(2, 3, 1, 0)
    savemat(tmp_path / "train_32x32.mat", {"X": images, "y": np.array(labels)[:, None]})
    with pytest.raises(DataError, match="labels other than 1 to 10"):
        load_dataset(tmp_path)


def test_stl(tmp_path):
    images, labels = pixels(3, 96), np.array([1, 10, 2], np.uint8)
    for split in ("train", "test"):
        (tmp_path / f"{split}_X.bin").write_bytes(images.transpose(0, 1, 3, 2).tobytes())
        (tmp_path / f"{split}_y.bin").write_bytes(labels.tobytes())
    train = load_dataset(tmp_path)
    assert np.array_equal(train.read(np.arange(3)), images)
    assert train.labels.tolist() == [0, 9, 1]
    assert train.class_names[9] == "truck"
    (tmp_path / "test_X.bin").write_bytes(b"\0" * 100)
    with pytest.raises(DataError, match="100 bytes are no rows of 27,648"):
        load_dataset(tmp_path, split="test")
    (tmp_path / "test_y.bin").write_bytes(b"\0" * 3)
    (tmp_path / "test_X.bin").write_bytes(images.tobytes())
    with pytest.raises(DataError, match="labels other than of its 10 classes"):
        load_dataset(tmp_path, split="test")
