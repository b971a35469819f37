"""A browser for the pages of this folder."""

from __future__ import annotations

import pytest

from tests.browser import open_browser


@pytest.fixture(scope="session")
def browser():
    with open_browser() as opened:
        yield opened
