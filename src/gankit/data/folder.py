"""Any folder of images: held in memory if it fits, else decoded while training."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gankit.data.dataset import ArrayDataset, Dataset
from gankit.data.holdout import held_out, no_test_split, rest, some_of, tell_held
from gankit.data.images import (
    NOT_ALL_BANDS,
    Numbers,
    Parts,
    Shape,
    cropped_size,
    decode,
    is_transparent,
    numbers_of,
)
from gankit.data.layout import name_some
from gankit.data.listing import Index, index_folder, index_pattern
from gankit.data.opening import UnreadableError, header, quiet_decoding
from gankit.data.pixels import MOST_CHANNELS
from gankit.data.read_options import Channels, Fit, ReadOptions
from gankit.data.stores import Place, Root
from gankit.data.values import (
    ALPHA_KEPT,
    DARK,
    PixelFormat,
    Range,
    check_size,
    choose_range,
    tell_dark,
    tell_range,
)
from gankit.errors import DataError

SAMPLED, LOOKED_AT = 200, 5000
"""How many pictures, evenly spread over the set, are decoded to choose its channels, and how many
headers are read to choose its size."""

MOST_OF_THEM = 0.9
"""The share of the pictures that must have one size for it to be taken as the size of the set."""

OWN_SIZE = (16, 256)
"""If no size is asked for, the size of most pictures is kept if its sides, in pixels, are in this
range."""

DEFAULT_SIZE = (64, 64)

GREY_TOLERANCE = 3
"""How far apart, out of 255, the channels of a grey picture may be: JPEG rounds colours."""


class ReadAs(NamedTuple):
    """How each picture is read: the arguments of `decode`."""

    shape: Shape
    fit: Fit
    values: Range | None = None
    parts: Parts = "colours"
    crop: int | None = None


class FolderDataset(Dataset):
    """Images that stay on disk; each is decoded when it is read."""

    def __init__(
        self,
        name: str,
        index: Index,
        read_as: ReadAs,
        notes: tuple[str, ...] = (),
        unreadable: tuple[str, ...] = (),
    ) -> None:
        """Read nothing yet. `unreadable` are paths that are known to fail and are not tried."""
        self.name = name
        self.shape = read_as.shape
        self.labels = index.labels
        self.class_names = index.class_names
        self.fingerprint = _fingerprint(index, read_as)
        self.notes = notes
        self._failed = dict.fromkeys(unreadable)  # in the order in which they were found
        self.folder, self.files = index.root, index.paths
        self._index = index
        self.read_as = read_as

    def __len__(self) -> int:
        return len(self._index)

    @property
    def unreadable(self) -> tuple[str, ...]:
        return tuple(self._failed)

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return uint8 [B, C, H, W]; the next readable image of a class replaces an unreadable one.

        Raises:
            DataError: no image of a class can be read.
        """
        images = np.empty((len(indices), *self.shape), np.uint8)
        with quiet_decoding():
            for place, index in enumerate(indices):
                images[place] = self._readable(int(index))
        return images

    def _readable(self, index: int) -> NDArray[np.uint8]:
        """Return the image at `index`, or else the next readable one of the same class.

        After the last image the search goes on with the first, so the label stays true.
        """
        for step in range(len(self)):
            candidate = (index + step) % len(self)
            name = self._index.paths[candidate]
            same_class = self.labels is None or np.array_equal(
                self.labels[candidate], self.labels[index]
            )
            if same_class and name not in self._failed:
                try:
                    return decode(self._index.root / name, *self.read_as)
                except UnreadableError:
                    self._failed[name] = None
        raise DataError(
            f"data {self.name!r}: neither {self._index.paths[index]!r} nor any other image that"
            " could stand in for it can be read"
        )


def read_image_folder(name: str, folder: Path, options: ReadOptions) -> Dataset:
    """Read the images in a folder and below it; class sub-folders become labels.

    Raises:
        DataError: there are no images, there is no such split, or no image can be read.
    """
    splits = options.splits
    index = index_folder(folder, "train", options.tables, splits_by_table=splits)
    if options.split == "train" or not index.has_test:
        return read_index(name, index, index, options)
    known = index.class_names
    there = index_folder(folder, "test", options.tables, known, splits_by_table=splits)
    tested = read_index(name, index, there, options)
    tested.number_as_trained(index.class_names)
    return tested


def read_image_pattern(name: str, pattern: str, options: ReadOptions) -> Dataset:
    """Read the images that a pattern such as `photos/*.jpg` matches.

    Raises:
        DataError: it matches no image, there is no such split, or no image can be read.
    """
    index = index_pattern(pattern)
    return read_index(name, index, index, options)


def read_index(name: str, whole: Index, index: Index, options: ReadOptions) -> Dataset:
    """Read the pictures of `index` that are of the split asked for, as those of `whole` suggest.

    `whole` is the training split, or the whole source if it has no test split: it alone decides
    size, channels and range.
    """
    held = np.empty(0, np.int64)
    if not whole.has_test:
        held = held_out(len(whole), whole.labels, options.holdout)
        if options.split == "test":
            index = index.keep(held.tolist())
            if not len(held):
                raise no_test_split(name, len(whole), options.holdout)
        elif len(held):
            index = index.keep(rest(len(whole), held).tolist())
    if options.train_size is not None and options.split == "train":
        index = index.keep(some_of(len(index), options.train_size).tolist())
    with quiet_decoding():
        read_as, pixels, notes = _survey(name, whole, options)
        if not whole.has_test:
            notes = (*notes, *tell_held(len(held), len(whole), options.holdout))
        notes = index.notes + notes
        in_memory = options.fits_in_memory(len(index), read_as.shape)
        dataset = (_in_memory if in_memory else _on_disk)(name, index, read_as, notes)
    dataset.held_out, dataset.pixels, dataset.splits_by = len(held), pixels, whole.splits_by
    return dataset


class _Seen:
    """What the headers of a set's pictures say, and what some of the pictures show."""

    def __init__(self, index: Index, options: ReadOptions) -> None:
        """Look at the pictures. Those that cannot be read are in `reasons`."""
        self.sizes: dict[str, tuple[int, int]] = {}
        self.bands: Counter[int] = Counter()
        self.cut: list[str] = []
        self.reasons: dict[str, str] = {}
        self.coloured = self.deep = self.floats = self.transparent = self.pages = False
        self._root, self._channels, self._crop = index.root, options.channels, options.crop
        sampled = set(_spread(len(index), SAMPLED))
        for position in sorted({*_spread(len(index), LOOKED_AT), *sampled}):
            path = index.paths[position]
            try:
                self._look(path, position in sampled)
            except UnreadableError as error:
                self.reasons[path] = str(error)

    def _look(self, path: str, closely: bool) -> None:
        found = header(self._root / path)
        if closely:
            if self._channels == "auto" and not (self.coloured or found.grey):
                self.coloured = _is_coloured(self._root / path)
            if found.transparent and not self.transparent and self._channels != "bands":
                self.transparent = is_transparent(self._root / path)
            self.cut += [path] if found.cut else []
        self.sizes[path] = cropped_size(found.size, self._crop)
        self.bands[found.bands] += 1
        self.deep |= found.deep
        self.floats |= found.floats
        self.pages |= found.pages > 1


def _survey(
    name: str, index: Index, options: ReadOptions
) -> tuple[ReadAs, PixelFormat, tuple[str, ...]]:
    """Choose how to read a set: as asked for, or else as its pictures suggest; with notes on it."""
    seen = _Seen(index, options)
    if not seen.sizes:
        raise _nothing_readable(name, seen.reasons)
    size, told = (options.size, []) if options.size else _choose_size(seen.sizes)
    parts, channels = _choose_channels(name, seen, options.channels)
    values, notes = _choose_values(index, options, seen.deep, parts == "bands")
    told += notes + _tell_parts(seen, parts)
    if seen.cut:
        told.append(_check_cut(name, index.root, seen.cut))
    dtype = "uint8" if values is None else _type_of(values, not seen.floats)
    pixels = PixelFormat(parts == "rgba", values, dtype)
    read_as = ReadAs((channels, *size), options.fit, values, parts, options.crop)
    return read_as, pixels, tuple(told)


def _choose_channels(name: str, seen: _Seen, asked: Channels) -> tuple[Parts, int]:
    """Return what is read of each picture, and how many channels that is. Raises DataError."""
    if asked == "rgba":
        return "rgba", 4
    if asked != "bands":
        return "colours", 3 if seen.coloured or asked == "rgb" else 1
    usual = max(seen.bands, key=lambda bands: (seen.bands[bands], -bands))
    if not usual:
        raise DataError(f"data {name!r}: most of its pictures are each {NOT_ALL_BANDS}")
    if usual > MOST_CHANNELS:
        raise DataError(
            f"data {name!r} has pictures of {usual} bands, and {MOST_CHANNELS} is the most: save "
            "fewer"
        )
    return "bands", usual


def _tell_parts(seen: _Seen, parts: Parts) -> list[str]:
    """Return notes on transparency and on pages."""
    if parts == "rgba":
        return [ALPHA_KEPT if seen.transparent else "no picture that was looked at is transparent"]
    told = []
    if seen.transparent:
        told.append("transparent parts are seen over white (data.channels = rgba keeps them)")
    if seen.pages and parts == "colours":
        told.append("of several pages the first is read (data.channels = bands reads all)")
    return told


def _choose_values(
    index: Index, options: ReadOptions, deep: bool, pages: bool
) -> tuple[Range | None, list[str]]:
    """Return the range of pictures of more than 8 bits, with notes.

    None if there are no such pictures, or if each is read by the type of its file.
    """
    if not deep or options.values is None:
        return None, []
    if options.values == "own":
        return _own_range(index, pages)
    told = f"of more than 8 bits: {tell_range(options.values)}, as was asked for or recorded"
    return options.values, [told]


def _type_of(values: Range, whole: bool) -> str:
    """Return the type of samples in a range: the narrowest usual one of more than 8 bits."""
    if not whole:
        return "float32"
    low, high = values
    for name in ("uint16", "int16"):
        info = np.iinfo(name)
        if info.min <= low and high <= info.max:
            return name
    return "int32" if abs(low) < 2**31 and abs(high) < 2**31 else "int64"


def _spread(count: int, most: int) -> list[int]:
    """Return at most `most` positions in 0..count-1, evenly spread."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()  # type: ignore[no-any-return]


def _own_range(index: Index, pages: bool) -> tuple[Range | None, list[str]]:
    """Choose one range for all pictures of more than 8 bits, with notes on it; None without any."""

    def look(path: str) -> Numbers | None:
        with suppress(UnreadableError):  # it is reported when it is read
            return numbers_of(index.root / path, pages)
        return None

    with ThreadPoolExecutor(_threads()) as pool:
        found = dict(zip(index.paths, pool.map(look, index.paths), strict=True))
    deep = {path: numbers for path, numbers in found.items() if numbers is not None}
    ends = [numbers.ends for numbers in deep.values() if numbers.ends is not None]
    holes = [f"{path} ({n.not_finite:,})" for path, n in deep.items() if n.not_finite]
    notes = [f"pixels that are no numbers, read as black: {name_some(holes)}"] if holes else []
    if not ends:
        return None, notes
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    check_size("images of more than 8 bits", low, high)
    values = choose_range(low, high, all(numbers.integers for numbers in deep.values()))
    many = f"{len(deep):,} pictures hold" if len(deep) > 1 else "1 picture holds"
    told = (
        f"{many} numbers from {low:,.6g} to {high:,.6g}: {tell_range(values)}"
        ", in 256 levels; samples have that range (data.values = LOW,HIGH for others)"
    )
    return values, [told, *notes]


def _check_cut(name: str, root: Root, paths: Sequence[str]) -> str:
    """Return a note on colours of 16 bits. Raises DataError if they decode to nearly black: the
    pictures are then in the lower bits."""
    brightest = 0
    for path in paths:
        with suppress(UnreadableError):
            brightest = max(
                brightest, int(decode(root / path, (3, *DEFAULT_SIZE), "stretch").max())
            )
    if brightest < DARK:
        raise DataError(
            f"data {name!r} holds colours of 16 bits that use only the lower ones, such as "
            f"{name_some(paths, 1)}: of each the upper 8 bits are read, 0 to {brightest} here; "
            "save the pictures with 8 bits a colour"
        )
    return "colours of 16 bits are read by their upper 8 bits"


def _is_coloured(path: Place) -> bool:
    """Return whether a picture that is stored in colour shows any."""
    pixels = decode(path, (3, *DEFAULT_SIZE), "stretch").astype(np.int16)
    return bool((pixels.max(axis=0) - pixels.min(axis=0)).max() > GREY_TOLERANCE)


def _choose_size(sizes: Mapping[str, tuple[int, int]]) -> tuple[tuple[int, int], list[str]]:
    """Choose the size that most pictures have, if it is usual for training; with notes if not all
    pictures have it."""
    counts = Counter(sizes.values())
    (height, width), common = min(counts.items(), key=lambda item: (-item[1], item[0]))
    least, most = OWN_SIZE
    usual = least <= min(height, width) and max(height, width) <= most
    others = [f"{p} {h} x {w}" for p, (h, w) in sizes.items() if (h, w) != (height, width)]
    if usual and not others:
        return (height, width), []
    have = f"the pictures are {height} x {width}"
    if others:
        some = f"{len(others):,} {'are' if len(others) > 1 else 'is'} not ({name_some(others)})"
        have = f"{common:,} pictures are {height} x {width}, {some}"
    if usual and common >= MOST_OF_THEM * len(sizes):
        return (height, width), [f"{have}: all are read at {height} x {width}, the size of most"]
    chosen = f"{DEFAULT_SIZE[0]} x {DEFAULT_SIZE[1]}"
    why = (
        f"no size is common to {MOST_OF_THEM:.0%} of them"
        if common < MOST_OF_THEM * len(sizes)
        else f"a side is outside {least} to {most}"
    )
    return DEFAULT_SIZE, [f"{have}: read at {chosen}, as {why} and data.size is not given"]


def _in_memory(name: str, index: Index, read_as: ReadAs, notes: tuple[str, ...]) -> Dataset:
    """Decode everything now, in threads: decoders release the interpreter's lock."""
    images = np.empty((len(index), *read_as.shape), np.uint8)

    def fill(position: int) -> str | None:
        try:
            images[position] = decode(index.root / index.paths[position], *read_as)
        except UnreadableError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(_threads()) as pool:
        failures = list(pool.map(fill, range(len(index))))
    kept = [position for position, failure in enumerate(failures) if failure is None]
    reasons = {index.paths[i]: failure for i, failure in enumerate(failures) if failure is not None}
    if not kept:
        raise _nothing_readable(name, reasons)
    readable = index.keep(kept)
    notes = (*_empty_classes(readable), *notes)
    if reasons:  # said before other notes, of which a start leaves out the last
        notes = (f"left out, unreadable: {_told(reasons)}", *notes)
        for new, old in enumerate(kept):  # in place: a copy would double the memory
            images[new] = images[old]
    fingerprint = _fingerprint(readable, read_as)
    examples, names = images[: len(kept)], index.class_names
    if read_as.values is None:
        notes += tell_dark(examples)
    dataset = ArrayDataset(name, examples, fingerprint, readable.labels, names, notes)
    dataset.left_out = reasons
    dataset.folder, dataset.files = index.root, readable.paths
    return dataset


def _on_disk(name: str, index: Index, read_as: ReadAs, notes: tuple[str, ...]) -> Dataset:
    """Leave the pictures on disk, after finding a readable one of each class.

    The pictures of a class without one are left out, as they are in memory: otherwise the class
    would end the run later.
    """
    labels = np.zeros(len(index), np.int64) if index.labels is None else index.labels

    def search(label: int) -> tuple[bool, dict[str, str]]:
        """Return whether a picture of the class can be read, and why those before it cannot."""
        reasons: dict[str, str] = {}
        for path in (index.paths[position] for position in np.flatnonzero(labels == label)):
            try:
                decode(index.root / path, *read_as)
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
        notes = (f"left out, unreadable: {_told(lost)}", *_empty_classes(index), *notes)
    if stood_in:
        notes = (f"unreadable, the next ones of their class stand in: {_told(stood_in)}", *notes)
    gigabytes = len(index) * np.prod(read_as.shape) / 1e9
    notes += (f"read from disk as training goes: {gigabytes:.3g} GB in memory otherwise",)
    dataset = FolderDataset(name, index, read_as, notes, tuple(sorted(stood_in)))
    dataset.left_out = lost
    return dataset


def _threads() -> int:
    return min(8, os.cpu_count() or 1)


def _empty_classes(index: Index) -> tuple[str, ...]:
    """Return a note that names the classes without a picture left, if there are any."""
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
    """Return how many files there are, and the first few with their reasons."""
    files = name_some(f"{path} ({reason})" for path, reason in reasons.items())
    return f"{len(reasons)} file{'s' * (len(reasons) != 1)}: {files}"


def _fingerprint(index: Index, read_as: ReadAs) -> str:
    """Return a digest of the files' names and sizes, and of how they are read.

    Reading their contents would take too long. Names are relative to the folder, so the digest is
    the same wherever the folder is.
    """
    shape, fit, values, parts, crop = read_as
    how = f"{shape} {fit}" if values is None else f"{shape} {fit} {values}"
    how += "" if parts == "colours" else f" {parts}"
    how += "" if crop is None else f" of the middle {crop}"
    digest = blake2b(how.encode(), digest_size=8)
    for path, size in zip(index.paths, index.sizes, strict=True):
        digest.update(os.fsencode(path))
        digest.update(f"\0{size}\n".encode())
    if index.by_table and index.labels is not None:  # names do not show the labels
        classes = "\n".join(index.class_names[label] for label in index.labels)
        digest.update(classes.encode(errors="surrogatepass"))  # any file may have given a name
    return digest.hexdigest()
