"""`load_dataset`: a name or a path -> a data set."""

from __future__ import annotations

import glob
import os
from dataclasses import replace
from pathlib import Path

from gankit.data.arrays import has_labels, read_arrays
from gankit.data.dataset import PYTHON, Dataset
from gankit.data.folder import read_image_folder, read_image_pattern
from gankit.data.holdout import SHARE
from gankit.data.idx import has_idx_labels, is_idx_folder, read_idx_folder
from gankit.data.images import Channels, Fit, ReadOptions, Split, Values
from gankit.data.layout import name_some
from gankit.data.listing import index_folder, index_pattern
from gankit.data.named import DATASETS
from gankit.data.values import Range
from gankit.data.walk import split_pattern
from gankit.errors import DataError
from gankit.registry import did_you_mean, load_plugins
from gankit.settings.config import DataConfig


def load_configured(
    data: DataConfig, split: Split = "train", *, begun: bool = False, tables: bool = True
) -> Dataset:
    """The data set that a configuration names, read as it says.

    Args:
        split: `train` or `test`; of a source without a test split, what is held out from training.
        begun: whether the configuration is of a run that began with it. If it is not, what it
            leaves open is decided by the data, as for a run that begins.
        tables: whether a file of labels beside pictures is read.

    Raises DataError.
    """
    own: Values = None if begun else "own"
    return load_dataset(
        data.source,
        size=data.size,
        fit=data.fit,
        channels=data.channels,
        split=split,
        memory_gb=data.memory_gb,
        values=own if data.values is None else data.values,
        holdout=SHARE if data.holdout is None else data.holdout,
        tables=tables,
    )


def decided(data: DataConfig, dataset: Dataset) -> DataConfig:
    """The configuration of data that was read by it, with what was decided as that was done."""
    holdout = SHARE if data.holdout is None and dataset.held_out else data.holdout
    return replace(data, holdout=holdout, values=dataset.values)


def load_dataset(
    source: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    fit: Fit = "crop",
    channels: Channels = "auto",
    split: Split = "train",
    memory_gb: float = 2.0,
    values: Values = "own",
    holdout: float = 0.0,
    tables: bool = True,
) -> Dataset:
    """The data set of this name, or the images at this path.

    >>> import gankit
    >>> dataset = gankit.load_dataset("digits")
    >>> len(dataset), dataset.shape, dataset.class_names[:2]
    (10000, (1, 28, 28), ('0', '1'))

    Args:
        source: a name in `DATASETS`, else a folder of images (sub-folders are classes), a
            folder of IDX files, a pattern such as `photos/*.jpg`, or an .npz file of arrays
            (`gankit.data.arrays`); `~` and `$VAR` work.
        size: pixels, one number for a square or (height, width), 8 to 1024; None keeps the
            set's own size where most of its pictures agree on one in 16..256, else 64 x 64.
        fit: `crop` scales the short side and cuts the middle out, `stretch` distorts.
        channels: `grey`, `rgb`, or `auto`: grey where the pictures are.
        split: `train` or `test`. Folders of the usual names (`val`, `validation_set`) are splits.
        memory_gb: a folder that needs more than this (10^9 bytes) is read as training goes.
        values: what becomes black and what becomes white of images of more than 8 bits; `own`:
            what the whole set holds; None: by the type of each file.
        holdout: the share, 0 to 0.5, of a source without a test split that is kept from the
            training split and is its test split; 20 examples at least, or none. Named sets are
            left as they are.
        tables: whether a file of labels beside the pictures is read (`dataset.json`, or a CSV or
            TSV table of files and labels).

    Raises:
        DataError: nothing is there, nothing in it can be read, or an option is out of range.
    """
    options = ReadOptions(
        size=(size, size) if isinstance(size, int) else size,
        fit=fit,
        channels=channels,
        split=split,
        memory_gb=memory_gb,
        values=values,
        holdout=holdout,
        tables=tables,
    )
    source = os.fspath(source)
    dataset = _read(source, options)
    dataset.source = source
    return dataset


def _read(source: str, options: ReadOptions) -> Dataset:
    if source in DATASETS:
        dataset = DATASETS[source](options)
        if os.path.lexists(source):
            own = f"'{source}' is gankit's own data set; what lies here by that name is ./{source}"
            dataset.notes = (own, *dataset.notes)
        return dataset
    if not os.path.lexists(source):  # then it may be the name of an installed package's
        load_plugins()
        if source in DATASETS:
            return DATASETS[source](options)
    if source.startswith(PYTHON):
        raise DataError(
            f"this run was trained on data given from Python ({source.removeprefix(PYTHON)!r}), "
            "which cannot be found again: give data, the path where it is now",
            "data",
        )
    path = locate(source)
    if path.is_dir():
        read = read_idx_folder if is_idx_folder(path) else read_image_folder
        return read(source, path, options)
    if _is_archive(path.name) and path.is_file():
        return read_arrays(source, path, options)
    if path.exists():
        raise DataError(f"data {source!r} is a file; training needs a folder of images, or an .npz")
    return read_image_pattern(source, str(path), options)


def looks_like_path(text: str) -> bool:
    """Whether what was typed is a folder, a file or a pattern, there or not, and hardly a name."""
    typed = os.path.expandvars(os.path.expanduser(text))  # noqa: PTH111
    if os.path.lexists(typed) or split_pattern(typed)[1]:
        return True
    separators = {"/", os.sep, os.altsep or os.sep}
    return text.startswith(("~", ".")) or any(s in text for s in separators) or _is_archive(text)


def _is_archive(text: str) -> bool:
    return text.lower().endswith(".npz")


def has_classes(source: str) -> bool:
    """Whether a path leads to data with classes, as far as it can be told without reading it.

    Raises DataError if nothing is there.
    """
    path = locate(source)
    if path.is_dir():
        if is_idx_folder(path):
            return has_idx_labels(path)
        return bool(index_folder(path, "train").class_names)
    if _is_archive(path.name):
        return has_labels(path)
    return not path.exists() and bool(index_pattern(str(path)).class_names)


def locate(source: str) -> Path:
    """Find the folder or file that a user names, or the pattern that may match some files.

    `~` and `$VAR` are expanded, unless there is something of that very name.

    Raises DataError if there is nothing and it is no pattern, or it may not be looked at.
    """
    # os.path's, because Path.expanduser fails where there is no such user.
    typed = os.path.expanduser(source)  # noqa: PTH111
    path = Path(typed if os.path.lexists(typed) else os.path.expandvars(typed))
    problem = "there is no such folder or file"
    try:
        if source:  # Path("") would be the current folder
            path.stat()
            return path
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            problem = f"the link points nowhere: {str(path.readlink())!r}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        if not glob.has_magic(str(path)):
            raise DataError(f"data {source!r} cannot be looked at: {reason}") from None
    if split_pattern(str(path))[1]:
        return path
    known = DATASETS.names()
    raise DataError(
        f"data {source!r} is no known data set, and {problem}.{did_you_mean(source, known)}"
        f" Known: {', '.join(known)}"
    )


def source_name(source: str) -> str:
    """A short name for what a user gave as data: a folder's own, however its path is written.

    `toy:ring8` stays as it is, `.` is the name of the current folder, `~/photos/*.jpg` is
    `photos`, `sets/faces.npz` is `faces.npz`.
    """
    if source in DATASETS:
        return source
    typed = os.path.expandvars(os.path.expanduser(source))  # noqa: PTH111
    if not os.path.exists(typed):  # noqa: PTH110 - never raises
        fixed, wild = split_pattern(typed)
        typed = str(fixed) if wild else typed
    return os.path.basename(os.path.abspath(typed)) if typed else ""  # noqa: PTH100, PTH119


def tell_classes(dataset: Dataset) -> str | None:
    """`2 classes: cat (10), dog (12)`, the first ten of many; None where there are none."""
    counts = dataset.class_counts
    if not counts:
        return None
    each = zip(dataset.class_names, counts, strict=True)
    told = name_some((f"{name} ({count:,})" for name, count in each), most=10)
    return f"{len(counts):,} class{'es' * (len(counts) != 1)}: {told}"


CHANNELS: dict[int, Channels] = {1: "grey", 3: "rgb"}


def at_shape(data: DataConfig, source: str, shape: tuple[int, ...]) -> DataConfig:
    """The same reading of another source, as a run of `shape` takes it; arrays and points are
    taken as they are."""
    asked = replace(data, source=source, size=None, channels="auto")
    if asked.is_arrays or len(shape) != 3:
        return asked
    return replace(asked, size=(shape[1], shape[2]), channels=CHANNELS[shape[0]])


def load_of_shape(
    source: str,
    shape: tuple[int, ...],
    split: Split = "train",
    fit: Fit = "crop",
    values: Range | None = None,
) -> Dataset:
    """The images of a source as a run of `shape` (channels, height, width) takes them, all of them.

    `values`: what the run takes for black and white of images of more than 8 bits.

    Raises DataError where they cannot be read, or are arrays of another shape.
    """
    asked = DataConfig(fit=fit, values=values, holdout=0.0)
    dataset = load_configured(at_shape(asked, source, shape), split)
    check_shape(dataset, shape)
    return dataset


def check_shape(dataset: Dataset, shape: tuple[int, ...]) -> None:
    """Raises DataError if the examples are not of the shape that a run knows."""
    if dataset.shape != shape:
        got, wanted = ("x".join(map(str, s)) for s in (dataset.shape, shape))
        raise DataError(
            f"data {dataset.name!r} is of {got} (channels first); the run knows {wanted}"
        )
