"""Copy what the site is made of to build/pages, laid out as in the repository.

    python tools/stage_pages.py

These are README.md, CONTRIBUTING.md, CHANGELOG.md, docs/, results/, and the files that they link
to. Since each keeps its place, a link that holds here holds in the site. Files that are gone from
the repository are taken away from the copy too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from check_docs import ROOT, local_links, pages

STAGE = ROOT / "build" / "pages"


def sources() -> set[Path]:
    """Return the files of the site: the pages, what lies beside them, what they link to."""
    beside = [path for room in ("docs", "results") for path in (ROOT / room).rglob("*")]
    linked = [(page.parent / link).resolve() for page in pages() for link in local_links(page)]
    return {path for path in [*pages(), *beside, *linked] if path.is_file()}


def main() -> None:
    shutil.rmtree(STAGE, ignore_errors=True)
    for source in sorted(sources()):
        copy = STAGE / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy)


if __name__ == "__main__":
    main()
