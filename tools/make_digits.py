"""Make src/gankit/data/digits/digits.npz from the four IDX files of MNIST.

    python tools/make_digits.py FOLDER_WITH_IDX_FILES

Takes the first 1,000 images of each class of the training set and the first 200 of
each class of the test set, in their original order, so that the choice needs no seed.
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
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 1000),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 200),
}


def read_idx(path: Path) -> np.ndarray:
    raw = path.read_bytes()
    dimensions = raw[3]
    shape = struct.unpack(f">{dimensions}I", raw[4 : 4 + 4 * dimensions])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def first_of_each_class(labels: np.ndarray, count: int) -> np.ndarray:
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[:count] for c in range(10)]))


def main(folder: Path) -> None:
    arrays = {}
    for split, (images_name, labels_name, count) in FILES.items():
        images, labels = read_idx(folder / images_name), read_idx(folder / labels_name)
        chosen = first_of_each_class(labels, count)
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = images[chosen], labels[chosen]
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
