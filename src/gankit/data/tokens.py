"""Lines of text and their tokens: words, characters or bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gankit.text import HIDDEN

Tokens = Literal["words", "characters", "bytes"]
"""What the lines of a text are taken apart into."""

END = "\n"
"""The symbol that ends a sequence and fills the rest of its length: no line holds it."""
UNKNOWN = "<unk>"
"""The symbol of every word that is too rare for the vocabulary."""

_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*|[^\w\s]")
_BEFORE_MARK = re.compile(r" (?=[,.;:!?)\]}\u2019\u201d\u2026])")
_AFTER_MARK = re.compile(r"(?<=[(\[{\u2018\u201c]) ")


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How sequences of tokens are read, or made by an oracle (`DataConfig` says what each is)."""

    tokens: Tokens | None = None
    length: int | None = None
    vocabulary: int | None = None
    sequences: int | None = None
    oracle: int = 0


def take_apart(line: str, tokens: Tokens) -> list[str]:
    """Return the tokens of a line, each as the symbol that stands for it.

    >>> take_apart("Don't go, Tom!", "words")
    ["Don't", 'go', ',', 'Tom', '!']

    A word is letters, digits, and hyphens or apostrophes between these; every other mark is a word
    by itself. A byte is the character of its number, 0 to 255, of the line in UTF-8.
    """
    if tokens == "words":
        return _WORD.findall(line)
    return list(line if tokens == "characters" else line.encode().decode("latin-1"))


def put_together(symbols: Iterable[str], tokens: Tokens | None) -> str:
    """Return the text of a sequence, as far as its end.

    >>> put_together(["go", ",", "Tom", "\\n", "\\n"], "words")
    'go, Tom'

    Words have a space between them, but none before a mark such as a comma. Bytes that are no
    UTF-8 are shown as a question mark. `tokens` is None for sequences that were no text: their
    symbols have spaces between them.
    """
    read: list[str] = []
    for symbol in symbols:
        if symbol == END:
            break
        read.append(symbol)
    if tokens == "words":
        return _AFTER_MARK.sub("", _BEFORE_MARK.sub("", " ".join(read)))
    if tokens == "bytes":
        return HIDDEN.sub("\ufffd", "".join(read).encode("latin-1").decode(errors="replace"))
    return ("" if tokens == "characters" else " ").join(read)
