"""Labels as users hold them: the values that occur are the classes, and give them their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gankit.data.layout import by_nature
from gankit.errors import DataError
from gankit.text import shown

WANTED = "give one label for each example: whole numbers from 0, or names"


class Labels(NamedTuple):
    """Labels as a Dataset holds them.

    Attributes:
        numbers: int64 [N], 0..classes-1; or float32 [N, C], a vector for each example.
        names: the names of the classes; empty for vectors.
        given: the labels as they were given, for the fingerprint.
    """

    numbers: NDArray[Any]
    names: tuple[str, ...]
    given: NDArray[Any]


def read_labels(what: str, labels: NDArray[Any], names: Sequence[str] | None = None) -> Labels:
    """Read the classes, or the vectors, in an array of labels.

    Args:
        what: the beginning of an error's message, such as `labels in 'set.npz'`.
        labels: whole numbers from 0 (floats too), texts or truth values, [N] or [N, 1]. Or rows
            of 0 and 1, [N, K]: if each row has a single 1, its place is the number of the class;
            otherwise the rows are vectors.
        names: the names of the classes 0, 1, ...; for texts, all of them in the order of their
            numbers. None: the values that occur, in order.

    Raises:
        DataError: the labels are something else, or do not fit `names`.
    """
    if labels.ndim == 2 and labels.shape[1] > 1 and bool(np.isin(labels, (0, 1)).all()):
        if not (labels.sum(axis=1) == 1).all():
            return Labels(labels.astype(np.float32), (), labels.astype(np.float32))
        found = _numbered(what, labels.argmax(axis=1), names)
        return found._replace(given=labels.astype(np.float32))
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.ndim != 1:
        raise DataError(
            f"{what} cannot be {labels.dtype} {list(labels.shape)}: {WANTED}, or several at once "
            "as 0 and 1, [N, C]; other vectors are called conditions"
        )
    if flat.dtype == np.bool_:
        return _named(what, flat, np.where(flat, "True", "False"), names)
    if flat.dtype.kind in "US" or _all_texts(flat):
        return _named(what, flat, _texts(what, flat), names)
    return _numbered(what, _whole(what, flat), names)


def _all_texts(flat: NDArray[Any]) -> bool:
    return flat.dtype == object and all(isinstance(label, (str, bytes)) for label in flat)


def _texts(what: str, flat: NDArray[Any]) -> NDArray[np.str_]:
    try:
        texts = [t.decode() if isinstance(t, bytes) else str(t) for t in flat.tolist()]
    except UnicodeDecodeError:
        raise DataError(f"{what} are bytes that are no UTF-8 text: {WANTED}") from None
    empty = next((place for place, text in enumerate(texts) if not text), None)
    if empty is not None:
        raise DataError(f"{what} hold an empty text, at {empty:,}: leave that example out")
    return np.array(texts)


def _whole(what: str, flat: NDArray[Any]) -> NDArray[np.int64]:
    """Return labels that are whole numbers from 0 as int64. Raises DataError for any others."""
    cannot = f"{what} cannot be {flat.dtype} {list(flat.shape)}"
    if flat.dtype.kind not in "iuf":
        raise DataError(f"{cannot}: {WANTED}")
    for wrong, why in (
        (~np.isfinite(flat), "which is no number: leave out what has no label"),
        (flat != np.floor(flat), "which is no whole number; as conditions they are [N, 1]"),
    ):
        if wrong.any():
            place = int(wrong.argmax())
            count = f"{int(wrong.sum()):,} of {len(flat):,} are like it"
            raise DataError(f"{cannot}: at {place:,} stands {flat[place]} ({count}), {why}")
    least, most = flat.min(), flat.max()
    if least < 0 or most > 2**53:
        raise DataError(
            f"{what} must be whole numbers from 0, got {least} to {most}: leave out what has no "
            "class, or number the classes"
        )
    return flat.astype(np.int64)


def _numbered(what: str, flat: NDArray[np.int64], names: Sequence[str] | None) -> Labels:
    if names is None:
        values, numbers = np.unique(flat, return_inverse=True)
        return Labels(numbers.astype(np.int64), tuple(map(str, values.tolist())), flat)
    if len(names) <= flat.max():
        raise DataError(
            f"{what}: there are {len(names)} class names, and labels up to {flat.max()}: give a "
            "name for each"
        )
    return Labels(flat, _unlike(names), flat)


def _named(
    what: str, given: NDArray[Any], texts: NDArray[np.str_], names: Sequence[str] | None
) -> Labels:
    found, numbers = np.unique(texts, return_inverse=True)
    order = by_nature(found.tolist()) if names is None else list(_unlike(names))
    place = {name: number for number, name in enumerate(order)}
    missing = [name for name in found.tolist() if name not in place]
    if missing:
        raise DataError(f"{what}: {shown(missing[0])} is not among the class names: give all")
    if given.dtype != np.bool_:
        given = np.frombuffer("\n".join(texts).encode(errors="surrogatepass"), np.uint8)
    return Labels(np.array([place[name] for name in found.tolist()])[numbers], tuple(order), given)


def _unlike(names: Sequence[str]) -> tuple[str, ...]:
    """Return the class names as texts. Raises DataError if two are alike."""
    texts = tuple(map(str, names))
    twice = next((name for name in texts if texts.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"two classes are called {shown(twice)}: give each a name of its own")
    return texts
