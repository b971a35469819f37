"""Sets in the files in which their authors publish them: CIFAR-10, SVHN and STL-10."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gankit.data.dataset import ArrayDataset, array_fingerprint
from gankit.data.idx import middle
from gankit.data.images import planes, resized, to_8_bit
from gankit.data.mat import examples_first, read_mat
from gankit.data.pickles import read_pickle
from gankit.data.read_options import ReadOptions, Split
from gankit.errors import DataError
from gankit.text import reason

CIFAR = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
STL = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
"""The names of the classes, in the order of their numbers."""


class Content(NamedTuple):
    """One split of a set: images uint8 [N, C, H, W], the class of each int64 [N], their names."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def is_published(names: Collection[str]) -> bool:
    """Return whether a folder with files of these names holds one of these sets, or some of it."""
    return any(published.is_in(names) for published in SETS)


def read_published(name: str, folder: Path, options: ReadOptions) -> ArrayDataset:
    """Read a split of the set in a folder, at the size and with the channels asked for.

    Raises:
        DataError: a file is missing or damaged, the images have no such channels, or they do not
            fit in the memory allowed.
        MissingExtraError: scipy is not installed, which reads .mat files.
    """
    names = {file.name for file in folder.iterdir()}
    published, *others = (one for one in SETS if one.is_in(names))
    images, labels, class_names, notes = published.read(folder, options.split)
    if others:
        left = ", ".join(other.train[0] for other in others)
        notes += (f"{published.train[0]} and its like are read; {left} beside it is left out",)
    missing = [name for name in published.test if name not in names]
    if missing and options.holdout:
        notes += (
            f"nothing is held out for scores: {missing[0]}, this set's test split, is missing",
        )
    if len(images) != len(labels):
        raise DataError(
            f"data {name!r} holds {len(labels):,} labels for {len(images):,} images: get it again"
        )
    if not len(images):
        raise DataError(f"data {name!r} holds no images: get it again")
    if not 0 <= labels.min() <= labels.max() < len(class_names):
        raise DataError(
            f"data {name!r} has labels other than of its {len(class_names)} classes: get it again"
        )
    examples = np.ascontiguousarray(_as_asked(name, images, options))
    fingerprint = array_fingerprint(examples, labels)
    return ArrayDataset(name, examples, fingerprint, labels, class_names, notes)


def _as_asked(name: str, images: NDArray[np.uint8], options: ReadOptions) -> NDArray[np.uint8]:
    """Return images [N, C, H, W] cropped, resized and converted as `options` say."""
    if options.channels == "rgba":
        raise DataError(f"data {name!r} has no opacity: give channels grey or rgb")
    if options.crop is not None:
        images = middle(images, options.crop)
    channels = {"grey": 1, "rgb": 3}.get(options.channels) or images.shape[1]
    own_size = (images.shape[2], images.shape[3])
    size = options.size or own_size
    if (channels, size) == (images.shape[1], own_size):
        return images
    if not options.fits_in_memory(len(images), (channels, *size)):
        raise DataError(
            f"{len(images):,} images of {size[0]} x {size[1]} need more than memory_gb"
            f" {options.memory_gb:g}: give a smaller size or more memory"
        )
    out = np.empty((len(images), channels, *size), np.uint8)
    for place, image in enumerate(images):
        picture = Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, -1))
        out[place] = planes(resized(to_8_bit(picture, channels), size, options.fit))
    return out


def _cifar_python(folder: Path, split: Split) -> Content:
    images, labels = [], list[int]()
    for file in _cifar_files(folder, split, ""):
        batch = read_pickle(file)
        data, named = batch.get("data"), batch.get("labels")
        if (
            not (isinstance(data, np.ndarray) and data.shape[1:] == (3072,))
            or not isinstance(named, list)
            or not all(map(_is_label, named))
        ):
            raise DataError(f"{str(file)!r} is no batch of CIFAR-10: it has no data and labels")
        if len(data) != len(named):
            raise DataError(
                f"{str(file)!r} holds {len(named):,} labels for {len(data):,} images: get it again"
            )
        images.append(data.reshape(-1, 3, 32, 32))
        labels += named
    meta = folder / "batches.meta"
    told = read_pickle(meta).get("label_names") if meta.is_file() else None
    names = CIFAR
    if isinstance(told, list) and all(isinstance(name, bytes) for name in told):
        names = tuple(name.decode("latin1") for name in told)
    return Content(np.concatenate(images), np.array(labels, np.int64), names)


def _is_label(number: object) -> bool:
    return type(number) is int and 0 <= number < 2**31


def _cifar_binary(folder: Path, split: Split) -> Content:
    rows = np.concatenate([_read_bytes(file, 3073) for file in _cifar_files(folder, split, ".bin")])
    images = rows[:, 1:].reshape(-1, 3, 32, 32)
    return Content(images, rows[:, 0].astype(np.int64), CIFAR)


def _cifar_files(folder: Path, split: Split, suffix: str) -> list[Path]:
    names = CIFAR_TRAIN if split == "train" else ("test_batch",)
    return [folder / f"{name}{suffix}" for name in names]


def _stl(folder: Path, split: Split) -> Content:
    # The pixels of a channel are stored column after column.
    images = _read_bytes(folder / f"{split}_X.bin", 3 * 96 * 96).reshape(-1, 3, 96, 96)
    labels = _read_bytes(folder / f"{split}_y.bin", 1)[:, 0].astype(np.int64) - 1
    notes = ("the unlabelled images are left out",) if split == "train" else ()
    return Content(images.transpose(0, 1, 3, 2), labels, STL, notes)


def _svhn(folder: Path, split: Split) -> Content:
    path = folder / f"{split}_32x32.mat"
    if not path.is_file():
        raise _missing(path)
    arrays, _ = read_mat(path, ("X", "y"))
    images, labels = arrays.get("X"), arrays.get("y")
    if images is None or images.dtype != np.uint8 or images.shape[:3] != (32, 32, 3):
        raise DataError(f"{str(path)!r} has no array X of 32x32 colour images in bytes")
    if labels is None or images.ndim != 4:
        raise DataError(f"{str(path)!r} has no array y of a label for each image")
    if not np.isin(labels, np.arange(11)).all():
        raise DataError(f"{str(path)!r} has labels other than 1 to 10: get it again")
    digits = labels.ravel().astype(np.int64) % 10  # 10 stands for 0
    pictures = np.moveaxis(examples_first(images), 3, 1)
    return Content(pictures, digits, tuple("0123456789"))


def _read_bytes(path: Path, width: int) -> NDArray[np.uint8]:
    """Return a file's bytes in rows of this width. Raises DataError if it has other ones."""
    try:
        content = np.fromfile(path, np.uint8)
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, MemoryError) as error:
        raise DataError(f"{str(path)!r} cannot be read: {reason(error)}") from None
    if not len(content) or len(content) % width:
        raise DataError(
            f"{str(path)!r} is damaged: its {len(content):,} bytes are no rows of {width:,}; get "
            "it again"
        )
    return content.reshape(-1, width)


def _missing(path: Path) -> DataError:
    return DataError(f"there is no file {str(path)!r}, which belongs to this set: get it again")


class PublishedSet(NamedTuple):
    """What reads a split of a set, and the names of its files."""

    read: Callable[[Path, Split], Content]
    train: tuple[str, ...]
    test: tuple[str, ...]

    def is_in(self, names: Collection[str]) -> bool:
        """Return whether a folder with files of these names holds a file for training on it."""
        return any(name in names for name in self.train)


CIFAR_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
SETS = (
    PublishedSet(_cifar_python, CIFAR_TRAIN, ("test_batch",)),
    PublishedSet(_cifar_binary, tuple(f"{name}.bin" for name in CIFAR_TRAIN), ("test_batch.bin",)),
    PublishedSet(_stl, ("train_X.bin", "train_y.bin"), ("test_X.bin", "test_y.bin")),
    PublishedSet(_svhn, ("train_32x32.mat",), ("test_32x32.mat",)),
)
"""The sets, which are known by any of their files for training."""
