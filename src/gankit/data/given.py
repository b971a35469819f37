"""Data that a program already holds: arrays, tensors, and torch or Hugging Face data sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gankit.arguments import refuse_masked
from gankit.data.images import to_8_bit
from gankit.data.labels import Labels, read_labels
from gankit.data.pixels import MOST_CHANNELS, channels_first
from gankit.data.values import (
    NUMBERS,
    PLAIN,
    PixelFormat,
    as_float32,
    check_alpha,
    format_of,
    tell_dark,
    tell_format,
)
from gankit.errors import DataError
from gankit.text import shown

KNOWN = (
    "images [N, H, W], [N, H, W, C] or [N, C, H, W], uint8 or other numbers, "
    "points as floats [N, D], or a torch or Hugging Face data set of them"
)
IMAGE_COLUMNS, LABEL_COLUMNS = (
    ("image", "img", "images", "pixels"),
    ("label", "labels", "fine_label"),
)
"""The names that a Hugging Face data set may give its columns; earlier ones are preferred."""

GREY = ("1", "L", "LA")
"""Pillow's modes of grey images of 8 bits."""


class Given(NamedTuple):
    """What `read_given` returns: each part as a Dataset holds it."""

    examples: NDArray[Any]
    labels: Labels | None
    notes: tuple[str, ...]
    pixels: PixelFormat = PLAIN


def read_given(
    given: object,
    labels: object = None,
    class_names: Sequence[str] | None = None,
    alpha: bool = False,
) -> Given:
    """Read whatever `Dataset.of` accepts into memory. Raises DataError.

    `alpha`: the last of an image's four channels is opacity.
    """
    if isinstance(given, tuple) and len(given) == 2 and labels is None:
        given, labels = given
    if hasattr(given, "column_names"):
        given, found, named = _columns(given, alpha)
        labels, class_names = (found if labels is None else labels), class_names or named
    elif _is_indexed(given):
        given, found = _items(given, alpha)
        labels = found if labels is None else labels
    examples, notes, pixels = _examples(given, alpha)
    return Given(examples, _labels(labels, len(examples), class_names), notes, pixels)


def _is_indexed(given: object) -> bool:
    """Return whether `given` is read item by item, as torch data sets are."""
    if isinstance(given, (np.ndarray, torch.Tensor, str, bytes, dict)):
        return False
    return hasattr(given, "__getitem__") and hasattr(given, "__len__")


def _items(given: Any, alpha: bool) -> tuple[object, object]:
    """Return (all examples, all labels or None) of items x or (x, y). Raises DataError."""
    if not len(given):
        raise DataError("the data set given is empty: training needs examples")
    first = given[0]
    if isinstance(first, tuple) and len(first) != 2:
        raise DataError(
            f"each item of a data set must be x or (x, y), got one of {len(first)} parts: give a "
            "data set that returns no more"
        )
    items = [given[i] for i in range(len(given))]
    if not isinstance(first, tuple):
        return _stacked(items, alpha), None
    return _stacked([x for x, _ in items], alpha), _stacked_labels([y for _, y in items])


def _columns(given: Any, alpha: bool) -> tuple[object, object, Sequence[str] | None]:
    """Return (images, labels or None, class names or None) of a Hugging Face data set.

    Raises DataError if it is a set of splits, is empty, or has no column of images.
    """
    names = given.column_names
    if isinstance(names, dict):
        raise DataError(
            f"this is a set of splits ({', '.join(map(str, names))}): give one, data['train']"
        )
    image = next((name for name in IMAGE_COLUMNS if name in names), None)
    label = next((name for name in LABEL_COLUMNS if name in names), None)
    if image is None:
        raise DataError(
            f"none of the columns {', '.join(map(str, names))} is called "
            f"{' or '.join(IMAGE_COLUMNS)}: rename the one that holds the images"
        )
    if not len(given):
        raise DataError("the data set given is empty: training needs examples")
    items = [given[i] for i in range(len(given))]
    feature = getattr(given, "features", {}).get(label)
    labels = None if label is None else _stacked_labels([item[label] for item in items])
    return _stacked([item[image] for item in items], alpha), labels, getattr(feature, "names", None)


def _stacked(items: list[Any], alpha: bool) -> object:
    """Stack all items to one array or tensor. Raises DataError if their shapes differ."""
    if all(isinstance(item, torch.Tensor) for item in items):
        items = [item.detach().cpu() for item in items]
        if len({item.shape for item in items}) == 1:
            return torch.stack(items)
    pictures = [item for item in items if isinstance(item, Image.Image)]
    grey = all(picture.mode in GREY or picture.mode[0] in "IF" for picture in pictures)
    channels = 1 if grey else 3
    items = [
        _pixels(item, alpha, channels) if isinstance(item, Image.Image) else _plain(item)
        for item in items
    ]
    _check_alike(items)
    return np.stack(items)


def _check_alike(items: list[NDArray[Any]]) -> None:
    """Raise DataError if examples differ in shape, or mix 8 bits with numbers of another range."""
    first = {item.shape: place for place, item in reversed([*enumerate(items)])}
    if len(first) > 1:
        (one, at), (other, there), *_ = sorted(first.items(), key=lambda pair: pair[1])
        several = f"{list(one)} (example {at}) and {list(other)} (example {there})"
        if len(set(map(_sides, first))) == 1:
            raise DataError(
                f"the examples have their channels in {len(first)} ways, such as {several}: give "
                "all of them in one, such as all grey, [H, W], or all in colour, [H, W, 3]"
            )
        raise DataError(
            f"the examples are of {len(first)} shapes, such as {several}: resize them to one"
        )
    types = sorted({str(item.dtype) for item in items})
    if items[0].ndim > 1 and len(types) > 1 and "uint8" in types:
        raise DataError(
            f"the examples are images of {' and '.join(types)}, and uint8 alone is always of 0 to "
            "255: give all of them in one type and range"
        )


def _sides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an example without the axis of its channels, if it has one."""
    if len(shape) != 3:
        return shape
    return shape[1:] if shape[0] <= MOST_CHANNELS < shape[2] else shape[:2]


def _pixels(image: Image.Image, alpha: bool, channels: int) -> NDArray[Any]:
    """Return the numbers of a Pillow image: of more than 8 bits as they are, else of 8 bits.

    Those of 8 bits have 1 channel or 3. Transparent parts are kept with `alpha`, else they are seen
    over white.
    """
    if alpha:
        return np.asarray(image.convert("RGBA"))
    if image.mode[0] in "IF":
        return np.asarray(image)
    return np.asarray(to_8_bit(image, channels))


def _plain(item: Any) -> NDArray[Any]:
    """Return an array or a tensor as an array; numpy has no bfloat16, which becomes float32.

    Raises DataError if something in it is masked.
    """
    refuse_masked("the data given", item, DataError)
    if isinstance(item, torch.Tensor):
        item = item.detach().cpu()
        item = item.float() if item.dtype == torch.bfloat16 else item
    return np.asarray(item)


def _stacked_labels(labels: list[Any]) -> NDArray[Any]:
    arrays = list(map(_plain, labels))
    try:
        return np.stack(arrays)
    except ValueError:
        raise DataError("the labels are of several shapes: give one number for each") from None


def _examples(given: object, alpha: bool) -> tuple[NDArray[Any], tuple[str, ...], PixelFormat]:
    """Return uint8 [N, C, H, W] or float32 [N, D], notes for the user, and what the bytes mean.

    Raises DataError.
    """
    first = isinstance(given, torch.Tensor)  # channels first
    if not isinstance(given, (np.ndarray, torch.Tensor)):
        what = " ".join(shown(given).split())
        raise DataError(f"data cannot be made of {what}: give {KNOWN}")
    array = _plain(given)
    floating = np.issubdtype(array.dtype, np.floating)
    of_a_kind = (array.ndim == 2 and floating) or (
        array.ndim in (3, 4) and (floating or array.dtype.name in NUMBERS)
    )
    if not of_a_kind or 0 in array.shape:
        raise DataError(f"data cannot be made of {array.dtype} {list(array.shape)}: give {KNOWN}")
    if array.ndim == 2:
        return as_float32("the points given", array), (), PLAIN
    planes = channels_first(array, first)
    if alpha:
        check_alpha("the images", planes.shape[1])
    pixels = format_of("the images", planes, alpha=alpha)
    notes = tell_format(f"images given as {array.dtype}", pixels)
    if pixels == PLAIN:
        return np.array(planes, order="C"), tell_dark(array), pixels
    return pixels.encode(planes), notes, pixels


def _labels(given: object, count: int, class_names: Sequence[str] | None) -> Labels | None:
    """Return the classes or vectors given, or None if none are. Raises DataError."""
    if given is None:
        if class_names:
            raise DataError("class names are given without labels: give labels too")
        return None
    known = _plain(given)
    if len(known.shape) == 0 or len(known) != count:
        found = len(known) if known.shape else "no list of"
        raise DataError(f"there are {count} examples and {found} labels: give one label for each")
    if known.ndim == 2 and _are_conditions(known):
        return _conditions(known, class_names)
    labels = read_labels("labels", known, class_names)
    if class_names and not labels.names:
        return _conditions(known, class_names)
    return labels


def _are_conditions(known: NDArray[Any]) -> bool:
    """Return whether rows [N, C] are vectors: not one whole number each, nor all 0 and 1."""
    if known.shape[1] == 1:
        return known.dtype.kind == "f"
    return known.dtype.kind in "biuf" and not np.isin(known, (0, 1)).all()


def _conditions(known: NDArray[Any], class_names: Sequence[str] | None) -> Labels:
    if class_names:
        raise DataError("class names go with whole numbers as labels: leave them out")
    if not known.shape[1]:
        raise DataError(
            f"labels cannot be {known.dtype} {list(known.shape)}: give whole numbers or names [N], "
            "or finite conditions [N, C]"
        )
    vectors = as_float32("the conditions given", known)
    return Labels(vectors, (), vectors)
