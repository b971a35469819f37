"""`load_dataset`, which reads a data set from a name or a path."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from gankit.arguments import typed_arguments
from gankit.data.arrays import read_arrays
from gankit.data.celeba import is_celeba, read_celeba
from gankit.data.dataset import PYTHON, ArrayDataset, Dataset, Subset, part_of
from gankit.data.expert import holds_episodes, read_episodes
from gankit.data.folder import read_image_folder, read_image_pattern
from gankit.data.holdout import SHARE, some_of
from gankit.data.idx import holds_idx, read_idx_folder
from gankit.data.layout import name_some
from gankit.data.named import DATASETS
from gankit.data.packed import is_packed, read_packed
from gankit.data.published import is_published, read_published
from gankit.data.read_options import Channels, Fit, ReadOptions, Split, Values
from gankit.data.texts import is_text, read_text
from gankit.data.tokens import TextOptions
from gankit.data.values import Range
from gankit.data.walk import is_picture, split_pattern
from gankit.errors import DataError
from gankit.registry import did_you_mean, load_plugins
from gankit.settings.config import ARRAYS, DataConfig

PACKED = (".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")
"""The suffixes of archives, which have to be unpacked first."""


def load_configured(
    data: DataConfig,
    split: Split = "train",
    *,
    begun: bool = False,
    tables: bool = True,
    splits: bool = True,
) -> Dataset:
    """Read the data set that a configuration names, in the way that it says.

    Args:
        data: the settings of the data.
        split: `train` or `test`. If the source has no test split, `test` is what is held out.
        begun: whether the settings come from a run that has begun. If they record no range for
            images of more than 8 bits, such a run has read each file by its type; a new run
            chooses one range for the whole set.
        tables: whether to look for labels beyond the folder's own sub-folders (`load_dataset`).
        splits: whether a table's column of splits is read, if `tables` are.

    Raises DataError.
    """
    return _load(data.source, replace(_options(data, split, begun), tables=tables, splits=splits))


def _options(data: DataConfig, split: Split = "train", begun: bool = False) -> ReadOptions:
    """Return how `load_configured` reads."""
    own: Values = None if begun else "own"
    return ReadOptions(
        size=data.size,
        fit=data.fit,
        crop=data.crop,
        channels=data.channels,
        split=split,
        memory_gb=data.memory_gb,
        values=own if data.values is None else data.values,
        holdout=SHARE if data.holdout is None else data.holdout,
        train_size=data.train_size,
        text=text_options(data),
        transitions=data.transitions,
    )


def text_options(data: DataConfig) -> TextOptions:
    """Return how the settings say that text is read, or made by an oracle."""
    return TextOptions(
        tokens=data.tokens,
        length=data.length,
        vocabulary=data.vocabulary,
        sequences=data.sequences,
        oracle=data.oracle,
    )


def glance(data: DataConfig) -> Dataset:
    """Read a configuration's training data, but decode only a few pictures of a folder.

    Others may turn out to be unreadable, so its number of examples is an upper limit. Raises
    DataError.
    """
    return _load(data.source, _options(data), glance=True)


def decided(data: DataConfig, dataset: Dataset) -> DataConfig:
    """Return the settings that `dataset` was read by, with what was decided while reading it.

    These are the share held out, and the range of images of other than 8 bits.
    """
    holdout = SHARE if data.holdout is None and dataset.held_out else data.holdout
    return replace(data, holdout=holdout, values=dataset.values)


@typed_arguments(DataError)
def load_dataset(
    source: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    fit: Fit = "crop",
    crop: int | None = None,
    channels: Channels = "auto",
    split: Split = "train",
    memory_gb: float = 2.0,
    values: Values = "own",
    holdout: float = 0.0,
    tables: bool = True,
    text: TextOptions | None = None,
    train_size: int | None = None,
    transitions: bool = False,
) -> Dataset:
    """Read the data set of this name, or the images or texts at this path.

    >>> import gankit
    >>> dataset = gankit.load_dataset("digits")
    >>> len(dataset), dataset.shape, dataset.class_names[:2]
    (10000, (1, 28, 28), ('0', '1'))

    Args:
        source: a name in `DATASETS`, else a folder of images (sub-folders are classes), a
            folder of IDX files, a folder of the files of CIFAR-10, SVHN, STL-10 or CelebA as
            their authors publish them, a pattern such as `photos/*.jpg`, or an .npz or .mat file
            of arrays or an .npy file of one (`gankit.data.arrays`), pictures in an LMDB database,
            in .tar, .zip or .parquet files (`gankit.data.packed`), or a .txt file or a folder of
            them (`gankit.data.texts`); `~` and `$VAR` work.
        size: pixels, one number for a square, or (height, width), 8 to 1024 each. None keeps the
            size of IDX images, and in a folder the size that nine tenths of the pictures share, if
            its sides are in 16..256; otherwise it is 64 x 64.
        fit: `crop` scales the short side and cuts the middle out, `stretch` distorts.
        crop: the pixels a side that are kept of each image, from its middle, before it is resized;
            None: all of it.
        channels: `grey`, `rgb`, or `auto`: grey if the pictures are grey, with transparent parts
            over white; `rgba`: with opacity as a fourth channel; `bands`: every band and every
            page of a picture, 1 to 16.
        split: `train` or `test`. Folders with the usual names (`val`, `validation_set`) are splits.
        memory_gb: a folder that needs more than this (in 10^9 bytes) is read while training.
        values: the values that become black and white in images of more than 8 bits; `own`: one
            range for the whole set, chosen by its values; None: by the type of each file.
        holdout: the share, 0 to 0.5, that is kept from training as the test split of a source
            that has none; at least 20 examples are held out, or none. Named sets are left as they
            are.
        tables: whether to look for labels beyond the folder's own sub-folders: in a file beside the
            pictures (`dataset.json`, or a CSV or TSV table of files and labels), and in the
            sub-folders of a single sub-folder that holds everything.
        text: how texts are read, and what an oracle makes; None: into words, as they are.
        train_size: how many of the training examples are read, chosen at random, the same ones
            every time; None: all.
        transitions: whether each move of an expert is read with what was seen next.

    Raises:
        DataError: there is nothing, nothing in it can be read, or an option is out of range.
    """
    options = ReadOptions(
        size=(size, size) if isinstance(size, (int, np.integer)) else size,
        fit=fit,
        channels=channels,
        split=split,
        memory_gb=memory_gb,
        values=tuple(values) if isinstance(values, list) else values,
        holdout=holdout,
        tables=tables,
        crop=crop,
        train_size=train_size,
        text=text or TextOptions(),
        transitions=transitions,
    )
    return _load(os.fspath(source), options)


def _load(source: str, options: ReadOptions, *, glance: bool = False) -> Dataset:
    """Read what a name or a path stands for. `glance`: decode only a few pictures of a folder."""
    dataset = _read(source, options, glance)
    if options.train_size is not None and options.split == "train":
        dataset = _fewer(dataset, options.train_size)
    dataset.source = source
    return dataset


def _fewer(dataset: Dataset, wanted: int) -> Dataset:
    """Return so many of the examples, as `holdout.some_of` chooses them."""
    count = len(dataset)
    if wanted > count:
        dataset.notes += (f"data.train_size is {wanted:,}, and there are {count:,}: all are read",)
    if wanted >= count or dataset.files:  # a folder has chosen before it decoded them
        return dataset
    kept = some_of(count, wanted)
    return part_of(dataset, kept) if isinstance(dataset, ArrayDataset) else Subset(dataset, kept)


def _read(source: str, options: ReadOptions, glance: bool) -> Dataset:
    if source in DATASETS:
        dataset = DATASETS[source](options)
        if os.path.lexists(source):
            own = f"'{source}' is gankit's own data set; what lies here by that name is ./{source}"
            dataset.notes = (own, *dataset.notes)
        return dataset
    if not os.path.lexists(source):  # it may be registered by an installed package
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
    reader = _reader_of(path)
    if reader is None:
        raise _no_file(source)
    if glance and reader in OF_PICTURES:
        options = replace(options, memory_gb=0.0)
    return reader(source, path, options)


Reader = Callable[[str, Path, ReadOptions], Dataset]


def _read_pattern(name: str, path: Path, options: ReadOptions) -> Dataset:
    return read_image_pattern(name, str(path), options)


OF_PICTURES: tuple[Reader, ...] = (read_packed, read_celeba, read_image_folder, _read_pattern)
"""What reads pictures one by one, and so can leave them on the disk."""


def _reader_of(path: Path) -> Reader | None:
    """Return what reads the data at a path or a pattern; None if nothing reads such a file."""
    names = _names_in(path)
    if holds_idx(names):
        return read_idx_folder
    if is_published(names):
        return read_published
    if is_packed(path):  # after the above, whose archives often lie beside them
        return read_packed
    if is_text(path):
        return read_text
    if path.is_dir():
        return read_celeba if is_celeba(names) else read_image_folder
    if _is_archive(path.name) and path.is_file():
        return read_episodes if holds_episodes(path) else read_arrays
    return None if path.exists() else _read_pattern


def _names_in(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208 - the names alone
    except OSError:
        return frozenset()  # reading it as a folder of images tells the user why


def _no_file(source: str) -> DataError:
    """Return the error for a file that is no .npz, with what to do about its kind."""
    lower = source.lower()
    if is_picture(lower):
        return DataError(f"data {source!r} is a single picture: give the folder that it lies in")
    if lower.endswith(PACKED):
        return DataError(f"data {source!r} is a packed archive: unpack it, and give the folder")
    return DataError(
        f"data {source!r} is a file; training needs a folder of images, an .npz (numpy.savez) or "
        ".mat of arrays called images and labels, an .npy of images, an .lmdb, .tar, .zip or "
        ".parquet of pictures, or a .txt of lines of text"
    )


def looks_like_path(text: str) -> bool:
    """Return whether a text is the path of a folder or a file, or a pattern, and not a name.

    The path need not exist.
    """
    typed = os.path.expandvars(os.path.expanduser(text))  # noqa: PTH111
    if os.path.lexists(typed) or split_pattern(typed)[1]:
        return True
    separators = {"/", os.sep, os.altsep or os.sep}
    return text.startswith(("~", ".")) or any(s in text for s in separators) or _is_archive(text)


def _is_archive(text: str) -> bool:
    return text.lower().endswith(ARRAYS)


def locate(source: str) -> Path:
    """Find the folder or file that a user names, or the pattern that may match some files.

    `~` and `$VAR` are expanded, unless something has that very name.

    Raises DataError if nothing is there and the text is not a pattern, or if access is denied.
    """
    # os.path.expanduser, because Path.expanduser fails if there is no such user.
    typed = os.path.expanduser(source)  # noqa: PTH111
    typed = typed if os.path.lexists(typed) else os.path.expandvars(typed)
    path = Path(typed)
    problem = "there is no such folder or file"
    if re.match(r"[a-z][a-z0-9+]+://", typed):
        problem = "nothing is downloaded from an address: fetch it, and give the folder"
    try:
        if typed:  # Path("") would be the current folder
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
    """Return a short name for what a user gave as data, however its path is written.

    `toy:ring8` stays as it is, `.` becomes the name of the current folder, `~/photos/*.jpg`
    becomes `photos`, and `sets/faces.npz` becomes `faces.npz`.
    """
    if source in DATASETS:
        return source
    typed = os.path.expandvars(os.path.expanduser(source))  # noqa: PTH111
    if not os.path.exists(typed):  # noqa: PTH110 - never raises
        fixed, wild = split_pattern(typed)
        typed = str(fixed) if wild else typed
    return os.path.basename(os.path.abspath(typed)) if typed else ""  # noqa: PTH100, PTH119


def tell_classes(dataset: Dataset) -> str | None:
    """Return `2 classes: cat (10), dog (12)`, naming ten at most; None if there are no classes.

    A count that all classes share is said once: `10 classes, 1,000 of each: 0, 1, ...`.
    """
    names, counts = dataset.class_names, dataset.class_counts
    if not counts:
        return None
    told = f"{len(counts):,} class{'es' * (len(counts) != 1)}"
    if len(counts) > 1 and len(set(counts)) == 1:
        return f"{told}, {counts[0]:,} of each: {name_some(names, most=10)}"
    each = zip(names, counts, strict=True)
    return f"{told}: {name_some((f'{name} ({count:,})' for name, count in each), most=10)}"


CHANNELS: dict[int, Channels] = {1: "grey", 3: "rgb"}


def at_shape(data: DataConfig, source: str | Path, shape: tuple[int, ...]) -> DataConfig:
    """Return settings that read `source` at the shape of a run; arrays and points stay as they are.

    All other settings are those of `data`.
    """
    every = data.channels in ("rgba", "bands")  # the shape alone does not tell these
    asked = replace(
        data, source=os.fspath(source), size=None, channels=data.channels if every else "auto"
    )
    if asked.is_arrays:
        return asked if asked.channels == "rgba" else replace(asked, channels="auto")
    if len(shape) != 3:
        return replace(asked, channels="auto")
    channels = asked.channels if every else CHANNELS.get(shape[0], "bands")
    return replace(asked, size=(shape[1], shape[2]), channels=channels)


def load_of_shape(
    source: str | Path,
    shape: tuple[int, ...],
    split: Split = "train",
    fit: Fit = "crop",
    values: Range | None = None,
    channels: Channels = "auto",
    crop: int | None = None,
) -> Dataset:
    """Read the images of a source at the shape of a run, without holding any out.

    Args:
        source: a name or a path (`load_dataset`).
        shape: the run's (channels, height, width).
        split: `train` or `test`.
        fit: `crop` or `stretch`.
        values: the values that become black and white in images of more than 8 bits; None: one
            range for the whole set.
        channels: as the run read its data, which tells opacity from a fourth band.
        crop: the pixels a side of each image's middle, if the run read no more.

    Raises DataError if they cannot be read, or are arrays of another shape.
    """
    asked = DataConfig(fit=fit, values=values, holdout=0.0, channels=channels, crop=crop)
    dataset = load_configured(at_shape(asked, source, shape), split)
    check_shape(dataset, shape)
    return dataset


def check_shape(dataset: Dataset, shape: tuple[int, ...]) -> None:
    """Raise DataError if the examples do not have the shape that a run was trained on."""
    if dataset.shape != shape:
        got, wanted = ("x".join(map(str, s)) for s in (dataset.shape, shape))
        raise DataError(
            f"data {dataset.name!r} is of {got} (channels first); the run knows {wanted}"
        )
