"""Check the written pages: every relative link leads somewhere, every command parses, each page is
in the site's navigation, and every public name on the page of the Python interface.

    python tools/check_docs.py

Looks at README.md, CONTRIBUTING.md, CHANGELOG.md, docs/ and results/. Exits with 1 and a line for
each thing that is wrong.
"""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cyclopts import CycloptsError

import gankit
from gankit.cli.app import app_with, family_of
from gankit.cli.imports import import_all, split_imports
from gankit.errors import ConfigError

ROOT = Path(__file__).parent.parent
FILE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""A block that is a file of its own, which commands may import."""
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"")


def pages() -> list[Path]:
    top = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")]
    return [*top, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "results").glob("*.md"))]


def navigation(entry: Any) -> Iterator[str]:
    """Yield the pages of the site's navigation, or of a part of it."""
    if isinstance(entry, str):
        yield entry
    else:
        for inside in entry.values() if isinstance(entry, dict) else entry:
            yield from navigation(inside)


def missing_from_the_site() -> list[str]:
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    there, wanted = set(navigation(nav)), {str(page.relative_to(ROOT)) for page in pages()}
    problems = [f"{page}: add it to `nav` in zensical.toml" for page in sorted(wanted - there)]
    problems += [f"zensical.toml: no such page: {page}" for page in sorted(there - wanted)]
    explained = re.findall(r"^::: gankit\.(\w+)$", (ROOT / "docs/api.md").read_text(), re.MULTILINE)
    names = sorted(set(gankit.__all__) ^ set(explained))
    return problems + [f"docs/api.md and gankit.__all__ differ in '{name}'" for name in names]


def local_links(page: Path) -> list[str]:
    text = CODE.sub("", page.read_text())
    targets = [a or b for a, b in LINK.findall(text)]
    return [t for t in targets if not t.startswith(("http:", "https:", "mailto:"))]


def broken_links(page: Path) -> list[str]:
    links = local_links(page)
    return [f"{page.name}: no such file: {t}" for t in links if not (page.parent / t).exists()]


def commands(page: Path) -> list[str]:
    """Lines of indented code blocks that call gankit, without their comments."""
    lines = page.read_text().splitlines()
    found = [line.strip() for line in lines if line.startswith("    gankit ")]
    return [re.sub(r"\s+#.*", "", line) for line in found]


def wrong_commands(page: Path, folder: Path) -> list[str]:
    """`folder`: where the files are written that the page shows."""
    problems = []
    for name, content in FILE.findall(page.read_text()):
        (folder / name).write_text(content)
    for command in commands(page):
        try:
            imports, arguments = split_imports(shlex.split(command)[1:])
            import_all([str(folder / name) for name in imports])
            app = app_with(family_of(arguments))
            app.parse_args(arguments, exit_on_error=False, print_error=False)
        except (CycloptsError, ConfigError) as error:
            problems.append(f"{page.name}: `{command}`: {error}")
    return problems


def main() -> int:
    problems = missing_from_the_site()
    with TemporaryDirectory() as folder:
        for page in pages():
            problems += broken_links(page) + wrong_commands(page, Path(folder))
    print("\n".join(problems) or f"{len(pages())} pages: every link and command holds")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
