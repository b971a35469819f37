"""A user's own arrays: an .npz file of images or points, with a label or a vector for each."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.data.claims import check_claim
from gankit.data.dataset import ArrayDataset, array_fingerprint, split_off
from gankit.data.images import ReadOptions, Values
from gankit.data.labels import Labels, read_labels
from gankit.data.pixels import as_planes
from gankit.data.values import Range, choose_range, floats_range, tell_range, to_bytes
from gankit.errors import DataError
from gankit.text import reason

KNOWN = ("images", "points", "labels", "conditions")
"""The names of the arrays that are read; those of the test split begin with `test_`."""


def read_arrays(name: str, path: Path, options: ReadOptions) -> ArrayDataset:
    """Read a data set from the arrays of an .npz file.

    The file holds either

    - `images`, uint8 [N, H, W] or [N, H, W, C]; other whole numbers and floats become 8 bits
      (`gankit.data.values`); or
    - `points`, float [N, D];

    and, if examples have labels, either

    - `labels`, whole numbers or names [N] (`gankit.data.labels`); or
    - `conditions`, float [N, C]: a vector that the generator is given for each example.

    Several labels at once, as rows of 0 and 1 [N, C], may have either name. `test_images` and so
    on are the test split. If the file has none, `options.holdout` is held out from the examples.

    Raises DataError for anything else, and if a size or channels are asked for.
    """
    if options.size is not None or options.channels != "auto":
        raise DataError(f"data '{name}' is arrays, taken as they are: leave size and channels out")
    arrays, others = _read_file(name, path, options.split == "test")
    has_test = any(key.startswith("test_") for key in (*arrays, *others))
    if options.holdout and not has_test:
        whole = _dataset(name, arrays, others, "", options.values)
        return split_off(whole, options.split, options.holdout)
    prefix = "" if options.split == "train" else "test_"
    return _dataset(name, arrays, others, prefix, options.values)


def has_labels(path: Path) -> bool:
    """Return whether an .npz file holds labels or conditions; False if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    return "labels.npy" in names or "conditions.npy" in names


Arrays = dict[str, NDArray[Any]]


def _dataset(
    name: str, arrays: Arrays, others: tuple[str, ...], prefix: str, values: Values
) -> ArrayDataset:
    """Return one split of the arrays, with the training split's range and class numbers.

    `prefix` is empty for training, and `test_` for the test split.
    """
    examples = _examples(name, arrays, others, prefix)
    notes: tuple[str, ...] = ()
    by = None
    if examples.ndim == 4 and examples.dtype != np.uint8:
        trained = arrays.get("images", examples)
        by = values if isinstance(values, tuple) else _range_of(name, trained)
        notes = (f"the images are {examples.dtype}: {tell_range(by)}",)
        examples = to_bytes(examples, by)
    labels = _labels(name, arrays, prefix, len(examples))
    numbers, names, given = labels or (None, (), None)
    fingerprint = array_fingerprint(examples, given)
    dataset = ArrayDataset(name, examples, fingerprint, numbers, names, notes)
    dataset.values = by
    if prefix and "labels" in arrays:
        dataset.number_classes(read_labels(f"labels in '{name}'", arrays["labels"]).names)
    return dataset


def _range_of(name: str, images: NDArray[Any]) -> Range:
    """Return which values of images that are not uint8 become black and white. Raises DataError."""
    wrong = images.size - int(np.isfinite(images).sum())
    if wrong:
        first = int((~np.isfinite(images)).reshape(len(images), -1).any(axis=1).argmax())
        raise DataError(
            f"images in '{name}' hold {wrong:,} numbers that are not finite, the first in image "
            f"{first:,}: leave those images out, or fill them"
        )
    low, high = float(images.min()), float(images.max())
    try:
        floats = images.dtype.kind == "f"
        return floats_range(low, high) if floats else choose_range(low, high, integers=True)
    except DataError as error:
        raise DataError(f"images in '{name}': {reason(error)}") from None


def _read_file(name: str, path: Path, test: bool) -> tuple[Arrays, tuple[str, ...]]:
    """Return the arrays with known names, and the names of all others.

    `test`: read the arrays of the test split too.
    """
    try:
        return _read_members(name, path, test)
    except MemoryError:
        raise DataError(f"data {name!r} does not fit into memory: save fewer examples") from None
    except DataError:
        raise
    except Exception as error:  # damage can fail anywhere inside zipfile and numpy
        raise DataError(f"data {name!r} is no .npz file of arrays: {reason(error)}") from None


def _read_members(name: str, path: Path, test: bool) -> tuple[Arrays, tuple[str, ...]]:
    arrays, others = {}, []
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            key = info.filename.removesuffix(".npy")
            if (key.removeprefix("test_") if test else key) in KNOWN:
                arrays[key] = _read_member(f"array '{key}' in {name!r}", archive, info, size)
            else:
                archive.open(info).close()  # raises if the name is damaged
                others.append(key)
    return arrays, tuple(others)


def _read_member(
    what: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int
) -> NDArray[Any]:
    """Read one array, after checking the size in its header against the file's bytes."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{what} is compressed in an unknown way: save it with np.savez")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        read_header = getattr(np.lib.format, f"read_array_header_{min(version[0], 2)}_0", None)
        if read_header is None:
            raise ValueError(f"array format {version} is unknown")
        shape, _, dtype = read_header(file)
    if any(length < 0 for length in shape):
        raise ValueError(f"shape {shape} is impossible")
    if dtype.hasobject:
        raise DataError(f"{what} holds Python objects, which may run code: save plain numbers")
    claimed = math.prod(shape) * dtype.itemsize
    compressed = info.compress_type == zipfile.ZIP_DEFLATED
    check_claim(what, claimed, min(info.compress_size, size), compressed)
    with archive.open(info) as file:
        read: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):
            raise ValueError("bytes are left over")  # reading to the end checks the checksum too
    return read


def _examples(name: str, arrays: Arrays, others: tuple[str, ...], prefix: str) -> NDArray[Any]:
    images, points = arrays.get(f"{prefix}images"), arrays.get(f"{prefix}points")
    if (images is None) == (points is None):
        found = ", ".join((*arrays, *others)) or "nothing"
        raise DataError(
            f"data '{name}' needs either {prefix}images or {prefix}points, found {found}"
        )
    if images is not None:
        if images.dtype.kind not in "iuf" or images.ndim not in (3, 4) or 0 in images.shape:
            raise DataError(
                f"images in '{name}' must be uint8, or other numbers, [N, H, W] or [N, H, W, C], "
                f"got {images.dtype} {list(images.shape)}"
            )
        if images.ndim == 4 and images.shape[3] not in (1, 3):
            raise DataError(f"images in '{name}' have {images.shape[3]} channels: 1 or 3 are known")
        planes = as_planes(images)
        return np.ascontiguousarray(planes)
    assert points is not None
    if points.ndim != 2 or 0 in points.shape or not np.issubdtype(points.dtype, np.number):
        raise DataError(f"points in '{name}' must be numbers [N, D]")
    if not np.isfinite(points).all():
        raise DataError(f"points in '{name}' are not all finite")
    return np.ascontiguousarray(points, np.float32)


def _labels(name: str, arrays: Arrays, prefix: str, count: int) -> Labels | None:
    labels, conditions = arrays.get(f"{prefix}labels"), arrays.get(f"{prefix}conditions")
    if labels is not None and conditions is not None:
        raise DataError(f"data '{name}' has labels and conditions: give one of the two")
    given = labels if labels is not None else conditions
    if given is None:
        return None
    if not given.shape or len(given) != count:
        found = len(given) if given.shape else "no list of them"
        raise DataError(f"data '{name}' has {count} examples and labels or conditions for {found}")
    if labels is not None:
        return read_labels(f"labels in '{name}'", labels)
    number = np.issubdtype(given.dtype, np.number) or given.dtype == np.bool_
    if not number or given.ndim != 2 or not given.shape[1] or not np.isfinite(given).all():
        raise DataError(f"conditions in '{name}' must be finite numbers [N, C]")
    conditions = given.astype(np.float32)
    return Labels(conditions, (), conditions)
