"""CelebA's folder, list of attributes and list of splits, made here."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gankit.data import load_dataset
from gankit.errors import DataError


@pytest.fixture
def faces(tmp_path):
    """Eight faces that show their number; two attributes; splits 4, 2 and 2."""
    folder = tmp_path / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    rows, splits = ["8", "Bald Young"], []
    for number in range(8):
        picture = np.zeros((218, 178, 3), np.uint8)
        picture[55:163, 35:143] = 20 * number
        file = f"{number + 1:06}.png"
        Image.fromarray(picture).save(folder / "img_align_celeba" / file)
        rows.append(f"{file} {-1 if number % 2 else 1:2}  {1 if number < 3 else -1:2}")
        splits.append(f"{file} {[0, 0, 0, 0, 1, 1, 2, 2][number]}")
    (folder / "list_attr_celeba.txt").write_text("\n".join(rows) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(splits))
    return folder


@pytest.mark.parametrize("memory_gb", [2.0, 0.0])
def test_faces_attributes_and_splits(faces, memory_gb):
    train = load_dataset(faces, crop=108, size=16, channels="rgb", memory_gb=memory_gb)
    shown = train.read(np.arange(len(train)))
    assert shown.shape == (4, 3, 16, 16)
    assert [int(image.mean()) for image in shown] == [0, 20, 40, 60]
    assert train.labels.tolist() == [[1, 1], [0, 1], [1, 1], [0, 0]]
    assert train.condition == 2
    assert any("Bald, Young" in note for note in train.notes)
    test = load_dataset(faces, crop=108, size=16, split="test", channels="rgb")
    assert [int(image.mean()) for image in test.read(np.arange(2))] == [120, 140]
    few = load_dataset(faces, crop=108, size=16, train_size=2)
    assert (len(few), len(few.labels)) == (2, 2)


def test_without_a_list_of_splits_all_faces_are_read(faces):
    (faces / "list_eval_partition.txt").unlink()
    assert len(load_dataset(faces, size=16)) == 8


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("list_attr_celeba.txt", "1\nBald\n000001.png yes\n", "damaged at '000001.png'"),
        ("list_attr_celeba.txt", "1\nBald\n000001.png 1 1\n", "damaged at '000001.png'"),
        ("list_attr_celeba.txt", "1\nBald\nother.png 1\n", "names none of the pictures"),
        ("list_attr_celeba.txt", "", "names none of the pictures"),
        ("list_eval_partition.txt", "000001.png 7\n", "damaged at '000001.png'"),
        ("list_eval_partition.txt", "000001.png 0\n", "no picture to train or to test on"),
    ],
)
def test_a_damaged_list_ends_in_one_line(faces, name, text, said):
    (faces / name).write_text(text)
    with pytest.raises(DataError, match=said):
        load_dataset(faces, size=16)
