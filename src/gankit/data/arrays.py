"""A user's own arrays: an .npz file of images or vectors, with labels or a vector for each."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.data.claims import check_claim
from gankit.data.dataset import ArrayDataset, array_fingerprint
from gankit.data.images import ReadOptions
from gankit.data.labels import Labels, read_labels
from gankit.data.pixels import as_planes
from gankit.errors import DataError

KNOWN = ("images", "points", "labels", "conditions")
"""The arrays that are looked for; of the test split with `test_` before."""


def read_arrays(name: str, path: Path, options: ReadOptions) -> ArrayDataset:
    """The arrays of an .npz file.

    It holds `images`, uint8 [N, H, W] or [N, H, W, C], or `points`, float [N, D]; and perhaps
    `labels`, whole numbers or names [N] (`gankit.data.labels`), or `conditions`, float [N, C]: what
    the generator is given for each example (features of another thing, say). Several labels at
    once, as 0 and 1, go by either name.
    `test_images` and so on, where they are there, are the test split.

    Raises DataError for anything else, and where size or channels are asked for.
    """
    if options.size is not None or options.channels != "auto":
        raise DataError(f"data '{name}' is arrays, taken as they are: leave size and channels out")
    prefix = "" if options.split == "train" else "test_"
    try:
        arrays, others = _read_members(name, path, prefix)
    except MemoryError:
        raise DataError(f"data {name!r} does not fit into memory: save fewer examples") from None
    except DataError:
        raise
    except Exception as error:  # damage can fail anywhere inside zipfile and numpy
        raise DataError(
            f"data {name!r} is no .npz file of arrays: {str(error) or type(error).__name__}"
        ) from None
    examples = _examples(name, arrays, others, prefix)
    labels = _labels(name, arrays, prefix, len(examples))
    if labels is None:
        return ArrayDataset(name, examples, array_fingerprint(examples))
    fingerprint = array_fingerprint(examples, labels.given)
    dataset = ArrayDataset(name, examples, fingerprint, labels.numbers, labels.names)
    if prefix and "labels" in arrays:  # numbered as they are for training
        dataset.number_classes(read_labels(f"labels in '{name}'", arrays["labels"]).names)
    return dataset


def _read_members(
    name: str, path: Path, prefix: str
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """(the arrays of a split that are known by name, the names of all others)."""
    arrays, others = {}, []
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            key = info.filename.removesuffix(".npy")
            if key in {"labels", *(prefix + known for known in KNOWN)}:
                arrays[key] = _read_member(f"array '{key}' in {name!r}", archive, info, size)
            else:
                archive.open(info).close()  # a damaged name is no other name
                others.append(key)
    return arrays, tuple(others)


def _read_member(
    what: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int
) -> NDArray[Any]:
    """One array, whose claims are checked against the file before it is allocated."""
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
            raise ValueError("bytes are left over")  # and the checksum is looked at
    return read


def _examples(
    name: str, arrays: dict[str, NDArray[Any]], others: tuple[str, ...], prefix: str
) -> NDArray[Any]:
    images, points = arrays.get(f"{prefix}images"), arrays.get(f"{prefix}points")
    if (images is None) == (points is None):
        found = ", ".join((*arrays, *others)) or "nothing"
        raise DataError(
            f"data '{name}' needs either {prefix}images or {prefix}points, found {found}"
        )
    if images is not None:
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or 0 in images.shape:
            raise DataError(f"images in '{name}' must be uint8 [N, H, W] or [N, H, W, C]")
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


def _labels(name: str, arrays: dict[str, NDArray[Any]], prefix: str, count: int) -> Labels | None:
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
