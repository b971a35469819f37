"""A user's own arrays: an .npz file of images or vectors, with labels or a vector for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.data.dataset import ArrayDataset, array_fingerprint, as_planes
from gankit.data.images import ReadOptions
from gankit.errors import DataError


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
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise DataError(f"data '{name}' is no .npz file of arrays: {error}") from None
    examples = _examples(name, arrays, prefix)
    labels, names = _labels(name, arrays, prefix, len(examples))
    fingerprint = array_fingerprint(examples, labels)
    return ArrayDataset(name, examples, fingerprint, labels, names)


def _examples(name: str, arrays: dict[str, NDArray[Any]], prefix: str) -> NDArray[Any]:
    images, points = arrays.get(f"{prefix}images"), arrays.get(f"{prefix}points")
    if (images is None) == (points is None):
        found = ", ".join(arrays) or "nothing"
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
