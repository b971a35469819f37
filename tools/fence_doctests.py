"""A Griffe extension for the site: show the doctests of docstrings as code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

DOCTEST = re.compile(r"^( *)>>> .*\n?(?:^\1\S.*\n?)*", re.MULTILINE)
"""A prompt, and all lines up to an empty one or one that is less indented."""


def fenced(docstring: str) -> str:
    """Return a docstring with each doctest in a fenced block, at its own indentation.

    >>> print(fenced("Add.\\n\\n>>> 1 + 1\\n2"))
    Add.
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    """
    return DOCTEST.sub(
        lambda m: f"{m[1]}```pycon\n{m[0].rstrip()}\n{m[1]}```\n", docstring
    ).rstrip()


class FenceDoctests(Extension):
    """Fences the doctests of every object that Griffe reads."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)
