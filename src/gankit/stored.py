"""Read files that anybody may have changed, and check their content before it is used.

A file may be missing, a folder, a pipe, gigabytes long, no text, no JSON, nested without end, or
hold anything in the place of a number. Each of these raises a `StoredError` of a few words.
"""

from __future__ import annotations

import dataclasses
import json
import stat
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from gankit.text import reason, shown

T = TypeVar("T")

LONGEST = 2**26
"""The most bytes of a file that is read at once."""
LARGEST_INT = 2**53
"""The largest whole number up to which floats hold every whole number exactly."""
LARGEST_LOGGED = 1e100
"""The bound of logged numbers: gankit logs float32 and means of them, which are all below it."""


class StoredError(ValueError):
    """The error of a file whose content cannot be used: a few words, without its path."""


def read_text(path: Path, longest: int = LONGEST) -> str:
    """Read a file of UTF-8 text, of `longest` bytes at most. Raises StoredError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait for ever
            raise StoredError("it is a folder" if path.is_dir() else "it is no plain file")
        with path.open("rb") as file:
            content = file.read(longest + 1)
    except OSError as error:
        raise StoredError(error.strerror or str(error)) from None
    if len(content) > longest:
        raise StoredError(f"it is longer than {longest:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StoredError(f"it is not UTF-8 text (byte {error.start:,})") from None


def parse_json(text: str) -> Any:
    """Return the value that a JSON text holds. Raises StoredError."""
    try:
        return json.loads(text)
    except RecursionError:
        raise StoredError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise StoredError(f"it is not JSON: {reason(error)}") from None
    except ValueError:  # Python reads no whole number of more than some thousand digits
        raise StoredError("it holds a whole number of too many digits") from None


def read_json(path: Path) -> dict[str, Any]:
    """Read the object that a JSON file holds. Raises StoredError."""
    return as_object(read_text(path))


def as_object(text: str) -> dict[str, Any]:
    """Return the object that a text of JSON says. Raises StoredError."""
    found = parse_json(text)
    if not isinstance(found, dict):
        raise StoredError(f"it holds {shown(found)} in place of an object")
    return found


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield each line of a file that is a JSON object with a count (a whole number >= 0) as `step`.

    Other lines are skipped, because a kill may have torn them. If there is no file there are no
    lines. Raises StoredError if there is one that cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise StoredError("it is a folder" if path.is_dir() else "it is no plain file")
        with path.open("rb") as file:
            for raw in file:
                try:
                    line = parse_json(raw.decode(errors="replace"))
                except StoredError:
                    continue
                if isinstance(line, dict) and is_count(line.get("step")):
                    yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoredError(error.strerror or str(error)) from None


def logged_numbers(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a logged line, with None for each that is not finite or too large."""
    return {
        key: value if value is None or abs(value) < LARGEST_LOGGED else None  # NaN is not below
        for key, value in line.items()
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
    }


def is_count(value: object, least: int = 0) -> bool:
    """Return whether `value` is a whole number from `least` to `LARGEST_INT`."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and least <= value <= LARGEST_INT  # type: ignore[operator]


def build(kind: type[T], given: object) -> T:
    """Build a dataclass from plain JSON values, each of the type that its field declares.

    Whole numbers must be counts, from 0. Values without a field are ignored. Raises StoredError,
    naming the field.
    """
    made: T = _typed(given, kind, "")
    return made


def check_data(data: object) -> None:
    """Check the entry of a run or an artifact on its data, before anything is built from it.

    It needs the texts `name` and `fingerprint`, `count`, the `shape` of one example (a list of
    one to three sizes), and the list `class_names`; `condition` and `symbols` may be left out.
    Raises StoredError.
    """
    if not isinstance(data, Mapping):
        raise StoredError(f"data must be an object, got {shown(data)}")
    check_shape(data.get("shape"))
    names, condition = data.get("class_names"), data.get("condition", 0)
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise StoredError(f"class_names must be a list of texts, got {shown(names)}")
    symbols = data.get("symbols", ())
    if not isinstance(symbols, (list, tuple)) or not all(isinstance(s, str) for s in symbols):
        raise StoredError(f"symbols must be a list of texts, got {shown(symbols)}")
    if symbols and len(data["shape"]) != 1:
        raise StoredError(f"tokens have one size, got {shown(data['shape'])}")
    if not is_count(condition) or condition > LARGEST_SIDE:
        raise StoredError(f"condition must be a count, got {shown(condition)}")
    for key in ("name", "fingerprint"):
        if not isinstance(data.get(key), str):
            raise StoredError(f"{key} must be a text, got {shown(data.get(key))}")
    if not is_count(data.get("count")):
        raise StoredError(f"count must be a whole number, got {shown(data.get('count'))}")


LARGEST_SIDE = 2**16
"""The largest side of an example, in pixels or numbers, and the most numbers of a condition."""


def check_shape(shape: object) -> None:
    """Raise StoredError if `shape` is not a list of one to three sizes, 1 to `LARGEST_SIDE`."""
    sizes = shape if isinstance(shape, (list, tuple)) else ()
    if not 1 <= len(sizes) <= 3 or not all(is_count(n, 1) and n <= LARGEST_SIDE for n in sizes):
        raise StoredError(f"shape must be a list of one to three sizes, got {shown(shape)}")


def _typed(value: Any, hint: Any, name: str) -> Any:
    """Return `value` as the type `hint`, such as a dataclass, a union with None or a number."""
    origin, arguments = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _dataclass(value, hint, name)
    if origin in (Union, types.UnionType):
        inner = next(a for a in arguments if a is not types.NoneType)
        return None if value is None else _typed(value, inner, name)
    if origin is tuple and isinstance(value, list):
        if arguments[-1] is ... or len(value) == len(arguments):
            return tuple(_typed(part, arguments[0], name) for part in value)
    elif isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, dict):
        return {key: _typed(part, arguments[1], name) for key, part in value.items()}
    elif hint is Any or (origin is Literal and value in arguments):
        return value
    elif hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if isinstance(value, float) or abs(value) < LARGEST_LOGGED:
            return float(value)
    elif (hint is int and is_count(value)) or (hint in (str, bool) and isinstance(value, hint)):
        return value
    raise StoredError(f"{name} cannot be {shown(value)}")


def _dataclass(value: Any, kind: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise StoredError(f"{name or 'it'} must be an object, got {shown(value)}")
    hints, values = get_type_hints(kind), {}
    for item in dataclasses.fields(kind):
        if item.name in value:
            values[item.name] = _typed(value[item.name], hints[item.name], item.name)
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise StoredError(f"{item.name} is missing")
    return kind(**values)
