"""Arrays in MATLAB's .mat files."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gankit.data.claims import check_claim
from gankit.errors import DataError, MissingExtraError
from gankit.text import reason


def read_mat(path: Path, wanted: Collection[str]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return the arrays of numbers with the names `wanted`, and the names of everything there.

    Raises:
        DataError: the file is damaged, or of MATLAB 7.3, which is another format.
        MissingExtraError: scipy is not installed.
    """
    try:
        from scipy.io import loadmat, whosmat
    except ImportError:
        raise MissingExtraError("a .mat file", "evaluate") from None
    what = f"data {str(path)!r}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that occur twice
            listed = {name: shape for name, shape, _kind in whosmat(path)}
            chosen = [name for name in listed if name in wanted]
            claimed = sum(math.prod(listed[name]) for name in chosen)
            check_claim(what, claimed, path.stat().st_size, compressed=True)
            found = loadmat(path, variable_names=chosen)
    except DataError:
        raise
    except NotImplementedError:
        raise DataError(
            f"{what} is a .mat file of MATLAB 7.3: save it in the format of version 7, or as .npz "
            "(numpy.savez)"
        ) from None
    except MemoryError:
        raise DataError(f"{what} does not fit into memory: save fewer examples") from None
    except Exception as error:  # damage can fail anywhere inside scipy
        raise DataError(f"{what} is no .mat file of arrays: {reason(error)}") from None
    arrays = {name: np.asarray(found[name]) for name in chosen}
    return {name: a for name, a in arrays.items() if a.dtype.kind in "biuf"}, [*listed]


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
