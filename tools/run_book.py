"""Run the chapters of the book, and check what they claim.

    python tools/run_book.py                        # every chapter; writes nothing
    python tools/run_book.py --write docs/book/1*   # puts what is shown and printed into pages
    python tools/run_book.py --check                # runs nothing: each notebook is its page's

A chapter is one Markdown page. Its ```python blocks are the cells of a notebook, run one after
another in one kernel. After a block come what it shows, `![what is seen](images/NAME.png)`, a line
for each picture, and what it prints, an ```output block; `--write` makes both anew. Numbers and
pixels change with the processor, so a chapter says in assertions what must hold, and fails if one
does not. The other chapters are run, and with `--write` kept, all the same.

Beside each page lies the same chapter as a notebook without pictures and outputs, which `--write`
makes too.
"""

from __future__ import annotations

import argparse
import base64
import io
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

BOOK = Path(__file__).parent.parent / "docs" / "book"
SHOWN = r"(?:\n*!\[[^\]]*\]\(images/[^)\n]+\))"
PRINTED = r"(?:\n*```output\n(?:.*?\n)?```)"
CELL = re.compile(
    rf"(?P<code>^```python\n.*?^```)(?P<shown>{SHOWN}*)(?P<printed>{PRINTED}?)",
    re.MULTILINE | re.DOTALL,
)
PICTURE = re.compile(r"\(images/([^)]+)\)")
MOST_BYTES = 60_000
"""Of a picture."""
COLOURS = 128
"""Of a picture; with more of them, curves look no better and files grow."""


class ChapterError(Exception):
    """A chapter's page and what its cells show do not fit; the message says how."""


def notebook_of(page: str) -> nbformat.NotebookNode:
    """Return a page as a notebook without what its cells show."""
    notebook = jupytext.reads(CELL.sub(lambda cell: cell["code"], page), fmt="md")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
    }
    return notebook


def stored(page: Path) -> Path:
    """Return where the notebook of a page lies."""
    return page.with_suffix(".ipynb")


def text_of(page: Path) -> str:
    return nbformat.writes(notebook_of(page.read_text())) + "\n"


def executed(page: Path) -> nbformat.NotebookNode:
    """Run a chapter in the book's folder, as Jupyter does; return its notebook with outputs.

    Raises CellExecutionError if a cell raises, also AssertionError.
    """
    notebook = notebook_of(page.read_text())
    resources = {"metadata": {"path": str(BOOK)}}
    with tempfile.TemporaryDirectory() as sockets:
        kernel = AsyncKernelManager(transport="ipc", ip=f"{sockets}/kernel")
        client = NotebookClient(
            notebook, km=kernel, timeout=900, startup_timeout=300, resources=resources
        )
        client.execute()
    return notebook


def printed_by(outputs: list[Any]) -> str:
    """Return what a cell printed, and the text of its last value."""
    texts = [
        output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"]
        for output in outputs
        if output["output_type"] == "stream" or "image/png" not in output["data"]
    ]
    return "\n".join(text.strip("\n") for text in texts)


def save_picture(encoded: str, path: Path) -> None:
    """Write a PNG with few colours. Raises ChapterError if it is large all the same."""
    image = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        raise ChapterError(
            f"{path.name} has {path.stat().st_size} bytes; {MOST_BYTES} are the most"
        )


def with_outputs(page: Path, notebook: nbformat.NotebookNode) -> str:
    """Write a chapter's pictures; return its page with the new outputs.

    Raises ChapterError if a cell shows more or fewer pictures than its page names.
    """
    cells = iter(cell for cell in notebook.cells if cell.cell_type == "code")

    def anew(found: re.Match[str]) -> str:
        outputs = next(cells).outputs
        pictures = [o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {})]
        names = PICTURE.findall(found["shown"])
        if len(names) != len(pictures):
            code = found["code"].splitlines()[1]
            raise ChapterError(
                f"the cell `{code}` shows {len(pictures)} pictures, "
                f"and the page names {len(names)} after it"
            )
        for name, picture in zip(names, pictures, strict=True):
            save_picture(picture, BOOK / "images" / name)
        text = printed_by(outputs)
        return found["code"] + found["shown"] + (f"\n\n```output\n{text}\n```" if text else "")

    return CELL.sub(anew, page.read_text())


def run(page: Path, *, write: bool) -> bool:
    """Run a chapter, keep what it shows if it holds, and return whether it does."""
    start = time.perf_counter()
    try:
        notebook = executed(page)
        if write:
            page.write_text(with_outputs(page, notebook))
            stored(page).write_text(text_of(page))
    except (CellExecutionError, ChapterError) as error:
        print(f"{page.name}: does not hold: {error}", flush=True)
        return False
    print(f"{page.name}: holds, {time.perf_counter() - start:.0f} s", flush=True)
    return True


def check(pages: list[Path]) -> int:
    wrong = [p for p in pages if not stored(p).exists() or stored(p).read_text() != text_of(p)]
    for page in wrong:
        print(f"{page.name}: its notebook is another one; python tools/run_book.py --write {page}")
    return bool(wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pages", type=Path, nargs="*")
    parser.add_argument("--write", action="store_true", help="pictures, outputs and notebooks")
    parser.add_argument("--check", action="store_true", help="whether the notebooks are the pages'")
    given = parser.parse_args()
    pages = [p for p in given.pages if p.suffix == ".md"] or sorted(BOOK.glob("[0-9]*.md"))
    if given.check:
        return check(pages)
    held = [run(page, write=given.write) for page in pages]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
