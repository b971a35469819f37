"""The pages are true: links lead somewhere, commands parse, Python runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("your_*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)\n")
"""The first line of a block that is a file of its own, which later blocks import."""


def test_links_and_commands():
    holds("tools/check_docs.py")


def test_the_page_of_settings_is_what_the_code_says():
    holds("tools/write_settings.py", "--check")


def holds(tool, *arguments):
    done = subprocess.run(
        [sys.executable, ROOT / tool, *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path):
    script = ["import gankit\n"]
    for block in BLOCK.findall(page.read_text()):
        if named := FILE.match(block):
            (tmp_path / named[1]).write_text(block)
        else:
            script.append(block)
    (tmp_path / "page.py").write_text("\n".join(script))
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    said = [line.split("# ")[1] for line in "".join(script).splitlines() if "# (" in line]
    assert all(line in done.stdout for line in said)
