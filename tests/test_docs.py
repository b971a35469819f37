"""The pages are true: every link leads somewhere and every command parses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_links_and_commands():
    done = subprocess.run(
        [sys.executable, ROOT / "tools/check_docs.py"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
