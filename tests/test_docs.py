"""The pages are true: every link leads somewhere and every command parses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_links_and_commands():
    holds("tools/check_docs.py")


def test_the_page_of_settings_is_what_the_code_says():
    holds("tools/write_settings.py", "--check")


def holds(tool, *arguments):
    done = subprocess.run(
        [sys.executable, ROOT / tool, *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
