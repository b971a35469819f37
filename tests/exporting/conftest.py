"""A browser for the pages of this folder."""

from __future__ import annotations

import pytest

from tests.browser import open_browser


@pytest.fixture(scope="module")
def browser():
    """One for the tests of a module: a worker has at most one open, and others open their own."""
    with open_browser() as opened:
        yield opened
