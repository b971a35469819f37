"""Texts: a .txt file, or a folder of them, each line of which is a sequence of tokens."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gankit.data.dataset import ArrayDataset, array_fingerprint, split_off
from gankit.data.layout import SPLITS, by_nature, split_of
from gankit.data.read_options import ReadOptions, Split
from gankit.data.tokens import END, UNKNOWN, TextOptions, Tokens, put_together, take_apart
from gankit.data.walk import is_picture, is_run
from gankit.errors import DataError
from gankit.text import HIDDEN

SUFFIX = ".txt"
LONGEST: dict[Tokens, int] = {"words": 32, "characters": 80, "bytes": 80}
"""The most tokens of a sequence unless another length is asked for."""
MOST_OF_A_LINE = 2**20
"""The most bytes of a line; the rest counts as another line."""
MOST_SYMBOLS = 5_000
"""The most symbols of a text unless another number is asked for."""
BYTES_A_BYTE = 16
"""Bytes of memory that a byte of a text takes while it is read, about."""
BINARY = (".bin", ".mat", ".npy", ".npz")
"""The ends of files of arrays, beside which a text tells of them: names of classes, a licence."""
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""The first bytes of a text in UTF-16."""


def is_text(path: Path) -> bool:
    """Return whether a path is a .txt file, or a folder that holds some, no picture, no array."""
    if not path.is_dir():
        return path.suffix.lower() == SUFFIX and path.is_file()
    found = False
    for name in _names(path):
        if is_picture(name) or name.lower().endswith(BINARY):
            return False
        found = found or name.lower().endswith(SUFFIX)
    return found


def _names(path: Path) -> Iterator[str]:
    """Yield the path of every file in a folder and below, but for those of runs of gankit."""
    for folder, below, names in os.walk(path):
        if is_run(folder, [*names, *below]):
            below.clear()
            continue
        yield from (os.path.join(folder, name) for name in names)  # noqa: PTH118


@dataclass
class Lines:
    """The lines of one split, and what had to be done to read them.

    Attributes:
        texts: every line that holds a token.
        files, empty, mended: the number of files; of empty lines, left out; and of lines with
            hidden characters, left out, or invalid bytes, replaced.
        cut_off: whether the text goes on beyond what fits in memory, or beyond what is asked for.
    """

    texts: list[str] = field(default_factory=list)
    files: int = 0
    empty: int = 0
    mended: int = 0
    cut_off: bool = False


def read_text(name: str, path: Path, options: ReadOptions) -> ArrayDataset:
    """Read the lines of a .txt file, or of every .txt file in a folder and below.

    Files or sub-folders with the usual names of splits (`train.txt`, `test.txt`) are splits;
    without them, `options.holdout` is held out. The symbols are those of the whole text. Bytes
    that are no UTF-8 and hidden characters do not stop it; `notes` say how many lines had some.

    Raises DataError if nothing can be read, a file is no text, or options of images are given.
    """
    if options.size is not None or options.channels != "auto":
        raise DataError(f"data {name!r} is text, not images: leave size and channels out")
    wanted = options.text.tokens or "words"
    splits: dict[Split, Lines] = {"train": Lines(), "test": Lines()}
    budget = int(options.memory_gb * 1e9 / BYTES_A_BYTE)
    for split, files in _files(path).items():
        _read_files(name, files, splits[split], wanted, options.text.sequences, budget)
    if not splits["train"].texts:
        raise DataError(f"data {name!r} holds no line of text: put one sequence on each line")
    if splits["test"].texts:
        both = [*splits["train"].texts, *splits["test"].texts]
        dataset = text_dataset(name, splits[options.split].texts, options.text, known=both)
    else:
        whole = text_dataset(name, splits["train"].texts, options.text)
        dataset = split_off(whole, options.split, options.holdout)
    dataset.notes = (*_tell(splits["train"], options), *dataset.notes)
    return dataset


def text_dataset(
    name: str,
    lines: Sequence[str],
    options: TextOptions | None = None,
    known: Sequence[str] | None = None,
) -> ArrayDataset:
    """Return lines of text as sequences of tokens, int64 [N, T].

    Args:
        name: what messages call the data.
        lines: one sequence each, with a token at least.
        options: how they are taken apart; None: into words.
        known: the lines whose symbols, and whose greatest length, the data has; None: its own.

    Raises DataError if there are fewer than two symbols.
    """
    options = options or TextOptions()
    tokens: Tokens = options.tokens or "words"
    every = [take_apart(line, tokens) for line in (lines if known is None else known)]
    own = every if known is None else [take_apart(line, tokens) for line in lines]
    length = options.length or min(LONGEST[tokens], max(2, *map(len, every)))
    symbols = _symbols(every, tokens, options.vocabulary or MOST_SYMBOLS)
    if len(symbols) < 3:
        raise DataError(f"data {name!r} repeats one symbol: a text needs two different ones")
    numbers = _numbered(own, symbols, length)
    dataset = ArrayDataset(
        name,
        numbers,
        array_fingerprint(numbers, np.frombuffer("\0".join(symbols).encode(), np.uint8)),
        notes=tuple(_tell_tokens(own, symbols, length, tokens)),
        symbols=symbols,
    )
    dataset.tokens = tokens
    return dataset


def sentence(row: Iterable[int], symbols: Sequence[str], tokens: Tokens | None) -> str:
    """Return one sequence of numbers as text."""
    return put_together((symbols[number] for number in row), tokens)


def _files(path: Path) -> dict[Split, list[Path]]:
    """Return the files of each split; all are for training unless some are named for a test."""
    if not path.is_dir():
        return {"train": [path]}
    found: dict[Split, list[Path]] = {"train": [], "test": []}
    for file in by_nature(name for name in _names(path) if name.lower().endswith(SUFFIX)):
        parts = Path(file).relative_to(path).with_suffix("").parts
        named = next((s for part in parts if (s := split_of(part)) is not None), "train")
        found[SPLITS[named]].append(Path(file))
    return found if found["train"] else {"train": found["test"]}


def _read_files(
    name: str, files: Sequence[Path], into: Lines, tokens: Tokens, most: int | None, budget: int
) -> None:
    """Add the lines of files to `into`, until there are `most`, or `budget` bytes are read."""
    for file in files:
        into.files += 1
        for raw in _raw_lines(name, file):
            budget -= len(raw)
            if budget < 0 or (most is not None and len(into.texts) >= most):
                into.cut_off = True
                return
            line, mended = _clean(raw)
            into.mended += mended
            if take_apart(line, tokens):
                into.texts.append(line)
            else:
                into.empty += 1


def _raw_lines(name: str, file: Path) -> Iterator[bytes]:
    """Yield each line of a file, in UTF-8 and without its end. Raises DataError."""
    try:
        with file.open("rb") as opened:
            if opened.read(2) in UTF_16:
                yield from file.read_text("utf-16", "replace").encode(errors="replace").split(b"\n")
                return
            opened.seek(0)
            while raw := opened.readline(MOST_OF_A_LINE):
                if b"\0" in raw:
                    raise DataError(f"data {name!r}: '{file.name}' is no text, but binary")
                yield raw.rstrip(b"\r\n")
    except OSError as error:
        raise DataError(f"data {name!r}: '{file.name}' cannot be read: {error.strerror}") from None


def _clean(raw: bytes) -> tuple[str, bool]:
    """Return a line as text, and whether something had to be replaced or left out."""
    decoded = raw.decode(errors="replace").removeprefix("\ufeff").replace("\t", " ")
    line = unicodedata.normalize("NFC", HIDDEN.sub("", decoded)).strip()
    return line, "\ufffd" in line or bool(HIDDEN.search(decoded))


def _symbols(lines: Iterable[list[str]], tokens: Tokens, most: int) -> tuple[str, ...]:
    """Return the symbols, the commonest first, after `END`; of too many words, `UNKNOWN` too."""
    counts = Counter(token for line in lines for token in line)
    ordered = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    if len(ordered) >= most:
        ordered = [UNKNOWN, *(s for s in ordered if s != UNKNOWN)][: most - 1]
    return (END, *ordered)


def _numbered(lines: Sequence[list[str]], symbols: Sequence[str], length: int) -> NDArray[np.int64]:
    numbers = np.zeros((len(lines), length), np.int64)  # END is symbol 0
    place = {symbol: number for number, symbol in enumerate(symbols)}
    unknown = place.get(UNKNOWN, 0)
    for row, line in zip(numbers, lines, strict=True):
        row[: len(line)] = [place.get(token, unknown) for token in line[:length]]
    return numbers


def _tell(lines: Lines, options: ReadOptions) -> Iterator[str]:
    """Yield one line on what was read of the files, if there is anything to say."""
    said = [f"{lines.files:,} files"] if lines.files > 1 else []
    said += [f"{lines.empty:,} lines without a token left out"] if lines.empty else []
    said += [f"{lines.mended:,} lines with hidden characters or invalid bytes mended"] * (
        lines.mended > 0
    )
    if lines.cut_off:
        limit = "data.memory_gb" if options.text.sequences is None else "data.sequences"
        said.append(f"only the first {len(lines.texts):,} lines are read ({limit})")
    if said:
        yield f"read: {'; '.join(said)}"


def _tell_tokens(
    lines: Sequence[list[str]], symbols: Sequence[str], length: int, tokens: Tokens
) -> Iterator[str]:
    """Yield one line on how the lines were taken apart."""
    said = [f"{sum(map(len, lines)):,} {tokens}, {len(symbols):,} symbols with the end's"]
    if longer := sum(len(line) > length for line in lines):
        said.append(f"{longer:,} lines cut at {length} (data.length)")
    if UNKNOWN in symbols:
        known = set(symbols)
        rare = sum(token not in known for line in lines for token in line)
        said.append(f"{rare:,} rare {tokens} are one symbol, {UNKNOWN} (data.vocabulary)")
    yield f"taken apart: {'; '.join(said)}"
