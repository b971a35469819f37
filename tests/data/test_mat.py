"""Arrays in .mat files: faces as in the Toronto database, numbers first or last."""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import pytest
from scipy.io import savemat

from gankit.data import load_dataset
from gankit.errors import DataError, MissingExtraError

FACES = np.random.default_rng(0).integers(0, 256, (40, 48, 48), np.uint8)


@pytest.mark.parametrize("last", [False, True])
def test_faces_with_their_number_first_or_last(tmp_path, last):
    faces = np.moveaxis(FACES, 0, 2) if last else FACES
    labels = np.arange(40)[:, None] % 7 + 1
    savemat(tmp_path / "faces.mat", {"images": faces, "labs_ex": labels, "folds": np.ones((40, 5))})
    dataset = load_dataset(tmp_path / "faces.mat")
    assert dataset.shape == (1, 48, 48)
    assert np.array_equal(dataset.read(np.arange(40))[:, 0], FACES)
    assert dataset.class_names == tuple("1234567")
    assert any("folds" in note for note in dataset.notes)
    held = load_dataset(tmp_path / "faces.mat", split="test", holdout=0.5)
    assert len(held) == 20


@pytest.mark.parametrize("unknown", [1, 40])
def test_unknown_labels_are_said_to_be_left_out(tmp_path, unknown):
    labels = np.full((40, 1), 3)
    labels[:unknown] = -1
    savemat(tmp_path / "faces.mat", {"images": FACES, "labs_ex": labels})
    dataset = load_dataset(tmp_path / "faces.mat")
    assert dataset.labels is None
    said = f"no classes: {unknown} of the 40 labels in array 'labs_ex' are negative, so unknown"
    assert any(note.startswith(said) for note in dataset.notes)


def test_numbers_of_another_range_and_a_test_split(tmp_path):
    images = FACES.astype(np.float64) / 255
    savemat(tmp_path / "f.mat", {"images": images[:30], "test_images": images[30:]})
    train, test = (load_dataset(tmp_path / "f.mat", split=split) for split in ("train", "test"))
    assert (len(train), len(test)) == (30, 10)
    assert np.array_equal(test.read(np.arange(10))[:, 0], FACES[30:])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"MATLAB 7.3 MAT-file, Platform: X".ljust(124) + b"\x00\x02IM",
            r"no \.mat file of arrays",
        ),
        (b"", "no .mat file of arrays"),
        (b"\0" * 200, "no .mat file of arrays"),
        (
            b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + b"\x0e\0\0\0\xff\xff\xff\x7f" * 9,
            "mat",
        ),
    ],
)
def test_a_damaged_file_ends_in_one_line(tmp_path, content, said):
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(DataError, match=said) as failure:
        load_dataset(tmp_path / "x.mat")
    assert "\n" not in str(failure.value)


def test_a_file_without_images_says_what_it_holds(tmp_path):
    savemat(tmp_path / "x.mat", {"faces": FACES, "struct": {"a": 1}})
    with pytest.raises(DataError, match=r"needs either images or points, found faces, struct"):
        load_dataset(tmp_path / "x.mat")


def write_7_3(path, **arrays):
    """Write arrays as MATLAB 7.3 does: HDF5 behind 512 bytes of its own, the axes in reverse."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=np.asarray(array).T, compression="gzip")
        file.create_group("#refs#")
        file["elsewhere"] = h5py.SoftLink("/images")
        file["images_test"] = h5py.ExternalLink("other.h5", "images")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("seven", [False, True])
def test_a_test_split_of_another_shape_is_refused(tmp_path, split, seven):
    path, arrays = tmp_path / "f.mat", {"images": FACES, "test_images": FACES[:, :24]}
    if seven:
        write_7_3(path, **arrays)
    else:
        savemat(path, arrays)
    with pytest.raises(DataError, match=r"test examples are \[1, 24, 48\] and its training exam"):
        load_dataset(path, split=split)


def test_of_a_test_split_only_the_header_is_read_before_training(tmp_path):
    images = np.zeros((200, 48, 48))
    write_7_3(tmp_path / "f.mat", images=FACES, test_images=images)
    savemat(tmp_path / "g.mat", {"images": FACES, "test_images": images, "test_labels": "text"})
    for name in ("f", "g"):
        load_dataset(tmp_path / f"{name}.mat")  # scipy and h5py are imported
        tracemalloc.start()
        try:
            assert len(load_dataset(tmp_path / f"{name}.mat")) == 40
            assert tracemalloc.get_traced_memory()[1] < 2e6  # of the 3.7 million bytes there
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("last", [False, True])
def test_matlab_7_3(tmp_path, last):
    faces = np.moveaxis(FACES, 0, 2) if last else FACES
    write_7_3(tmp_path / "faces.mat", images=faces, labs_ex=np.arange(40.0)[:, None] % 7 + 1)
    dataset = load_dataset(tmp_path / "faces.mat")
    assert np.array_equal(dataset.read(np.arange(40))[:, 0], FACES)
    assert dataset.class_names == tuple("1234567")
    assert np.bincount(dataset.labels).tolist() == [6, 6, 6, 6, 6, 5, 5]


def test_matlab_7_3_that_is_cut_off_or_of_something_else(tmp_path):
    path = tmp_path / "faces.mat"
    write_7_3(path, images=FACES)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"no \.mat file of arrays"):
        load_dataset(path)
    write_7_3(path, names=FACES)
    with pytest.raises(DataError, match="names"):
        load_dataset(path)


def test_matlab_7_3_without_h5py(tmp_path, monkeypatch):
    write_7_3(tmp_path / "faces.mat", images=FACES)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gankit\[matlab\]'"):
        load_dataset(tmp_path / "faces.mat")
