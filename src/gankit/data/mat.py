"""Arrays in MATLAB's .mat files; those of MATLAB 7.3 are HDF5."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.data.claims import check_claim, unread
from gankit.errors import DataError, MissingExtraError
from gankit.text import reason

MATLAB_7_3 = b"MATLAB 7.3"
NUMBERS = "biuf"
"""The kinds of numpy's types that are read."""
CLASSES = {"logical": "uint8", "double": "float64", "single": "float32"} | {
    name: name
    for name in (
        "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"
    )
}  # fmt: skip
"""The types of MATLAB's classes of numbers, as its files name them in their headers."""

Found = tuple[dict[str, NDArray[Any]], list[str]]


def read_mat(path: Path, wanted: Collection[str], heads: Collection[str] = ()) -> Found:
    """Return the arrays of numbers with the names `wanted`, and the names of everything there.

    Of those with the names `heads` only the headers are read (`claims.unread`).

    Raises:
        DataError: the file is damaged.
        MissingExtraError: scipy, or h5py for a file of MATLAB 7.3, is not installed.
    """
    if _begins(path).startswith(MATLAB_7_3):
        return _read_hdf5(path, wanted, heads)
    try:
        from scipy.io import loadmat, whosmat
    except ImportError:
        raise MissingExtraError("a .mat file", "evaluate") from None
    what = f"data {str(path)!r}"
    with _told(what), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that occur twice
        listed = {name: (shape, kind) for name, shape, kind in whosmat(path)}
        chosen = [name for name in listed if name in wanted]
        claimed = sum(math.prod(listed[name][0]) for name in chosen)
        check_claim(what, claimed, path.stat().st_size, compressed=True)
        found = loadmat(path, variable_names=chosen)
        arrays = {name: np.asarray(found[name]) for name in chosen}
        for name in listed.keys() & heads:
            shape, kind = listed[name]
            if kind in CLASSES:
                arrays[name] = unread(shape, CLASSES[kind])
    return {name: a for name, a in arrays.items() if a.dtype.kind in NUMBERS}, [*listed]


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Raise DataError for whatever goes wrong in reading a file, since damage can fail anywhere."""
    try:
        yield
    except DataError:
        raise
    except MemoryError:
        raise DataError(f"{what} does not fit into memory: save fewer examples") from None
    except Exception as error:
        raise DataError(f"{what} is no .mat file of arrays: {reason(error)}") from None


def _begins(path: Path) -> bytes:
    """Return a file's first bytes; none if it cannot be read, which its reader will tell."""
    try:
        with path.open("rb") as file:
            return file.read(len(MATLAB_7_3))
    except OSError:
        return b""


def _read_hdf5(path: Path, wanted: Collection[str], heads: Collection[str]) -> Found:
    """Read as `read_mat` does. Only arrays that lie in the file itself are read."""
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("a .mat file of MATLAB 7.3", "matlab") from None
    what = f"data {str(path)!r}"
    with _told(what), h5py.File(path, "r") as file:
        listed = [name for name in file if not name.startswith("#")]
        inside = {
            name: file[name]
            for name in listed
            if (name in wanted or name in heads)
            and isinstance(file.get(name, getlink=True), h5py.HardLink)
        }
        arrays = {
            name: array
            for name, array in inside.items()
            if isinstance(array, h5py.Dataset)
            and array.dtype.kind in NUMBERS
            and not (array.external or array.is_virtual)
        }
        claimed = sum(array.nbytes for name, array in arrays.items() if name in wanted)
        check_claim(what, claimed, path.stat().st_size, compressed=True)
        return {
            name: array[()].T if name in wanted else unread(array.shape[::-1], array.dtype)
            for name, array in arrays.items()
        }, listed


def examples_first(images: NDArray[Any]) -> NDArray[Any]:
    """Return images with their number as the first axis, which MATLAB's users put last.

    [H, W, C, N] becomes [N, H, W, C], and [H, W, N] becomes [N, H, W]; what has its number first
    stays as it is.
    """
    if images.ndim == 4 and images.shape[2] in (1, 3) and images.shape[3] not in (1, 3):
        return np.moveaxis(images, 3, 0)
    if images.ndim == 3 and images.shape[0] == images.shape[1] != images.shape[2]:
        return np.moveaxis(images, 2, 0)
    return images
