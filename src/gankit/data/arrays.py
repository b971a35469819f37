"""A user's own arrays: an .npz or .mat file of images or points, perhaps with labels, or an .npy
file of one."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gankit.data.claims import check_claim, unread
from gankit.data.dataset import ArrayDataset, array_fingerprint, split_off
from gankit.data.labels import Labels, read_labels
from gankit.data.layout import SPLITS, name_some
from gankit.data.mat import examples_first, read_mat
from gankit.data.pixels import channels_first
from gankit.data.read_options import ReadOptions
from gankit.data.values import (
    PLAIN,
    PixelFormat,
    as_float32,
    check_alpha,
    check_finite,
    format_of,
    tell_dark,
    tell_format,
)
from gankit.errors import DataError
from gankit.text import reason

KNOWN = ("images", "points", "labels", "conditions")
"""The names of the arrays that are read; those of the test split begin with `test_`. The usual
names of splits work too: `train_images`, `val_images`."""
MATLAB = {"X": "images", "y": "labels", "labs_ex": "labels"}
"""What the names of arrays in .mat files stand for, in SVHN and in the Toronto faces."""
SHORT = {"x": "images", "y": "labels"}
"""What the short names in `x_train`, `y_train`, `x_test` and `y_test` stand for."""


def read_arrays(name: str, path: Path, options: ReadOptions) -> ArrayDataset:
    """Read a data set from the arrays of an .npz or .mat file, or the one array of an .npy file.

    The file holds either

    - `images`, uint8 [N, H, W], [N, H, W, C] or [N, C, H, W] of 1 to 16 channels; other whole
      numbers and floats become 8 bits, and their range is kept (`gankit.data.values`); or
    - `points`, float [N, D];

    and, if examples have labels, either

    - `labels`, whole numbers or names [N] (`gankit.data.labels`); or
    - `conditions`, float [N, C]: a vector that the generator is given for each example.

    Several labels at once, as rows of 0 and 1 [N, C], may have either name. `test_images` and so
    on are the test split; `train_images`, `val_images`, `x_train` and the like are known too. If
    the file has no test split, `options.holdout` is held out from the examples. An array in an .npy
    file is images, or points if it is [N, D]. With `options.channels` `rgba`, the last of four
    channels is opacity.

    Raises DataError for anything else, and if a size or other channels are asked for.
    """
    if options.size or options.crop or options.channels not in ("auto", "rgba"):
        raise DataError(
            f"data '{name}' is arrays, taken as they are: leave size, crop and channels out (rgba "
            "says that the last of four channels is opacity)"
        )
    content = _read_file(name, path, options.split == "test")
    if content.has_test:
        # If the test split is asked for, there need not be another one.
        if options.split == "train" or not content.arrays.keys().isdisjoint(("images", "points")):
            _check_test(name, content)
        prefix = "" if options.split == "train" else "test_"
        return _dataset(name, content, prefix, options)
    return split_off(_dataset(name, content, "", options), options.split, options.holdout)


Arrays = dict[str, NDArray[Any]]


class _Content(NamedTuple):
    """What a file holds: the arrays that are read, by their names in `KNOWN`, and all names.

    For training, of the arrays of a test split only the headers are read (`claims.unread`), so that
    it is known before training whether scores can be measured against it. `others` are the names
    that stand for nothing known, or for a split that is not used; `notes` say what else a person
    should know.
    """

    arrays: Arrays
    names: tuple[str, ...]
    others: tuple[str, ...]
    has_test: bool
    notes: tuple[str, ...] = ()


def _roles(keys: Iterable[str]) -> dict[str, str]:
    """Return the name in `KNOWN` of each array that has one, with `test_` before it if of the test.

    Of several test splits, the first in the order of `SPLITS` is taken. Raises DataError if two
    arrays stand for the same.
    """
    found = {key: named for key in keys if (named := _role(key)) is not None}
    tests = {split for split, _ in found.values() if SPLITS[split] == "test"}
    test = next((split for split in SPLITS if split in tests), None)
    roles: dict[str, str] = {}
    for key, (split, known) in found.items():
        if split == test or SPLITS[split] == "train":
            role = f"test_{known}" if split == test else known
            twice = next((other for other, its in roles.items() if its == role), None)
            if twice is not None:
                raise DataError(f"arrays '{twice}' and '{key}' stand for the same: leave one out")
            roles[key] = role
    return roles


def _role(key: str) -> tuple[str, str] | None:
    """Return (a split, a name in `KNOWN`) for an array's name; None if it is another."""
    first, _, last = key.lower().partition("_")
    if key in KNOWN:
        return "train", key
    if first in SPLITS and last in KNOWN:
        return first, last
    return (last, SHORT[first]) if first in SHORT and last in SPLITS else None


def _dataset(name: str, content: _Content, prefix: str, options: ReadOptions) -> ArrayDataset:
    """Return one split of the arrays, with the training split's range and class numbers.

    `prefix` is empty for training, and `test_` for the test split.
    """
    arrays = content.arrays
    examples = _examples(name, content, prefix)
    notes: tuple[str, ...] = ()
    pixels = PLAIN
    if examples.ndim == 4:
        pixels = _format(name, arrays, prefix, options, examples.shape[1])
        notes = tell_format(f"the images are {examples.dtype}", pixels)
        examples = pixels.encode(examples)
        notes += tell_dark(examples) if pixels == PLAIN else ()
    else:
        examples = as_float32(f"points in '{name}'", examples)
    if content.others:
        notes += (f"left out, arrays that are not read: {name_some(content.others)}",)
    notes += content.notes
    examples = np.ascontiguousarray(examples)
    labels = _labels(name, arrays, prefix, len(examples))
    numbers, names, given = labels or (None, (), None)
    fingerprint = array_fingerprint(examples, given, pixels.mark)
    dataset = ArrayDataset(name, examples, fingerprint, numbers, names, notes)
    dataset.pixels = pixels
    if prefix and "labels" in arrays:
        dataset.number_as_trained(read_labels(f"labels in '{name}'", arrays["labels"]).names)
    return dataset


def _format(
    name: str, arrays: Arrays, prefix: str, options: ReadOptions, channels: int
) -> PixelFormat:
    """Return how images are stored, by the range of the training split. Raises DataError."""
    alpha = options.channels == "rgba"
    if alpha:
        check_alpha(f"images in '{name}'", channels)
    images = arrays[f"{prefix}images"]
    trained = arrays.get("images", images)
    if prefix and images.dtype != np.uint8:
        check_finite(f"{prefix}images in '{name}'", images)
    if trained.dtype == np.uint8 != images.dtype:  # each by its own type
        trained = images
    return format_of(f"images in '{name}'", trained, options.values, alpha)


def _check_test(name: str, content: _Content) -> None:
    """Raise DataError if a test split does not go with the training split, as far as headers say.

    A file with a test split alone is read as one that lacks its training split.
    """
    trained, tested = (_examples(name, content, prefix) for prefix in ("", "test_"))
    if tested.shape[1:] != trained.shape[1:]:
        raise DataError(
            f"data '{name}': its test examples are {list(tested.shape[1:])} and its training "
            f"examples {list(trained.shape[1:])} (channels first): give both the same shape"
        )
    known, other = content.arrays.get("conditions"), content.arrays.get("test_conditions")
    _given_labels(name, content.arrays, "test_", len(tested))
    if known is not None and other is not None and known.shape[1:] != other.shape[1:]:
        raise DataError(
            f"data '{name}': its test conditions are {list(other.shape[1:])} and its training "
            f"conditions {list(known.shape[1:])}: give both the same shape"
        )


def _read_file(name: str, path: Path, test: bool) -> _Content:
    """Return the arrays with known names. `test`: read the test split's too, not their headers."""
    single = path.suffix.lower() == ".npy"
    if path.suffix.lower() == ".mat":
        return _read_matlab(path, test)
    try:
        return _read_single(name, path) if single else _read_members(name, path, test)
    except MemoryError:
        raise DataError(f"data {name!r} does not fit into memory: save fewer examples") from None
    except DataError:
        raise
    except Exception as error:  # damage can fail anywhere inside zipfile and numpy
        what = "an array" if single else "arrays"
        raise DataError(
            f"data {name!r} is no {path.suffix.lower()} file of {what}: {reason(error)}"
        ) from None


def _read_single(name: str, path: Path) -> _Content:
    """Return the array of an .npy file as images, or as points if it has two axes."""
    size = path.stat().st_size
    found = _read_array(f"the array in {name!r}", lambda: path.open("rb"), size, False)
    role = "points" if found.ndim == 2 else "images"
    return _Content({role: found}, (role,), (), False)


def _read_matlab(path: Path, test: bool) -> _Content:
    """Return the arrays of a .mat file, which has its own names and order of axes for them.

    Labels are not read if some are unknown, which negative ones stand for; a note says so.
    """
    splits = [f"{split}{known}" for split in ("", "test_") for known in KNOWN]
    read = [*MATLAB, *(name for name in splits if test or name in KNOWN)]
    found, names = read_mat(path, read, [name for name in splits if name not in read])
    others = [name for name in names if name not in found]
    arrays: Arrays = {}
    notes: list[str] = []
    for key, array in found.items():
        role = MATLAB.get(key, key)
        if role in arrays:
            raise DataError(f"arrays in {str(path)!r} stand twice for {role}: leave one out")
        if role.endswith("labels") and array.size and array.min() < 0:
            unknown = int((array < 0).sum())
            notes.append(
                f"no classes: {unknown:,} of the {array.size:,} labels in array '{key}' are "
                "negative, so unknown; to train with classes, save the other examples alone"
            )
        elif role.endswith("labels"):
            arrays[role] = array.ravel()
        else:
            arrays[role] = examples_first(array) if role.endswith("images") else array
    has_test = any(role.startswith("test_") for role in arrays)
    return _Content(arrays, tuple(names), tuple(others), has_test, tuple(notes))


def _read_members(name: str, path: Path, test: bool) -> _Content:
    arrays, others = {}, []
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        roles = _roles(infos)
        for key, info in infos.items():
            role = roles.get(key)
            if role is not None:
                what, head = f"array '{key}' in {name!r}", not test and role not in KNOWN
                arrays[role] = read_member(what, archive, info, size, head=head)
                continue
            archive.open(info).close()  # raises if the name is damaged
            others.append(key)
    has_test = any(role.startswith("test_") for role in roles.values())
    return _Content(arrays, tuple(infos), tuple(others), has_test)


def read_member(
    what: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int, *, head: bool = False
) -> NDArray[Any]:
    """Read one array, after checking the size in its header against the file's bytes.

    `head`: read its header alone (`claims.unread`).
    """
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{what} is compressed in an unknown way: save it with np.savez")
    compressed = info.compress_type == zipfile.ZIP_DEFLATED
    stored = min(info.compress_size, size)
    return _read_array(what, lambda: archive.open(info), stored, compressed, head)


def _read_array(
    what: str,
    open_file: Callable[[], IO[bytes]],
    stored: int,
    compressed: bool,
    head: bool = False,
) -> NDArray[Any]:
    """Read an array, after checking the size in its header against its `stored` bytes."""
    with open_file() as file:
        version = np.lib.format.read_magic(file)
        read_header = getattr(np.lib.format, f"read_array_header_{min(version[0], 2)}_0", None)
        if read_header is None:
            raise ValueError(f"array format {version} is unknown")
        shape, _, dtype = read_header(file)
    if any(length < 0 for length in shape):
        raise ValueError(f"shape {shape} is impossible")
    if dtype.hasobject:
        raise DataError(f"{what} holds Python objects, which may run code: save plain numbers")
    check_claim(what, math.prod(shape) * dtype.itemsize, stored, compressed)
    if head:
        return unread(shape, dtype)
    with open_file() as file:
        read: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):
            raise ValueError("bytes are left over")  # reading to the end checks the checksum too
    return read


def _examples(name: str, content: _Content, prefix: str) -> NDArray[Any]:
    """Return images, [N, C, H, W], or points, [N, D], of any type, without a copy."""
    arrays = content.arrays
    images, points = arrays.get(f"{prefix}images"), arrays.get(f"{prefix}points")
    if (images is None) == (points is None):
        raise DataError(
            f"data '{name}' needs either {prefix}images or {prefix}points, found "
            f"{name_some(content.names, 8) or 'nothing'}: save it with these names"
        )
    if images is not None:
        if images.dtype.kind not in "iuf" or images.ndim not in (3, 4) or 0 in images.shape:
            raise DataError(
                f"images in '{name}' must be uint8, or other numbers, [N, H, W] or [N, H, W, C], "
                f"got {images.dtype} {list(images.shape)}"
            )
        try:
            return channels_first(images)
        except DataError as error:
            raise DataError(f"data '{name}': {error}") from None
    assert points is not None
    if points.ndim != 2 or 0 in points.shape or points.dtype.kind not in "iuf":
        raise DataError(
            f"points in '{name}' must be numbers [N, D], got {points.dtype} {list(points.shape)}"
        )
    return points


def _given_labels(name: str, arrays: Arrays, prefix: str, count: int) -> NDArray[Any] | None:
    """Return the labels or conditions of a split, if it has any. Raises DataError."""
    labels, conditions = arrays.get(f"{prefix}labels"), arrays.get(f"{prefix}conditions")
    if labels is not None and conditions is not None:
        raise DataError(f"data '{name}' has labels and conditions: give one of the two")
    given = labels if labels is not None else conditions
    if given is None:
        return None
    if not given.shape or len(given) != count:
        found = len(given) if given.shape else "no list of them"
        raise DataError(
            f"data '{name}' has {count} {'test ' * bool(prefix)}examples and labels or conditions "
            f"for {found}"
        )
    if labels is None and (given.dtype.kind not in "biuf" or given.ndim != 2 or not given.shape[1]):
        raise DataError(
            f"conditions in '{name}' must be finite numbers [N, C], got {given.dtype} "
            f"{list(given.shape)}"
        )
    return given


def _labels(name: str, arrays: Arrays, prefix: str, count: int) -> Labels | None:
    given = _given_labels(name, arrays, prefix, count)
    if given is None:
        return None
    if f"{prefix}labels" in arrays:
        return read_labels(f"labels in '{name}'", given)
    conditions = as_float32(f"conditions in '{name}'", given)
    return Labels(conditions, (), conditions)
