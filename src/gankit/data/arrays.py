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
from gankit.data.pixels import as_planes
from gankit.errors import DataError

KNOWN = ("images", "points", "labels", "conditions")
"""The arrays that are looked for; of the test split with `test_` before."""


def read_arrays(name: str, path: Path, options: ReadOptions) -> ArrayDataset:
    """The arrays of an .npz file.

    It holds `images`, uint8 [N, H, W] or [N, H, W, C], or `points`, float [N, D]; and perhaps
    `labels`, whole numbers [N] from 0, or `conditions`, float [N, C]: what the generator is
    given for each example (features of another thing, say). Several labels at once, as 0 and 1,
    go by either name.
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
    labels, names = _labels(name, arrays, prefix, len(examples))
    fingerprint = array_fingerprint(examples, labels)
    return ArrayDataset(name, examples, fingerprint, labels, names)


def _read_members(
    name: str, path: Path, prefix: str
) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """(the arrays of a split that are known by name, the names of all others)."""
    arrays, others = {}, []
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            key = info.filename.removesuffix(".npy")
            if key in {prefix + known for known in KNOWN}:
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


def _several_at_once(labels: NDArray[Any]) -> bool:
    return labels.ndim == 2 and labels.shape[1] > 1 and bool(np.isin(labels, (0, 1)).all())


def _labels(
    name: str, arrays: dict[str, NDArray[Any]], prefix: str, count: int
) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    labels, conditions = arrays.get(f"{prefix}labels"), arrays.get(f"{prefix}conditions")
    if labels is not None and conditions is not None:
        raise DataError(f"data '{name}' has labels and conditions: give one of the two")
    given = labels if labels is not None else conditions
    if given is None:
        return None, ()
    if labels is not None and _several_at_once(labels):
        labels = None
    if len(given) != count:
        raise DataError(
            f"data '{name}' has {count} examples and labels or conditions for {len(given)}"
        )
    if labels is not None:
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
            raise DataError(
                f"labels in '{name}' must be whole numbers [N] from 0, or several at once as 0 and "
                "1, [N, C]; other vectors are called conditions"
            )
        return labels.astype(np.int64), tuple(map(str, range(int(labels.max()) + 1)))
    number = np.issubdtype(given.dtype, np.number) or given.dtype == np.bool_
    if not number or given.ndim != 2 or not given.shape[1] or not np.isfinite(given).all():
        raise DataError(
            f"conditions (or several labels at once) in '{name}' must be finite numbers [N, C]"
        )
    return given.astype(np.float32), ()
