"""Check the built site: nothing is asked of another host, and every link inside it leads somewhere.

    python tools/check_site.py build/site

Links to other hosts that a reader may follow are fine; scripts, styles, fonts and pictures from
there are not. Exits with 1 and a line for each thing that is wrong.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FROM_ELSEWHERE = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)")
"""What a style asks another host for."""


class Page(HTMLParser):
    """The ids of a page, the links on it, and what a browser loads to show it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = {"", "__skip"}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.ids |= {given.get("id", ""), given.get("name", "")}
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif "src" in given or tag == "link":
            self.loaded.append(given.get("src") or given.get("href", ""))


@cache
def read(path: Path) -> Page:
    return Page(path)


def wrong_on(path: Path, site: Path) -> list[str]:
    page, where = read(path), path.relative_to(site)
    problems = [f"{where}: loads {url}" for url in page.loaded if urlsplit(url).netloc]
    for url in (*page.links, *page.loaded):
        parts = urlsplit(url)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.exists():
            problems.append(f"{where}: no such file: {url}")
        elif target.suffix == ".html" and unquote(parts.fragment) not in read(target).ids:
            problems.append(f"{where}: no such heading: {url}")
    return problems


def main() -> int:
    site = Path(sys.argv[1]).resolve()
    # the page for addresses that do not exist is shown at any depth: its links begin at the root
    pages = [path for path in sorted(site.rglob("*.html")) if path.name != "404.html"]
    problems = [line for path in pages for line in wrong_on(path, site)]
    for style in site.rglob("*.css"):
        found = FROM_ELSEWHERE.findall(style.read_text())
        problems += [f"{style.relative_to(site)}: loads {url}" for url in found]
    print("\n".join(problems) or f"{len(pages)} pages: every link leads somewhere, all within")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
