"""Arguments of public functions: of the types that their signatures declare, or one clear line."""

from __future__ import annotations

import builtins
import functools
import inspect
import operator
import os
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from gankit.errors import ConfigError, GankitError
from gankit.text import shown

P = ParamSpec("P")
R = TypeVar("R")

WORDS: Mapping[Any, str] = {
    bool: "True or False", int: "a whole number", float: "a number", str: "a text",
    Path: "a path", type(None): "None",
}  # fmt: skip
"""What messages call the types that numbers, texts and paths are declared with."""
MAKERS: Mapping[str, str] = {
    "Config": "gankit.configure", "Dataset": "gankit.Dataset.of", "GAN": "gankit.load",
    "Game": "gankit.build_game", "Latents": "gan.latents",
}  # fmt: skip
"""What makes gankit's own classes, by their names."""
ANYTHING = (Any, object, inspect.Parameter.empty)


def typed_arguments(
    kind: type[GankitError] = ConfigError,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a public function refuse an argument of another type than its signature declares.

    >>> @typed_arguments()
    ... def draw(n: int, labels: str | None = None) -> None: ...
    >>> try:
    ...     draw("4")
    ... except ConfigError as error:
    ...     print(error)
    n must be a whole number, got '4'

    It raises an error of this kind for wrong numbers, texts, paths, lists of them and classes, and
    for arrays in which something is masked, as the mask would be lost. Whatever is declared
    otherwise, such as arrays, the function checks itself, as it does all limits.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        hints: dict[str, Any] = {}

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            if not hints:  # only now are the modules there whose classes are declared
                hints.update({p.name: _hint(p, function) for p in signature.parameters.values()})
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError:  # the call itself is wrong, which Python says best
                return function(*args, **kwargs)
            for name, value in given.items():
                _check(name, value, hints[name], kind)
                refuse_masked(name, value, kind)
            return function(*args, **kwargs)

        return checked

    return decorate


def refuse_masked(what: str, value: object, kind: type[GankitError] = ConfigError) -> None:
    """Raise an error of this kind if something in an array, or in a list of arrays, is masked.

    numpy's functions drop the mask, and what lies under it would be taken for data.
    """
    numpy_ma = sys.modules.get("numpy.ma")  # without it there is no masked array
    if numpy_ma is None:
        return
    for one in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(one, numpy_ma.MaskedArray) and (masked := int(numpy_ma.count_masked(one))):
            raise kind(
                f"{what}: {masked:,} of {one.size:,} values are masked, and a mask is not read: "
                "fill them (array.filled), or leave those examples out",
                what,
            )


def _check(name: str, value: object, hint: Any, kind: type[GankitError]) -> None:
    """Raise an error of this kind unless a value is of the type that `hint` says."""
    several = _alternatives(hint)
    if not any(_suits(value, one) for one in several):
        named = dict.fromkeys(map(_named, several))
        makers = [
            MAKERS[home] for one in several if (home := getattr(one, "__name__", "")) in MAKERS
        ]
        advice = f": {' or '.join(makers)} makes one" if makers else ""
        raise kind(f"{name} must be {' or '.join(named)}, got {shown(value)}{advice}", name)


def _hint(parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
    """Return the type that a parameter is declared with; Any if it is not known while running."""
    hint = parameter.annotation
    special = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    if special or parameter.name in ("self", "cls"):
        return Any
    try:
        # The annotation is the module's own text, as typing.get_type_hints takes it.
        return eval(hint, function.__globals__) if isinstance(hint, str) else hint
    except NameError:  # imported for type checkers alone
        return Any


def _alternatives(hint: Any) -> tuple[Any, ...]:
    """Return the types of a union, those of unions in it too."""
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(inner for one in get_args(hint) for inner in _alternatives(one))
    return (hint,)


def _suits(value: object, hint: Any) -> bool:
    """Return whether a value may be given where `hint`, which is no union, is declared."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint in ANYTHING:
        return True
    if hint in _SCALARS:
        return _SCALARS[hint](value)
    if origin is Literal:
        return isinstance(value, tuple({type(part) for part in parts}))
    if origin is tuple and not _SCALARS.keys().isdisjoint(parts):
        return _suits_tuple(value, parts)
    if origin in (Sequence, Iterable):
        return _suits_list(value, parts, origin)
    if origin is Mapping:
        return isinstance(value, Mapping)
    if origin is os.PathLike:
        return isinstance(value, os.PathLike)
    if origin is Callable:
        return callable(value)
    if origin is None and inspect.isclass(hint) and not getattr(hint, "_is_protocol", False):
        return isinstance(value, hint)
    return True


def _suits_tuple(value: object, parts: Sequence[Any]) -> bool:
    """Return whether a value is a tuple, or a list, whose items are of the types of `parts`."""
    if not isinstance(value, (tuple, list)):
        return False
    if ... in parts:
        parts = [parts[0]] * len(value)
    pairs = zip(value, parts, strict=False)
    return len(value) == len(parts) and all(
        any(_suits(item, one) for one in _alternatives(part)) for item, part in pairs
    )


def _suits_list(value: object, parts: Sequence[Any], origin: Any) -> bool:
    """Return whether a value is a list of some kind, and its items are those of the first part."""
    if isinstance(value, (str, bytes, Mapping)):  # its letters would be taken one by one
        return False
    inner = _alternatives(parts[0]) if parts else (Any,)
    if (axes := getattr(value, "ndim", None)) is not None:  # an array, or a tensor
        return bool(axes > 0) and not {int, float, Any}.isdisjoint(inner)
    if not isinstance(value, Sequence):
        return origin is Iterable and isinstance(value, Iterable)
    return all(any(_suits(item, one) for one in inner) for item in value)


def _is_whole(value: object) -> bool:
    """Return whether a value is a whole number, of Python, numpy or torch."""
    try:
        operator.index(value)  # type: ignore[arg-type]
    except Exception:  # a tensor may raise anything
        return False
    return not _is_bool(value)


def _is_bool(value: object) -> bool:
    """Return whether a value is True or False, of Python, numpy or torch."""
    dtype = str(getattr(value, "dtype", ""))
    one = getattr(value, "ndim", None) == 0
    return isinstance(value, bool) or (one and dtype in ("bool", "torch.bool"))


def _is_number(value: object) -> bool:
    if _is_bool(value):
        return False
    if isinstance(value, Real):
        return True
    return _is_whole(value) or (getattr(value, "ndim", None) == 0 and hasattr(value, "__float__"))


_SCALARS: Mapping[Any, Callable[[object], bool]] = {
    type(None): lambda value: value is None,
    None: lambda value: value is None,
    bool: _is_bool,
    int: _is_whole,
    float: _is_number,
    str: lambda value: isinstance(value, str),
    Path: lambda value: isinstance(value, os.PathLike),
}


def _named(hint: Any) -> str:
    """Return what a message calls a type."""
    if hint in WORDS:
        return WORDS[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(map(str, parts))}"
    if origin is tuple and ... not in parts:
        return f"({', '.join(map(_named, parts))})"
    if origin in (Sequence, Iterable, tuple):
        inner = [_named(one) for one in _alternatives(parts[0])] if parts else []
        return " or ".join(f"a list with {name} for each item" for name in inner) or "a list"
    if origin is Mapping:
        return "a dict"
    if origin is os.PathLike:
        return WORDS[Path]
    if origin is Callable:
        return "a function"
    name = getattr(origin or hint, "__name__", str(hint))
    home = getattr(origin or hint, "__module__", "")
    gankits = home.startswith("gankit.") and name not in vars(builtins)
    return f"a {'gankit.' if gankits else ''}{name}"
