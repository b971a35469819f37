"""Write a page, or check that it says what it would say: what the tools that write pages share."""

from __future__ import annotations

import sys
from pathlib import Path


def write_or_check(page: Path, written: str, source: str) -> int:
    """Write a page, or with `--check` compare it; return the exit status.

    `source` is what the page is made from, as it is told if the page says something else.
    """
    if "--check" not in sys.argv[1:]:
        page.write_text(written)
        return 0
    if page.exists() and page.read_text() == written:
        return 0
    print(f"{page.name} is not what {source}: python tools/{Path(sys.argv[0]).name}")
    return 1
