"""IDX files, the format of MNIST and its relatives, gzipped or not."""

from __future__ import annotations

import gzip
import math
import os
import re
import zlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gankit.data.claims import check_claim, unread
from gankit.data.dataset import ArrayDataset, array_fingerprint, split_off
from gankit.data.images import cropped_size, planes, resized
from gankit.data.read_options import ReadOptions, Split
from gankit.errors import DataError
from gankit.text import reason

_IMAGES = re.compile(r"images?[-.]idx3-ubyte(\.gz)?$")
_SPLIT_NAMES = {"train": ("train",), "test": ("t10k", "test")}
_UNSIGNED_BYTE = 8


def holds_idx(names: Collection[str]) -> bool:
    """Return whether a folder with files of these names holds IDX images, of any split."""
    return any(map(_is_images, names))


def _is_images(name: str) -> bool:
    return not name.startswith(".") and _IMAGES.search(name) is not None


def read_idx_folder(name: str, folder: Path, options: ReadOptions) -> ArrayDataset:
    """Read the IDX images of one split, with their labels if the folder has any.

    Raises:
        DataError: the split is missing, a file is damaged, labels and images differ in number, the
            splits differ in size and none is asked for, or the images do not fit in the memory
            allowed.
    """
    has_test = _has_test(folder)
    if options.holdout and not has_test:
        whole = read_idx_folder(name, folder, replace(options, split="train", holdout=0))
        return split_off(whole, options.split, options.holdout)
    images_path, *images_besides = _find_images(folder, options.split)
    if has_test:
        _check_test(folder, options)
    images = read_idx(images_path, dimensions=3)
    labels_path, *labels_besides = _find_labels(images_path) or (None,)
    notes = _tell_left(images_path, images_besides)
    if labels_path is None:
        notes = (f"no labels beside {images_path.name}", *notes)
        return images_dataset(name, images, None, options, notes=notes)
    labels = read_idx(labels_path, dimensions=1)
    _check_count(labels_path, labels, images)
    notes += _tell_left(labels_path, labels_besides)
    dataset = images_dataset(name, images, labels, options, notes=notes)
    if options.split == "test":
        dataset.number_as_trained(_trained_classes(folder))
    return dataset


def _has_test(folder: Path) -> bool:
    names = (file.name for file in _images_files(folder))
    return any(part in name for name in names for part in _SPLIT_NAMES["test"])


def _check_test(folder: Path, options: ReadOptions) -> None:
    """Raise DataError if the test split does not go with the training split, as far as headers say.

    It is known before training, not when scores are wanted. If the test split is asked for, there
    need not be another one.
    """
    try:
        trained, tested = (_find_images(folder, split)[0] for split in ("train", "test"))
    except DataError:
        if options.split == "test":
            return
        raise
    images = [read_idx(path, dimensions=3, head=True) for path in (trained, tested)]
    for labels in _find_labels(tested)[:1]:
        _check_count(labels, read_idx(labels, dimensions=1, head=True), images[1])
    (height, width), (other, across) = (
        image.shape[1:] if options.crop is None else cropped_size(image.shape[1:], options.crop)
        for image in images
    )
    if options.size is None and (height, width) != (other, across):
        raise DataError(
            f"the images in {str(tested)!r} are {other} x {across} and those in {trained.name} "
            f"{height} x {width}: give a size to read all at, or take one of the files away"
        )


def _check_count(path: Path, labels: NDArray[np.uint8], images: NDArray[np.uint8]) -> None:
    if len(labels) != len(images):
        raise DataError(
            f"{path} holds {len(labels)} labels for {len(images)} images:"
            " the two files do not belong together"
        )


def _tell_left(taken: Path, left: list[Path]) -> tuple[str, ...]:
    """Return a note if a file lies here in other forms, too, which are not read."""
    if not left:
        return ()
    others = ", ".join(path.name for path in left)
    return (f"{taken.name} is read; {others} beside it is left out",)


def _trained_classes(folder: Path) -> list[str]:
    """Return the class names of the training split, in order; empty if they cannot be read."""
    try:
        labels_paths = _find_labels(_find_images(folder, "train")[0])
        if not labels_paths:
            return []
        labels = read_idx(labels_paths[0], dimensions=1)
    except DataError:
        return []
    return [str(value) for value in np.unique(labels)]


def read_idx(path: Path, dimensions: int, *, head: bool = False) -> NDArray[np.uint8]:
    """Read the array in an IDX file of unsigned bytes with this many dimensions.

    `head`: read its header alone (`claims.unread`).

    Raises:
        DataError: the file is missing, damaged or empty, or holds something else.
    """
    what, start = f"IDX file {str(path)!r}", 4 + 4 * dimensions
    try:
        if not path.is_file():
            link = path.is_symlink() and not path.exists()
            raise OSError("a link that points nowhere" if link else "no regular file")
        size = path.stat().st_size
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(start)
            shape = _shape(what, header, dimensions)
            expected = start + math.prod(shape)
            check_claim(what, expected, size, path.suffix == ".gz")
            if head:
                return unread(shape, np.uint8)
            raw = header + file.read(expected - len(header) + 1)  # a byte too many is damage too
    except MemoryError:
        raise DataError(f"{what} does not fit into memory: give a smaller one") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{what} cannot be read ({reason(error)}): get it again") from None
    if len(raw) != expected:
        raise DataError(
            f"{what} is damaged: it holds {'more' if len(raw) > expected else 'fewer'} bytes than"
            f" the {expected:,} that its header promises; get it again"
        )
    if 0 in shape:
        raise DataError(f"{what} is empty: training needs images")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _shape(what: str, header: bytes, dimensions: int) -> tuple[int, ...]:
    """Return the array's shape from the first bytes of its file."""
    if header[:4] != bytes([0, 0, _UNSIGNED_BYTE, dimensions]):
        raise DataError(f"{what} is not an IDX file of unsigned bytes in {dimensions} dimensions")
    lengths = [header[at : at + 4] for at in range(4, 4 + 4 * dimensions, 4)]
    if len(lengths[-1]) < 4:
        raise DataError(f"{what} is damaged: it ends within its header; get it again")
    return tuple(int.from_bytes(length, "big") for length in lengths)


def images_dataset(
    name: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8] | None,
    options: ReadOptions,
    notes: tuple[str, ...] = (),
) -> ArrayDataset:
    """Make a data set of grey images uint8 [N, H, W], at the size and channels asked for.

    The classes are the label values that occur, in order; each is named by its value.

    Args:
        name: what the user typed.
        images: the images.
        labels: one label for each image, [N]; None if there are none.
        options: how to read the images.
        notes: what the user should know.

    Raises:
        DataError: the converted images would not fit in the memory allowed.
    """
    if options.channels == "rgba":
        raise DataError(f"data '{name}' is grey and has no opacity: give channels grey or rgb")
    if options.crop is not None:
        images = middle(images, options.crop)
    own_size = (images.shape[1], images.shape[2])
    size = options.size or own_size
    channels = 3 if options.channels == "rgb" else 1
    converted = size != own_size or channels != 1
    if converted and not options.fits_in_memory(len(images), (channels, *size)):
        raise DataError(
            f"{len(images):,} images of {size[0]} x {size[1]} need more than memory_gb"
            f" {options.memory_gb:g}: give a smaller size or more memory"
        )
    if size != own_size:
        images = np.concatenate(
            [planes(resized(Image.fromarray(image), size, options.fit)) for image in images]
        )
    examples = np.ascontiguousarray(np.repeat(images[:, None], channels, axis=1))
    if labels is None:
        return ArrayDataset(name, examples, array_fingerprint(examples), notes=notes)
    values, numbered = np.unique(labels, return_inverse=True)
    numbered = numbered.astype(np.int64)
    fingerprint = array_fingerprint(examples, numbered)
    class_names = tuple(str(value) for value in values)
    return ArrayDataset(name, examples, fingerprint, numbered, class_names, notes)


def middle(images: NDArray[np.uint8], crop: int) -> NDArray[np.uint8]:
    """Return the middle of images [..., H, W], `crop` pixels a side, or less where they have less.

    It is where `images.cropped` has it.
    """
    height, width = cropped_size((images.shape[-2], images.shape[-1]), crop)
    top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    return images[..., top : top + height, left : left + width]


def _images_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if _is_images(file.name))


def _find_images(folder: Path, split: Split) -> list[Path]:
    """Return the file with the split's images, and then other forms of it (`_form`).

    A file that names no split is for training. Raises DataError unless there is one file.
    """
    files = _images_files(folder)
    named = {
        key: [file for file in files if any(part in file.name for part in parts)]
        for key, parts in _SPLIT_NAMES.items()
    }
    found = named[split]
    if not found and split == "train":
        found = [file for file in files if file not in named["test"]]
    several = len({_form(file.name) for file in found})
    if several != 1:
        raise DataError(
            f"folder {str(folder)!r} holds {several} IDX files of {split} images, and one is"
            f" needed: it has {', '.join(file.name for file in files)}"
        )
    return found


def _form(name: str) -> str:
    """Return what the forms of one file share: gzipped or not, with a dash or a dot in its name."""
    return re.sub(r"[-.]idx", "-idx", name.removesuffix(".gz"))


def _find_labels(images: Path) -> list[Path]:
    """Return the file of the labels that belong to the images, if any, and then its other forms."""
    dashed = _form(images.name).replace("idx3", "idx1")
    dashed = dashed.replace("images", "labels").replace("image", "label")
    stems = (dashed, dashed.replace("-idx1", ".idx1"))
    candidates = [images.with_name(stem + end) for stem in stems for end in ("", ".gz")]
    return [path for path in candidates if os.path.lexists(path)]
