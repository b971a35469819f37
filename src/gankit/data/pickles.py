"""Arrays in Python pickles, read without running anything that a pickle may ask for.

A pickle may name any function to be called while it is read. Here every name but numpy's own of an
array is refused, and those stand for placeholders that only hold what the pickle says.
"""

from __future__ import annotations

import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.errors import DataError
from gankit.text import reason

LONGEST = 2_000_000_000
"""The most bytes of a pickle that is read."""


class _Placeholder:
    """Holds the state that a pickle gives an object."""

    def __init__(self, *given: Any) -> None:
        self.given = given
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Reconstruct:
    """Makes the placeholder of an array. It has no attributes that a pickle could set."""

    __slots__ = ()

    def __call__(self, *_given: Any) -> _Placeholder:
        return _Placeholder()


class _Encode:
    """Returns bytes that Python 3 has written as text, in a pickle that Python 2 can read."""

    __slots__ = ()

    def __call__(self, text: str, coding: str) -> bytes:
        if coding != "latin1":
            raise pickle.UnpicklingError(f"it holds bytes in the coding {coding!r}")
        return text.encode("latin1")


ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _Reconstruct(),
    ("numpy._core.multiarray", "_reconstruct"): _Reconstruct(),
    ("numpy", "ndarray"): None,  # `_reconstruct` is given it
    ("numpy", "dtype"): _Placeholder,
    ("_codecs", "encode"): _Encode(),
}
"""The names that a pickle may use, with what they stand for."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which is no part of an array and could run code"
            ) from None


def read_pickle(path: Path) -> dict[str, Any]:
    """Return the dictionary in a pickle: arrays of bytes as uint8, keys as text.

    Raises DataError if it holds anything but a dictionary of arrays, lists, texts and numbers, or
    is damaged.
    """
    what = f"pickle {str(path)!r}"
    try:
        if path.stat().st_size > LONGEST:
            raise DataError(f"{what} is of more than {LONGEST:,} bytes: give the file as published")
        found = _Unpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
        if not isinstance(found, dict):
            raise pickle.UnpicklingError(f"it holds no dictionary, but a {type(found).__name__}")
        return {_text(key): _plain(value) for key, value in found.items()}
    except DataError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise DataError(f"{what} cannot be read ({reason(error)}): get it again") from None


def _text(key: object) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)


def _plain(value: Any) -> Any:
    """Return an array for its placeholder; anything else is returned as it is."""
    return _filled(value.state) if isinstance(value, _Placeholder) else value


def _filled(state: Any) -> NDArray[np.uint8]:
    """Return the array of bytes that a state of numpy's describes. Raises ValueError if another."""
    _version, shape, dtype, by_columns, content = state
    code = dtype.given[0]
    if code not in (b"u1", "u1") or not isinstance(content, bytes):
        raise ValueError("an array of it is not of bytes")
    if any(length < 0 for length in shape) or math.prod(shape) != len(content):
        raise ValueError("an array of it has another size than its shape says")
    flat = np.frombuffer(content, np.uint8)
    return flat.reshape(tuple(shape)[::-1]).T if by_columns else flat.reshape(tuple(shape))
