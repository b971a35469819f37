"""Any folder of images, in memory where it fits, else decoded as training goes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.data.dataset import ArrayDataset, Dataset
from gankit.data.images import (
    Fit,
    ReadOptions,
    Shape,
    UnreadableError,
    decode,
    header,
    quiet_decoding,
)
from gankit.data.listing import Index, index_folder, index_pattern, name_some
from gankit.errors import DataError

SAMPLED = 200
"""Pictures that are looked at, evenly spread over the set, to choose its size and channels."""

OWN_SIZE = (16, 256)
"""Pictures that agree on a size with sides in this range keep it where none is asked for."""

DEFAULT_SIZE = (64, 64)

GREY_TOLERANCE = 3
"""How far the channels of a grey picture may lie apart: JPEG stores colours with rounding."""


class FolderDataset(Dataset):
    """Images that stay on disk: each is decoded when it is read."""

    def __init__(
        self,
        name: str,
        index: Index,
        shape: Shape,
        fit: Fit,
        notes: tuple[str, ...] = (),
        unreadable: tuple[str, ...] = (),
    ) -> None:
        """`unreadable`: paths that need not be tried again."""
        self.name = name
        self.shape = shape
        self.labels = index.labels
        self.class_names = index.class_names
        self.fingerprint = _fingerprint(index, shape, fit)
        self.notes = notes
        self.unreadable = unreadable
        self._index = index
        self._read_as = (shape, fit)

    def __len__(self) -> int:
        return len(self._index)

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """uint8 [B, C, H, W]; for an unreadable file the next readable one of its class.

        Raises:
            DataError: no image of a class can be read.
        """
        with quiet_decoding():
            return np.stack([self._readable(int(index)) for index in indices])

    def _readable(self, index: int) -> NDArray[np.uint8]:
        """The image at `index`, else the next of its class (its label stands), going round."""
        for step in range(len(self)):
            candidate = (index + step) % len(self)
            name = self._index.paths[candidate]
            same_class = self.labels is None or self.labels[candidate] == self.labels[index]
            if same_class and name not in self.unreadable:
                try:
                    return decode(self._index.root / name, *self._read_as)
                except UnreadableError:
                    self.unreadable = (*self.unreadable, name)
        raise DataError(
            f"data {self.name!r}: neither {self._index.paths[index]!r} nor any other image that"
            " could stand in for it can be read"
        )


def read_image_folder(name: str, folder: Path, options: ReadOptions) -> Dataset:
    """The images in a folder and below it; class sub-folders become labels.

    Raises:
        DataError: there are no images, or none can be read.
    """
    return _read(name, index_folder(folder, options.split), options)


def read_image_pattern(name: str, pattern: str, options: ReadOptions) -> Dataset:
    """The images that a pattern such as `photos/*.jpg` matches.

    Raises:
        DataError: it matches none, or none can be read.
    """
    return _read(name, index_pattern(pattern, options.split), options)


def _read(name: str, index: Index, options: ReadOptions) -> Dataset:
    with quiet_decoding():
        shape, notes = _survey(name, index, options)
        notes = index.notes + notes
        if options.fits_in_memory(len(index), shape):
            return _in_memory(name, index, shape, options.fit, notes)
        return _on_disk(name, index, shape, options.fit, notes)


def _survey(name: str, index: Index, options: ReadOptions) -> tuple[Shape, tuple[str, ...]]:
    """The shape to read at, as asked for or else as a sample of the pictures suggests."""
    spread = np.linspace(0, len(index) - 1, min(len(index), SAMPLED)).round().astype(int)
    sizes: set[tuple[int, int]] = set()
    coloured = options.channels == "rgb"
    reasons: dict[str, str] = {}
    for path in (index.paths[position] for position in spread):
        try:
            size, stored_grey = header(index.root / path)
            if options.channels == "auto" and not (coloured or stored_grey):
                coloured = _is_coloured(index.root / path)
            sizes.add(size)
        except UnreadableError as error:
            reasons[path] = str(error)
    if not sizes:
        raise _nothing_readable(name, reasons)
    size, notes = (options.size, ()) if options.size else _choose_size(sizes)
    return (3 if coloured else 1, *size), notes


def _is_coloured(path: Path) -> bool:
    """Whether a picture that is stored in colour shows any."""
    pixels = decode(path, (3, *DEFAULT_SIZE), "stretch").astype(np.int16)
    return bool((pixels.max(axis=0) - pixels.min(axis=0)).max() > GREY_TOLERANCE)


def _choose_size(sizes: set[tuple[int, int]]) -> tuple[tuple[int, int], tuple[str, ...]]:
    """The size that the pictures agree on, if it is a usual one to train at; and a note if not."""
    (height, width), *others = sorted(sizes)
    least, most = OWN_SIZE
    if not others and least <= min(height, width) and max(height, width) <= most:
        return (height, width), ()
    have = "of different sizes" if others else f"{height} x {width}"
    chosen = f"{DEFAULT_SIZE[0]} x {DEFAULT_SIZE[1]}"
    return DEFAULT_SIZE, (f"the pictures are {have}: read at {chosen}, as no size is given",)


def _in_memory(
    name: str, index: Index, shape: Shape, fit: Fit, notes: tuple[str, ...]
) -> ArrayDataset:
    """Decode everything now, in threads (decoders let go of the interpreter's lock)."""
    images = np.empty((len(index), *shape), np.uint8)

    def fill(position: int) -> str | None:
        try:
            images[position] = decode(index.root / index.paths[position], shape, fit)
        except UnreadableError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(_threads()) as pool:
        failures = list(pool.map(fill, range(len(index))))
    kept = [position for position, failure in enumerate(failures) if failure is None]
    reasons = {index.paths[i]: failure for i, failure in enumerate(failures) if failure is not None}
    if not kept:
        raise _nothing_readable(name, reasons)
    if reasons:
        notes += (f"left out, unreadable: {_told(reasons)}",)
        for new, old in enumerate(kept):  # in place: a copy would need the memory twice
            images[new] = images[old]
    readable = index.keep(kept)
    fingerprint = _fingerprint(readable, shape, fit)
    notes += _empty_classes(readable)
    examples, names = images[: len(kept)], index.class_names
    return ArrayDataset(name, examples, fingerprint, readable.labels, names, notes)


def _on_disk(
    name: str, index: Index, shape: Shape, fit: Fit, notes: tuple[str, ...]
) -> FolderDataset:
    """Leave the pictures where they are, having found a readable one of each class.

    A class without any is left out, as it is in memory: later it would end the run.
    """
    labels = np.zeros(len(index), np.int64) if index.labels is None else index.labels

    def search(label: int) -> tuple[bool, dict[str, str]]:
        """Whether a picture of the class can be read, and those that could not on the way."""
        reasons: dict[str, str] = {}
        for path in (index.paths[position] for position in np.flatnonzero(labels == label)):
            try:
                decode(index.root / path, shape, fit)
            except UnreadableError as error:
                reasons[path] = str(error)
            else:
                return True, reasons
        return False, reasons

    with ThreadPoolExecutor(_threads()) as pool:
        found = list(pool.map(search, range(max(1, len(index.class_names)))))
    lost, stood_in = dict[str, str](), dict[str, str]()
    for readable, reasons in found:
        (stood_in if readable else lost).update(reasons)
    if len(lost) == len(index):
        raise _nothing_readable(name, lost)
    if lost:
        index = index.keep([i for i, path in enumerate(index.paths) if path not in lost])
        notes += (f"left out, unreadable: {_told(lost)}", *_empty_classes(index))
    if stood_in:
        notes += (f"unreadable, the next ones of their class stand in: {_told(stood_in)}",)
    gigabytes = len(index) * np.prod(shape) / 1e9
    notes += (f"read from disk as training goes: {gigabytes:.3g} GB in memory otherwise",)
    return FolderDataset(name, index, shape, fit, notes, tuple(sorted(stood_in)))


def _threads() -> int:
    return min(8, os.cpu_count() or 1)


def _empty_classes(index: Index) -> tuple[str, ...]:
    """A note that names the classes of which no picture is left, if there are any."""
    if index.labels is None:
        return ()
    present = set(index.labels.tolist())
    empty = [name for label, name in enumerate(index.class_names) if label not in present]
    return (f"classes without a readable image: {name_some(empty)}",) if empty else ()


def _nothing_readable(name: str, reasons: Mapping[str, str]) -> DataError:
    return DataError(
        f"data {name!r}: none of the {len(reasons)} images tried can be read: {_told(reasons)}"
    )


def _told(reasons: Mapping[str, str]) -> str:
    """How many files, and the first of them with the reason."""
    files = name_some(f"{path} ({reason})" for path, reason in reasons.items())
    return f"{len(reasons)} file{'s' * (len(reasons) != 1)}: {files}"


def _fingerprint(index: Index, shape: Shape, fit: Fit) -> str:
    """Of the files' names and sizes and of how they are read: contents would take too long.

    Names are relative to the folder, so that it stays the same wherever the folder is.
    """
    digest = blake2b(f"{shape} {fit}".encode(), digest_size=8)
    for path, size in zip(index.paths, index.sizes, strict=True):
        digest.update(os.fsencode(path))
        digest.update(f"\0{size}\n".encode())
    return digest.hexdigest()
