"""Make src/gankit/data/digits/digits.npz from the four IDX files of MNIST.

    python tools/make_digits.py FOLDER_WITH_IDX_FILES

Takes the first 1,000 images of each class of the training set, in their original order, and
200 of each class of the test set, drawn from all 10,000 and kept in the order drawn. The
writers of MNIST's first test images differ from the others', so the first 200 would not stand
for the rest, and neither would the first n of a sorted draw.

Arrays: uint8 `train_images` [10000, 28, 28], `test_images` [2000, 28, 28]; uint8
`train_labels`, `test_labels`. The archive's time stamps are fixed: the same input
gives the same bytes.
"""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parent.parent / "src" / "gankit" / "data" / "digits" / "digits.npz"
KINDS = ("images-idx3", "labels-idx1")
SEED = 0


def read_idx(path: Path) -> np.ndarray:
    raw = path.read_bytes()
    dimensions = raw[3]
    shape = struct.unpack(f">{dimensions}I", raw[4 : 4 + 4 * dimensions])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def first_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[:count] for c in range(10)]))


def drawn_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    # RandomState's stream is the same in every version of numpy (NEP 19); a Generator's is not.
    order = np.random.RandomState(SEED).permutation(len(labels))
    return order[first_of_each_class(labels[order], count)]


def main(folder: Path) -> None:
    train, train_labels = (read_idx(folder / f"train-{kind}-ubyte") for kind in KINDS)
    test, test_labels = (read_idx(folder / f"t10k-{kind}-ubyte") for kind in KINDS)
    first, drawn = first_of_each_class(train_labels, 1000), drawn_of_each_class(test_labels, 200)
    arrays = {
        "train_images": train[first],
        "train_labels": train_labels[first],
        "test_images": test[drawn],
        "test_labels": test_labels[drawn],
    }
    with zipfile.ZipFile(TARGET, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED, 9
            )
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
