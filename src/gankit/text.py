"""Text made safe to read and to type: nothing hidden, nothing too long, no split commands."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from gankit.errors import ConfigError

LONGEST = 60
"""Most characters of a value that an error shows."""
LONG_REASON = 200
"""Most characters of another library's error that a message shows."""
LONGEST_NAME = 200
"""Most bytes of a text within a file's name, of which most file systems allow 255."""
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, except the tab and the end of a line
    "\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"  # bytes of a file name that are no text
)
"""Characters that cannot be seen, or that change how others look, such as the direction of
writing."""
COLOURS = re.compile("\x1b\\[[0-9;]*m")
"""What switches colours in a terminal."""


def visible(text: str) -> str:
    r"""Return `text` with each hidden character replaced by its code: `\x1b`, `\u202e`."""
    return HIDDEN.sub(lambda found: _code(ord(found[0])), text)


def shown(value: object) -> str:
    """Return any value in a few visible characters: it may come from a file that anybody wrote."""
    if isinstance(value, int) and abs(value) >= 10**24:
        return f"a number of about {int(value.bit_length() * 0.30103) + 1:,} digits"
    try:
        if isinstance(value, (str, bytes)):
            text = visible(repr(value[:LONGEST]))
        else:
            text = visible(" ".join(repr(value).split()))  # of an array or a network in one line
    except (ValueError, RecursionError):  # long numbers, deep lists
        return f"a {type(value).__name__} too large to show"
    long = len(text) > LONGEST or (isinstance(value, (str, bytes)) and len(value) > LONGEST)
    return f"{text[:LONGEST]}..." if long else text


def reason(error: BaseException) -> str:
    """What another library's error says, in one short line; its type if it says nothing."""
    plain = COLOURS.sub("", str(error)[: 4 * LONG_REASON])
    text = " ".join(visible(plain).split())
    return f"{text[:LONG_REASON]}..." if len(text) > LONG_REASON else text or type(error).__name__


def is_plain_number(text: str) -> bool:
    """Return False for what Python takes for a number though people do not type it.

    >>> is_plain_number("1.5"), is_plain_number("1_0"), is_plain_number("\u0663")
    (True, False, False)

    Whether a plain text is a number, `int` and `float` say.
    """
    return "_" not in text and text.isascii()


def from_home(path: str | os.PathLike[str]) -> Path:
    """Return a path with `~` replaced by the home folder; unchanged if there is no such user.

    Raises ConfigError if it is no path, or an empty text, which would stand for the current folder.
    """
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str) or "\0" in text:
        raise ConfigError(f"a path is a text or a pathlib.Path, got {shown(path)}")
    if not text:
        raise ConfigError("a path is empty: give that of a file or a folder")
    # Path.expanduser raises RuntimeError if there is none.
    return Path(os.path.expanduser(text))  # noqa: PTH111


def as_file_name(text: str) -> str:
    """Return a text as a part of a file's or a folder's name: without separators, not too long."""
    plain = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in text)
    return plain.encode()[:LONGEST_NAME].decode(errors="ignore")


def in_shell(path: Path | str) -> str:
    """Return a path as it is typed after a command, whatever characters it has."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def _code(character: int) -> str:
    return f"\\x{character:02x}" if character < 0x100 else f"\\u{character:04x}"
