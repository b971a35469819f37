"""Streams: those that others closed, and lines of progress on stderr."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from gankit.errors import Interrupted
from gankit.text import visible


def silence(stream: TextIO) -> None:
    """Drop what a stream still holds, since writing it would fail again when Python exits."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def say(line: str) -> None:
    """Print a line on stderr, with hidden characters shown."""
    print(visible(line), file=sys.stderr, flush=True)


@contextmanager
def telling_how_to_go_on() -> Iterator[None]:
    """Say what to type after an interruption that comes between the steps of a run."""
    try:
        yield
    except (KeyboardInterrupt, Interrupted):
        say(go_on())
        raise


def go_on() -> str:
    """Return the command that was typed, which goes on with what is left."""
    return f"go on: gankit {shlex.join(sys.argv[1:])}"
